"""The first directory of a TIFF structure: a TIFF file's, or the one inside EXIF.

Pillow reads all tags at once, so that one tag of a wrong type hides the others. This reads only the
tags that are asked for, and takes one that it cannot read for absent.
"""

from __future__ import annotations

import struct
from typing import Final

ORIENTATION: Final = 0x0112

TYPES: Final = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""The whole numbers among TIFF's types, as `struct` names them."""

ENTRIES: Final = 4096
"""More than any real directory has."""


class Directory:
    """The tags of the first directory. Raises `ValueError` where there is none."""

    def __init__(self, data: bytes) -> None:
        orders = {b"II": "<", b"MM": ">"}
        if data[:2] not in orders:
            raise ValueError("no TIFF structure")
        self._data, self.order = data, orders[data[:2]]
        try:
            (version,) = self._unpack("H", 2)
            self._big = version == 43
            count, entry, self._field = ("Q", 20, "Q") if self._big else ("H", 12, "I")
            (start,) = self._unpack(self._field, 8 if self._big else 4)
            (entries,) = self._unpack(count, start)
            first = start + struct.calcsize(count)
            # Of a tag that is given twice the first counts, as for libtiff.
            places = range(first, first + entry * min(entries, ENTRIES), entry)
            self._entries = {
                self._unpack("H", at)[0]: at for at in reversed(places) if at + entry <= len(data)
            }
        except (struct.error, OverflowError) as error:
            raise ValueError("the directory is cut short") from error

    def __contains__(self, tag: int) -> bool:
        return tag in self._entries

    def numbers(self, tag: int, most: int = 65536) -> tuple[int, ...]:
        """The tag's whole numbers; none where it is absent, of another type, or out of the file."""
        at = self._entries.get(tag)
        if at is None:
            return ()
        kind, count = self._unpack(f"H{self._field}", at + 2)
        if kind not in TYPES or not 0 < count <= most:
            return ()
        form = f"{count}{TYPES[kind]}"
        at += 2 + struct.calcsize(f"={'H'}{self._field}")
        try:
            if struct.calcsize(f"={form}") > struct.calcsize(f"={self._field}"):
                (at,) = self._unpack(self._field, at)
            return self._unpack(form, at)
        except (struct.error, OverflowError):
            return ()

    def number(self, tag: int, default: int) -> int:
        """The tag's first number."""
        return next(iter(self.numbers(tag)), default)

    def _unpack(self, form: str, at: int) -> tuple[int, ...]:
        return struct.unpack_from(f"{self.order}{form}", self._data, at)


def orientation(exif: object) -> int:
    """The EXIF orientation, 1 to 8, as browsers read it: one unsigned short; else 1."""
    if not isinstance(exif, bytes):
        return 1
    try:
        values = Directory(exif.removeprefix(b"Exif\0\0")).numbers(ORIENTATION, most=1)
    except ValueError:
        return 1
    return values[0] if values and 1 <= values[0] <= 8 else 1
