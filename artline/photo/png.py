"""PNG: text and profiles that Pillow refuses for their size are left out before it sees them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

from .bounds import Deadline

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
SKIPPED: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"iCCP"})


def without_text(data: bytes, deadline: Deadline) -> bytes:
    """The file without its text and colour profile; `data` itself where it has none.

    A chunk with a wrong checksum stays, for the decoder to refuse.
    """
    kept: list[memoryview] = []
    view, begin = memoryview(data), 0
    for kind, start, end in _chunks(data):
        deadline.check()
        if kind in SKIPPED and zlib.crc32(view[start + 4 : end - 4]) == _number(data, end - 4):
            kept.append(view[begin:start])
            begin = end
    return b"".join([*kept, view[begin:]]) if kept else data


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Each whole chunk's kind and where it starts and ends, up to the end of the image."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        end = at + 12 + _number(data, at)
        if end > len(data):
            return
        kind = data[at + 4 : at + 8]
        yield kind, at, end
        if kind == b"IEND":
            return
        at = end


def colour_key(key: object, data: bytes) -> object:
    """Pillow's `transparency`, of which it scales the pixels but not the key, at 8 bits.

    The key of a 16-bit grey stays as it is, since so do its pixels.
    """
    depth, kind = data[24], data[25]
    if kind == 0 and depth in (2, 4) and isinstance(key, int):
        return key * 255 // ((1 << depth) - 1)
    if kind == 2 and depth == 16 and isinstance(key, tuple):
        return tuple(value >> 8 for value in key)
    return key


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")
