"""Windows icons: a directory of images, each a PNG file or a bitmap without its file header."""

from __future__ import annotations

import struct
from typing import Final

from .png import SIGNATURE as PNG_SIGNATURE

ENTRY: Final = struct.Struct("<4B2H2I")


def largest(data: bytes) -> tuple[int, tuple[int, int]]:
    """Where the image starts that Pillow would take, and its width and height as it says itself.

    Both are 0 where it is a PNG file, to be read as one. Raises `ValueError` where there is none.
    """
    (count,) = struct.unpack_from("<H", data, 4)
    try:
        entries = [ENTRY.unpack_from(data, 6 + number * ENTRY.size) for number in range(count)]
    except struct.error as error:
        raise ValueError("the icon's directory is cut short") from error
    if not entries:
        raise ValueError("the icon has no image")
    entries.sort(key=_depth)
    entries.sort(key=_area, reverse=True)
    start = entries[0][7]
    if data.startswith(PNG_SIGNATURE, start):
        return start, (0, 0)
    try:
        header, width, height = struct.unpack_from("<3I", data, start)
        if header == 12:
            width, height = struct.unpack_from("<2H", data, start + 4)
    except struct.error as error:
        raise ValueError("the icon's image is cut short") from error
    return start, (width, min(height, 2**32 - height))


def _depth(entry: tuple[int, ...]) -> int:
    colours, bits = entry[2], entry[5]
    return bits or (colours - 1).bit_length() * bool(colours) or 256


def _area(entry: tuple[int, ...]) -> int:
    return (entry[0] or 256) * (entry[1] or 256)
