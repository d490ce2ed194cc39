"""Which files are photos, and what their line art is called."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from ..drawing.art import is_directory
from ..drawing.save import SUFFIXES
from ..errors import PhotoError, reason
from ..photo.source import read_file
from ._arguments import STANDARD

PHOTOS: Final = re.compile(
    r"[^.].*\.(avif|bmp|gif|hei[cf]|hif|jfif|jp2|jpe?g?|mpo|png|tiff?|webp)", re.I | re.S
)
"""The names of the files that are taken for photos in a directory."""

TIMED: Final = re.compile(r"\d{14}(-\d+)?\.(jpg|png|webp|svg)")
"""What line art is named by the time."""

MARK: Final = "-art"
"""What line art is named with, after a photo in the same directory."""

DIGITS: Final = 8
"""How many of a photo's SHA-256 tell photos of one name apart."""


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
                if sys.stdin is None:
                    raise PhotoError("standard input is closed")
                return sys.stdin.buffer.read()
            return read_file(self.path)
        except (OSError, ValueError) as error:
            raise PhotoError(reason(error)) from error


def find(
    named: list[str], output: Path, *, recursive: bool, failed: Callable[[str, Exception], None]
) -> Iterator[Photo]:
    """The photos that `named` files are or directories hold; `failed` hears of what is none.

    What was drawn before into `output` is no photo.
    """
    for name in named:
        path = Path(name)
        if name == STANDARD or not is_directory(path):
            yield Photo(name)
            continue
        told = False

        def tell(what: str, error: Exception) -> None:
            nonlocal told
            told = True
            failed(what, error)

        for photo in _walk(path, output, recursive=recursive, failed=tell):
            told = True
            yield photo
        if not told:
            hint = "" if recursive else ": -r looks into the directories in it"
            failed(name, PhotoError(f"the directory holds no photos{hint}"))


def _walk(
    top: Path, output: Path, *, recursive: bool, failed: Callable[[str, Exception], None]
) -> Iterator[Photo]:
    into = os.path.realpath(output)

    def unreadable(error: OSError) -> None:
        failed(str(error.filename), PhotoError(error.strerror or str(error)))

    for folder, folders, names in os.walk(top, onerror=unreadable):
        here = Path(folder)
        folders[:] = sorted(
            each
            for each in folders
            if recursive and not each.startswith(".") and os.path.realpath(here / each) != into
        )
        photos = sorted(filter(PHOTOS.fullmatch, names))
        stems = {Path(name).stem for name in photos}
        for name in photos:
            if _is_named_after_one_of(stems, name):
                continue
            # Reading a pipe or a device can block for ever. A broken link fails later, by its name.
            path = here / name
            with suppress(OSError):  # which is told when it is read
                if path.exists() and not path.is_file():
                    continue
            timed = TIMED.fullmatch(name) and os.path.realpath(here) == into
            if not timed or _may_be_a_camera_s(path):
                yield Photo(str(path), here.relative_to(top))


def _may_be_a_camera_s(path: Path) -> bool:
    """Whether it may be a camera's photo, named by the time too. Line art has no Exif."""
    try:
        with Image.open(path) as image:
            return bool(image.getexif())
    except Exception:  # Pillow's readers raise anything
        return True  # a photo that is damaged, which is told


def _is_named_after_one_of(stems: set[str], name: str) -> bool:
    """Whether a file is line art that is named after a photo beside it."""
    drawn = re.fullmatch(rf"(.+){MARK}(-[0-9a-f]{{{DIGITS}}})?", Path(name).stem, re.S)
    return drawn is not None and drawn[1] in stems


class Names:
    """The names of line art after its photos.

    Where several photos of a run have one name, as a.jpg and a.png do, the first digits of each
    one's SHA-256 follow the name. In which order they come makes no difference.
    """

    def __init__(self, photos: Iterable[Photo], directory: Path, media_type: str) -> None:
        self._directory = directory
        self._suffix = SUFFIXES[media_type]
        files = {(self._name(photo), os.path.realpath(photo.path)) for photo in photos}
        self._wanted = Counter(str(name).casefold() for name, _ in files)

    def of(self, photo: Photo, sha256: str = "") -> Path | None:
        """The file that the photo's line art is to be, whether or not it is there.

        None where other photos have the same name, and the photo's SHA-256 is not given.
        """
        name = self._name(photo)
        if self._wanted[str(name).casefold()] == 1:
            return name
        return name.with_stem(f"{name.stem}-{sha256[:DIGITS]}") if sha256 else None

    def _name(self, photo: Photo) -> Path:
        stem = "stdin" if photo.path == STANDARD else Path(photo.path).stem
        directory = self._directory / photo.below
        beside = os.path.realpath(directory) == os.path.realpath(Path(photo.path).parent)
        if photo.path != STANDARD and beside:
            stem += MARK
        return directory / f"{stem}{self._suffix}"
