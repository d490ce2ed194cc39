"""What a TIFF file says of itself, before anything of it is decoded.

Pillow and libtiff read some kinds wrongly or not at all: camera raw comes as its thumbnail, 16-bit
samples in separate planes as noise, and so do compressed big-endian ones that are signed or
floating point; of 32-bit ones without a sign, the lighter half is black.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from .bounds import Bounds
from .directory import ORIENTATION, Directory
from .formats import unknown, unsupported
from .pixels import Samples

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
STRIPS, PLANAR, TILE_WIDTH, TILE_HEIGHT, TILES, SUB_IFDS = 273, 284, 322, 323, 324, 330
SAMPLE_FORMAT, DNG_VERSION = 339, 50706

UNSIGNED, SIGNED = 1, 2
"""Kinds of numbers, by the sample format; 3 is floating point."""

RAW_PHOTOMETRICS: Final = frozenset({32803, 34892})
"""A colour filter array, and DNG's linear raw."""

COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34925, 50000})
"""What Pillow's libtiff decodes. WebP (50001) is none of it."""

JPEG_COMPRESSION: Final = 7
FRAME: Final = re.compile(rb"\xff([\xc0-\xcf])(?<![\xc4\xc8\xcc])..(.)(..)(..)", re.DOTALL)
"""A JPEG's start of frame: kind, bits, height, width."""


class Tiff:
    """The first image's tags. Raises `ValueError` where there are none, and `PhotoError`."""

    def __init__(self, data: bytes, bounds: Bounds) -> None:
        tags = Directory(data)
        turn = tags.number(ORIENTATION, 1)
        self.orientation = turn if 1 <= turn <= 8 else 1
        if _is_raw(tags, data):
            raise unknown("camera raw")
        bounds.check(tags.number(WIDTH, 0), tags.number(HEIGHT, 0))
        bounds.check(tags.number(TILE_WIDTH, 0), tags.number(TILE_HEIGHT, 0))
        compression = tags.number(COMPRESSION, 1)
        bits = max(tags.numbers(BITS), default=1)
        if compression not in COMPRESSIONS:
            raise unsupported("TIFF")
        numbers = tags.number(SAMPLE_FORMAT, UNSIGNED)
        turned = tags.order == ">" and compression != 1 and numbers != UNSIGNED
        planes = tags.number(PLANAR, 1) == 2 and compression == 1
        if (bits > 8 and (planes or turned)) or (bits > 16 and numbers == UNSIGNED):
            raise unsupported("TIFF")
        if compression == JPEG_COMPRESSION:
            _check_frames(tags, data, bounds)
        self.samples = _samples(bits, numbers, tags.number(PHOTOMETRIC, 1))


def samples_of(tags: Mapping[int, Any]) -> Samples:
    """The samples of an image that Pillow opened, by its tags."""
    bits, numbers = (max(tags.get(tag, (1,))) for tag in (BITS, SAMPLE_FORMAT))
    return _samples(bits, numbers, tags.get(PHOTOMETRIC, 1))


def _samples(bits: int, numbers: int, photometric: int) -> Samples:
    white = float((1 << bits) - 1) if bits in (12, 16) else None
    if bits == 16 and numbers == SIGNED:
        white = 32767.0
    return Samples(white, inverted=photometric == 0 and bits > 8)


def _is_raw(tags: Directory, data: bytes) -> bool:
    """Whether the first image is a camera's raw data, or the thumbnail beside them."""
    return (
        DNG_VERSION in tags
        or data[8:10] == b"CR"
        or tags.number(PHOTOMETRIC, 0) in RAW_PHOTOMETRICS
        or (SUB_IFDS in tags and tags.number(SUBFILE_TYPE, 0) & 1 == 1)
    )


def _check_frames(tags: Directory, data: bytes, bounds: Bounds) -> None:
    """Checks each strip or tile that is a JPEG: its kind, and its own width and height."""
    for start in tags.numbers(TILES) or tags.numbers(STRIPS):
        frame = FRAME.search(data, start, start + 65536)
        if frame is None:
            continue
        kind, depth, height, width = frame.groups()
        if kind not in (b"\xc0", b"\xc1", b"\xc2") or depth != b"\x08":
            raise unsupported("TIFF")
        bounds.check(int.from_bytes(width, "big"), int.from_bytes(height, "big"))
