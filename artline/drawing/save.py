"""Line art into files: whole or not at all, and never over another file."""

from __future__ import annotations

import errno
import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

SUFFIXES: Final = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}
"""The suffix of line art, by its media type."""

FILE_SUFFIXES: Final = {each: kind for kind, each in SUFFIXES.items()} | {".jpeg": "image/jpeg"}
"""The media type of line art that is saved under a name with this suffix, in lower case."""

OTHER_SUFFIXES: Final = {
    *(".avif", ".bmp", ".eps", ".gif", ".heic", ".heif", ".hif", ".ico", ".jfif", ".jp2", ".jpe"),
    *(".jxl", ".mpo", ".pdf", ".svgz", ".tif", ".tiff"),
}
"""Those that line art is not saved under. Taken for a directory's, they would surprise."""


def save(data: bytes, content_type: str, directory: Path) -> Path:
    """Writes `data` as `yyyyMMddHHmmss` and its type's suffix, then -1, -2 ... where that is taken.

    Raises `OSError` where the directory cannot be written, and leaves nothing behind.
    """
    with _part(directory) as part:
        part.write_bytes(data)
        for path in _names(directory, SUFFIXES.get(content_type, ".img")):
            with suppress(FileExistsError):
                _publish(part, path)
                return path
    raise AssertionError("the names never end")


def save_as(data: bytes, path: Path) -> Path:
    """Writes `data` as the file `path`. A pipe or a device is written to.

    Raises `FileExistsError` where another file has that name, other `OSError`s where it cannot be
    written, and leaves nothing behind.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        path.write_bytes(data)
        return path
    if os.path.lexists(path):
        raise FileExistsError(f"{path} exists already")
    with _part(path.parent) as part:
        part.write_bytes(data)
        _publish(part, path)
    return path


@contextmanager
def _part(directory: Path) -> Iterator[Path]:
    """The name of a file that is written first, and is gone afterwards."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # which is to say that the file has its name, below
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), directory) from error
    part = directory / f".{secrets.token_hex(8)}.part"
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _names(directory: Path, suffix: str) -> Iterator[Path]:
    stamp = f"{datetime.now():%Y%m%d%H%M%S}"
    yield directory / f"{stamp}{suffix}"
    for number in itertools.count(1):
        yield directory / f"{stamp}-{number}{suffix}"


def _publish(part: Path, path: Path) -> None:
    """Gives the finished file its name, in one step. Raises `FileExistsError` where it is taken."""
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:
        # Memory cards' file systems have no links: take the name first, then move the file onto it.
        path.touch(exist_ok=False)
        try:
            part.replace(path)
        except BaseException:
            path.unlink()
            raise
