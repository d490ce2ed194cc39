"""Reads Qt's compiled resources (.rcc), in which some packages keep their pictures."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_FOLDER, _ZLIB = 2, 1


def read(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every file in the resource: its path, "/"-separated, and its bytes.

    Files that are not stored plainly or with zlib are left out.

    Raises:
        ValueError: these bytes are no compiled resource.

    """
    if data[:4] != b"qres":
        raise ValueError("not a compiled Qt resource: it does not begin with qres")
    version, tree, contents, names = struct.unpack_from(">4I", data, 4)
    entry_size = 14 if version == 1 else 22  # later versions add a modification time

    def name(offset: int) -> str:
        (length,) = struct.unpack_from(">H", data, names + offset)
        start = names + offset + 6  # past the length and a hash
        return data[start : start + 2 * length].decode("utf-16-be")

    def walk(index: int, path: str) -> Iterator[tuple[str, bytes]]:
        entry = tree + index * entry_size
        name_at, flags = struct.unpack_from(">IH", data, entry)
        if index:
            path = f"{path}/{name(name_at)}" if path else name(name_at)
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", data, entry + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
            return
        (at,) = struct.unpack_from(">I", data, entry + 10)
        (size,) = struct.unpack_from(">I", data, contents + at)
        content = data[contents + at + 4 :][:size]
        if flags & _ZLIB:
            yield path, zlib.decompress(content[4:])
        elif not flags:
            yield path, content

    yield from walk(0, "")
