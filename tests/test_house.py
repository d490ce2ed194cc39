"""The directions between the folders, as docs/design.md draws them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "models" / "build"
FOLDERS = ("artline", "bench", "function", "image", "local", "models", "operate", "policy", "stack")
TEST = "tests"

MAY_IMPORT = {
    "artline": set(),
    "function": {"artline"},
    "image": {"artline"},
    "local": {"artline", "function"},
    "models": {"artline"},
    "operate": {"artline", "image", "local", "stack"},
    "policy": set(),
    "stack": {"artline", "image"},
    "bench": {"artline", "function", "image", "local"},
}
"""Which other folders the modules of a folder may import."""

INSIDE_ARTLINE = {
    "version": set(),
    "errors": set(),
    "limits": set(),
    "options": {"errors", "limits"},
    "photo": {"errors", "limits"},
    "drawing": {"errors", "limits", "options", "photo", "version"},
    "strokes": {"drawing", "errors"},
    "client": {"drawing", "errors", "limits", "options", "photo", "version"},
    "cli": {
        "client",
        "drawing",
        "errors",
        "limits",
        "options",
        "photo",
        "strokes",
        "version",
    },
    "__init__": {"client", "drawing", "errors", "options", "photo", "version"},
    "__main__": {"cli"},
}
"""Which parts of the library a part may import."""

ALLOWED = {
    "stack": {"artline.version", "image.context", "image"},
    "function": {
        "artline",
        "artline.drawing",
        "artline.errors",
        "artline.limits",
        "artline.options",
        "artline.photo",
        "artline.version",
    },
}
"""The modules of other folders, where not all of a folder may be imported."""


def modules(folder: str) -> Iterator[Path]:
    """The files of a folder, without what the model tools download into `models/build`."""
    for path in (ROOT / folder).rglob("*.py"):
        if BUILD not in path.parents:
            yield path


def imported(path: Path) -> set[str]:
    """The absolute names of the modules that a file imports, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            name = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{name}.{alias.name}" for alias in node.names} | {name}
    return found


@pytest.mark.parametrize("folder", FOLDERS)
def test_imports_run_one_way(folder: str) -> None:
    others = (set(FOLDERS) | {TEST}) - {folder}
    for path in modules(folder):
        for name in imported(path):
            top = name.partition(".")[0]
            assert top not in others - MAY_IMPORT[folder], (path, name)


@pytest.mark.parametrize("folder", ALLOWED)
def test_only_these_modules_of_others_are_imported(folder: str) -> None:
    for path in modules(folder):
        for name in imported(path):
            if name.partition(".")[0] in MAY_IMPORT[folder]:
                parts = name.split(".")
                prefixes = {".".join(parts[:length]) for length in range(2, len(parts) + 1)}
                assert name == parts[0] or prefixes & ALLOWED[folder], (path, name)


def test_the_parts_of_the_library_have_an_order() -> None:
    for path in modules("artline"):
        part = path.relative_to(ROOT / "artline").parts[0].removesuffix(".py")
        for name in imported(path):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top == "artline" and other in INSIDE_ARTLINE and other != part:
                assert other in INSIDE_ARTLINE[part], (path, name)


def test_the_library_alone_imports_nothing_heavy() -> None:
    for name in ("__init__", "version", "errors", "limits", "options"):
        path = ROOT / "artline" / f"{name}.py"
        tree = ast.parse(path.read_text("utf-8"))
        top_level = {
            alias.name.partition(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import)
            for alias in node.names
        } | {
            (node.module or "").partition(".")[0]
            for node in tree.body
            if isinstance(node, ast.ImportFrom) and not node.level
        }
        assert not top_level & {"PIL", "httpx", "numpy", "onnxruntime", "typer"}, name
