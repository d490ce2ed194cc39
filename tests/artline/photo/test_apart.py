"""Decoders that run in C to the end are stopped from outside, and what they do ends there."""

import ctypes
import os
import struct
import time
import zlib

import numpy as np
import pytest

from artline.errors import DamagedPhotoError, PhotoError, PhotoTooLargeError, UnknownFormatError
from artline.photo import apart
from artline.photo.bounds import Bounds
from artline.photo.reader import decode

BOX = (64, 64)


def burn() -> None:
    while True:
        time.process_time()


def refuse() -> None:
    raise UnknownFormatError("What to do.")


def test_what_is_made_comes_back() -> None:
    made = apart.apart(lambda: np.arange(12, dtype=np.uint8).reshape(2, 2, 3), 5)
    assert made.tolist() == np.arange(12).reshape(2, 2, 3).tolist()
    assert apart.apart(os.getpid, 5) != os.getpid()


def test_an_error_of_photos_comes_back() -> None:
    with pytest.raises(UnknownFormatError, match=r"What to do\."):
        apart.apart(refuse, 5)


def test_what_takes_too_long_is_ended() -> None:
    with pytest.raises(PhotoTooLargeError, match="too long"):
        apart.apart(burn, 0.5)


def test_what_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(PhotoTooLargeError):
        apart.apart(lambda: len(bytearray(2 * apart.MEMORY)), 5)


def test_a_crash_is_damage() -> None:
    with pytest.raises(DamagedPhotoError):
        apart.apart(lambda: ctypes.string_at(0), 5)


def jpeg2000(side: int, layers: int, precinct: int) -> bytes:
    """Well under a kilobyte, and says that it has very many pieces, all of them empty."""

    def segment(marker: int, data: bytes) -> bytes:
        return struct.pack(">HH", marker, len(data) + 2) + data

    size = struct.pack(">H8IH", 0, side, side, 0, 0, side, side, 0, 0, 3) + b"\7\1\1" * 3
    coding = struct.pack(">BBHB", 1, 0, layers, 0) + bytes([0, 0, 0, 0, precinct * 17])
    begin = b"\xff\x4f" + segment(0xFF51, size) + segment(0xFF52, coding)
    tile = struct.pack(">HHHIBB", 0xFF90, 10, 0, 114, 0, 1) + b"\xff\x93" + bytes(100)
    return begin + segment(0xFF5C, b"\x40\x40") + tile + b"\xff\xd9"


def tiled_tiff(tiles: int) -> bytes:
    """All of whose tiles are the same few bytes: as many pixels as they say, again and again."""
    tile = zlib.compress(bytes(16 * 1_000_000), 9)
    entries = {
        256: (4, 1, 16 * tiles),
        257: (4, 1, 16),
        258: (3, 1, 8),
        259: (3, 1, 8),
        262: (3, 1, 1),
        277: (3, 1, 1),
        322: (4, 1, 16),
        323: (4, 1, 1_000_000),
    }
    places = 8 + 2 + 12 * (len(entries) + 2) + 4
    start = places + 8 * tiles
    entries |= {324: (4, tiles, places), 325: (4, tiles, places + 4 * tiles)}
    directory = b"".join(struct.pack("<HHII", tag, *entries[tag]) for tag in sorted(entries))
    header = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    numbers = struct.pack(f"<{2 * tiles}I", *[start] * tiles, *[len(tile)] * tiles)
    return header + numbers + tile


@pytest.mark.parametrize(
    "data",
    [jpeg2000(3000, 1, 1), jpeg2000(2000, 65535, 5), tiled_tiff(2000)],
    ids=["precincts", "layers", "tiles"],
)
def test_small_files_that_take_very_much(data: bytes) -> None:
    with pytest.raises(PhotoError):
        decode(data, BOX, Bounds(50_000_000, 0.5))


def test_a_sequential_jpeg_of_a_thousand_scans_is_stopped() -> None:
    frame = b"\x08" + struct.pack(">HH", 7000, 7000) + b"\3\1\x11\0\2\x11\0\3\x11\0"
    tables = b"\xff\xdb\0\x43\0" + b"\1" * 64
    for kind in (0x00, 0x10):
        tables += b"\xff\xc4\0\x14" + bytes([kind, 1]) + bytes(15) + b"\0"
    one = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + b"\0"
    three = b"\xff\xda\0\x0c\3\1\0\2\0\3\0\0\x3f\0"
    begin = b"\xff\xd8" + tables + b"\xff\xc0\0\x11" + frame
    with pytest.raises(PhotoTooLargeError, match="too long"):
        decode(begin + one + three * 4000 + b"\xff\xd9", BOX, Bounds(50_000_000, 0.5))
