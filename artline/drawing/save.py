"""Line art into a directory: whole or not at all, and never over another file."""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

SUFFIXES = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/webp": ".webp",
    "image/svg+xml": ".svg",
}


def save(data: bytes, content_type: str, directory: Path) -> Path:
    """Writes `data` as `yyyyMMddHHmmss` and its type's suffix, then -1, -2 ... where that is taken.

    Raises `OSError` where the directory cannot be written, and leaves nothing behind.
    """
    directory.mkdir(parents=True, exist_ok=True)
    part = directory / f".{secrets.token_hex(8)}.part"
    try:
        part.write_bytes(data)
        for path in _names(directory, SUFFIXES.get(content_type, ".img")):
            with suppress(FileExistsError):
                _publish(part, path)
                return path
    finally:
        part.unlink(missing_ok=True)
    raise AssertionError("the names never end")


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
