"""The build context: the same for every clone of one commit, whatever surrounds it."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from image import context

ROOT = Path(__file__).parents[2]
Clone = Callable[..., Path]

IMPORT_ALL = """
import importlib, json, pkgutil, sys
import artline, function
for package in artline, function:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
files = {getattr(module, "__file__", None) for module in sys.modules.values()}
print(json.dumps(sorted(file for file in files if file)))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """`clone(name)`: the files of the image as a clone has them, without their history."""

    def copy(name: str, umask: int = 0o022) -> Path:
        root = tmp_path / name
        with _umask(umask):
            for file in (*context.files(), "function/Dockerfile"):
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / file, root / file)
        return root

    return copy


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def digest(root: Path) -> str:
    """Of each path, mode and content, which is what the Docker provider's digest is made of."""
    staged = context.stage(root)
    total = hashlib.sha256()
    for path in sorted(staged.rglob("*")):
        total.update(f"{path.relative_to(staged)} {path.stat().st_mode:o}\n".encode())
        if path.is_file():
            total.update(path.read_bytes())
    return total.hexdigest()


@pytest.mark.parametrize("umask", [0o077, 0o002, 0o027])
def test_the_umask_of_a_clone_changes_nothing(clone: Clone, umask: int) -> None:
    with _umask(umask):
        strict = digest(clone("strict", umask))
    assert strict == digest(clone("usual"))


def test_line_ends_of_a_check_out_change_nothing(clone: Clone) -> None:
    usual = digest(clone("usual"))
    windows = clone("windows")
    changed = 0
    for path in windows.rglob("*"):
        if path.is_file() and path.suffix in {*context.TEXT, ""}:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
            changed += 1
    assert changed > 20
    assert digest(windows) == usual


@pytest.mark.parametrize(
    "name",
    [
        ".DS_Store",
        "._index.html",
        ".index.html.swp",
        "index.html~",
        "index.html.orig",
        "#index.html#",
        ".#app.py",
        "4913",
        "Thumbs.db",
        ".idea/workspace.py",
        "__pycache__/app.cpython-313.pyc",
    ],
)
@pytest.mark.parametrize("folder", ["function", "function/page", "artline/drawing"])
def test_what_editors_leave_changes_nothing(clone: Clone, folder: str, name: str) -> None:
    root = clone("usual")
    usual = digest(root)
    left = root / folder / name
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("left over")
    assert digest(root) == usual


def test_an_emacs_lock_is_no_obstacle(clone: Clone) -> None:
    """A link to nowhere, beside the file that is being edited."""
    root = clone("usual")
    usual = digest(root)
    (root / "function" / ".#app.py").symlink_to("ada@machine.1234:5678")
    (root / "function" / "page" / "lock.html").symlink_to("nowhere")
    assert digest(root) == usual


def test_what_runs_changes_the_digest(clone: Clone) -> None:
    root = clone("usual")
    usual = digest(root)
    (root / "function" / "app.py").write_text("handler = None\n")
    assert digest(root) != usual


def test_every_file_is_checked_out_with_unix_line_ends() -> None:
    names = subprocess.run(
        ["git", "ls-files", "-z", "--eol"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if names.returncode:
        pytest.skip("no git, or no clone: an archive has the line ends it was made with")
    for line in names.stdout.split("\0"):
        if line:
            stored, _, attribute = line.split("\t")[0].split(maxsplit=2)
            assert stored in ("i/lf", "i/-text", "i/none"), line
            assert "eol=lf" in attribute or "-text" in attribute, line


def test_what_is_staged_imports_nothing_of_ours_from_elsewhere(clone: Clone) -> None:
    staged = context.stage(clone("usual"))
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=staged,
        env={"PYTHONPATH": str(staged), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {Path(file) for file in json.loads(done.stdout)}
    for path in loaded:
        assert path.is_relative_to(staged) or not path.is_relative_to(context.ROOT / "artline")
    names = {path.relative_to(staged).as_posix() for path in loaded if path.is_relative_to(staged)}
    assert names == {name for name in context.files() if name.endswith(".py")}


def test_the_image_has_neither_client_nor_command_line() -> None:
    assert not [name for name in context.files() if "/client" in name or "/cli" in name]
