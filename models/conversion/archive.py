"""Zip archives of torch's, as torch reads them: what each is, and where two readers would differ.

torch's reader and Python's do not agree on every archive. One that they could read differently is
refused, since it was not written by torch.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import BinaryIO

from models.conversion import foreign
from models.conversion.pickles import RefusedError
from models.conversion.text import plain

MAGIC = (
    b"PK\x03\x04"  # the first bytes decide whether a file is a zip archive, as they do for torch
)
_END, _END64, _LOCATOR = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"


def is_archive(file: BinaryIO) -> bool:
    """Whether torch would read `file` as an archive; it is left at its beginning."""
    file.seek(0)
    head = file.read(len(MAGIC))
    file.seek(0)
    return head == MAGIC


def kind(path: Path) -> str | None:
    """`foreign.TORCHSCRIPT` or `foreign.PROGRAM`, or None for what `torch.save` or others wrote."""
    with path.open("rb") as file:
        if not is_archive(file):
            return None
        names = {name.partition("/")[2] for name in opened(file).namelist()}
    if "constants.pkl" in names:
        return foreign.TORCHSCRIPT
    if names & {"archive_format", "serialized_exported_program.json"}:
        return foreign.PROGRAM
    return None


def opened(file: BinaryIO) -> zipfile.ZipFile:
    """The archive in `file`.

    Raises `RefusedError` where it cannot be read, or where torch could read another one in it.
    """
    try:
        archive = zipfile.ZipFile(file)
        names = [info.filename for info in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
        raise RefusedError(f"a zip file that cannot be read: {plain(error)}") from error
    _check_layout(file)
    # torch compares names without regard to case, and takes the first that fits.
    if len({name.lower() for name in names}) != len(names):
        raise RefusedError("a zip file, but none of torch's: two of its entries have one name")
    if not all(name.isascii() and name.isprintable() for name in names):
        raise RefusedError("a zip file, but none of torch's: an entry's name is not plain text")
    return archive


def _check_layout(file: BinaryIO) -> None:
    """The directory of entries ends where the end record begins, and begins where that says."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 42))
    tail = file.read()
    end = tail[-22:]
    if len(end) < 22 or end[:4] != _END or end[20:] != b"\0\0":
        raise RefusedError("a zip file, but none of torch's: something follows it")
    length, begin = struct.unpack("<LL", end[12:20])
    at = size - 22
    if tail[:4] == _LOCATOR:
        at = struct.unpack("<Q", tail[8:16])[0]
        file.seek(min(at, size))
        record = file.read(56)
        if at != size - 22 - 20 - 56 or record[:4] != _END64:
            raise RefusedError("a zip file, but none of torch's: its end is not where it says")
        length, begin = struct.unpack("<QQ", record[40:56])
    if begin + length != at:
        raise RefusedError("a zip file, but none of torch's: its entries are not where it says")
