"""Which files are photos, and what their line art is called."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ..drawing.save import SUFFIXES
from ..errors import PhotoError
from ._arguments import STANDARD

PHOTOS: Final = re.compile(
    r"[^.].*\.(avif|bmp|gif|hei[cf]|hif|jfif|jp2|jpe?g?|mpo|png|tiff?|webp)", re.I | re.S
)
"""The names of the files that are taken for photos in a directory."""

TIMED: Final = re.compile(r"\d{14}(-\d+)?\.(jpg|png|webp|svg)")
"""What line art is named by the time."""

MARK: Final = "-art"
"""What line art is named with, after a photo in the same directory."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo of a run. `below` is where it lies in the directory that was named."""

    path: str
    below: Path = field(default_factory=Path)

    def __str__(self) -> str:
        return self.path

    def read(self) -> bytes:
        """The file's bytes, read once: it may be a pipe. Raises `PhotoError`."""
        try:
            if self.path == STANDARD:
                return sys.stdin.buffer.read()
            return Path(self.path).read_bytes()
        except (OSError, ValueError) as error:
            raise PhotoError(
                (isinstance(error, OSError) and error.strerror) or str(error)
            ) from error


def find(
    named: list[str], output: Path, *, recursive: bool, failed: Callable[[str, Exception], None]
) -> Iterator[Photo]:
    """The photos that `named` files are or directories hold; `failed` hears of what is none.

    What was drawn before into `output` is no photo.
    """
    for name in named:
        path = Path(name)
        if name == STANDARD or not path.is_dir():
            yield Photo(name)
            continue
        found = False
        for photo in _walk(path, output, recursive=recursive, failed=failed):
            found = True
            yield photo
        if not found:
            hint = "" if recursive else ": -r looks into the directories in it"
            failed(name, PhotoError(f"the directory holds no photos{hint}"))


def _walk(
    top: Path, output: Path, *, recursive: bool, failed: Callable[[str, Exception], None]
) -> Iterator[Photo]:
    into = output.resolve()

    def unreadable(error: OSError) -> None:
        failed(str(error.filename), PhotoError(error.strerror or str(error)))

    for folder, folders, names in os.walk(top, onerror=unreadable):
        here = Path(folder)
        folders[:] = sorted(
            each
            for each in folders
            if recursive and not each.startswith(".") and (here / each).resolve() != into
        )
        for name in sorted(names):
            if not PHOTOS.fullmatch(name) or _is_art(name, names, timed=here.resolve() == into):
                continue
            # Reading a pipe or a device can block for ever. A broken link fails later, by its name.
            if (here / name).is_file() or not (here / name).exists():
                yield Photo(str(here / name), here.relative_to(top))


def _is_art(name: str, beside: list[str], *, timed: bool) -> bool:
    """Whether a file was drawn by an earlier run: named by the time, or after a photo beside it."""
    if timed and TIMED.fullmatch(name):
        return True
    drawn = re.fullmatch(rf"(.+){MARK}(-\d+)?", Path(name).stem, re.S)
    return drawn is not None and any(
        Path(other).stem == drawn[1] and PHOTOS.fullmatch(other) for other in beside
    )


class Names:
    """The names of line art after its photos, no two alike."""

    def __init__(self, directory: Path, media_type: str) -> None:
        self._directory = directory
        self._suffix = SUFFIXES[media_type]
        self._taken: set[Path] = set()

    def of(self, photo: Photo) -> Path:
        """The file that the photo's line art is to be, whether or not it is there."""
        stem = "stdin" if photo.path == STANDARD else Path(photo.path).stem
        directory = self._directory / photo.below
        if photo.path != STANDARD and directory.resolve() == Path(photo.path).parent.resolve():
            stem += MARK
        path, number = directory / f"{stem}{self._suffix}", 0
        while path in self._taken:
            number += 1
            path = directory / f"{stem}-{number}{self._suffix}"
        self._taken.add(path)
        return path
