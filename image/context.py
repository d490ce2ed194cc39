"""The build context of the function's image: what runs in Lambda, and nothing else.

`stage()` copies it into an ignored folder with fixed modes and line ends, so that two clones of one
commit, made under any umask or `core.autocrlf`, give the same context digest. `make image` and the
Pulumi program both build from there. Standard library only: the Pulumi program imports this.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ".image"
"""The context, relative to the project. Pulumi keeps the path in its state, where an absolute one
would differ from machine to machine."""

MODULES: Final = ("__init__.py", "errors.py", "limits.py", "options.py", "version.py")
PACKAGES: Final = ("artline/photo", "artline/drawing", "function")
"""What `function.app` imports; a test compares the two."""

TEXT: Final = {".py", ".html", ".css", ".js", ".txt", ".webmanifest"}
BINARY: Final = {".png", ".webp", ".onnx"}


def stage(root: Path = ROOT) -> Path:
    """Makes the context of the project at `root` anew, and returns its folder."""
    folder = root / FOLDER
    staged = Path(tempfile.mkdtemp(prefix=f"{FOLDER}-", dir=root))
    try:
        for name in files(root):
            _copy(root / name, staged / name)
        _copy(root / "function" / "Dockerfile", staged / "Dockerfile")
        for directory, _, _ in os.walk(staged):
            Path(directory).chmod(0o755)  # whatever the umask
        _replace(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def files(root: Path = ROOT) -> Iterator[str]:
    """The paths of the files that run in Lambda, relative to `root`, in order."""
    yield "artline/model.onnx"
    yield from (f"artline/{name}" for name in MODULES if (root / "artline" / name).exists())
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*")):
            relative = path.relative_to(root)
            if path.suffix in TEXT | BINARY and path.is_file() and not _ignored(relative):
                yield relative.as_posix()


def model_digest(root: Path = ROOT) -> str:
    """The SHA-256 of the model file, in hexadecimal."""
    with (root / "artline" / "model.onnx").open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ignored(path: Path) -> bool:
    """Whether an editor or the operating system left the file: `.#a.py`, `._a.py`, `#a.py#`."""
    return any(part.startswith((".", "#", "__pycache__")) for part in path.parts)


def _copy(path: Path, to: Path) -> None:
    data = path.read_bytes()
    if path.suffix not in BINARY:
        data = data.replace(b"\r\n", b"\n")
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(data)
    to.chmod(0o644)


def _replace(staged: Path, folder: Path) -> None:
    """Puts `staged` in `folder`'s place; a build that is reading the old one may go on."""
    old = staged.with_name(f"{staged.name}-old")
    if folder.exists():
        folder.rename(old)
    staged.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
