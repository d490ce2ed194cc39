"""Read what `torch.save` wrote, both its formats, by the symbolic reader: nothing is unpickled."""

import io
import math
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Self

import torch

from models.conversion import archive, pickles
from models.conversion.pickles import Global, Object, Persistent, RefusedError
from models.conversion.text import plain

MAX_PICKLE = 256 * 2**20
_MOST_DIMENSIONS = 64
_PARAMETERS = ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state")
_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the format before torch 1.6
_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class TorchFile:
    """An open file of `torch.save`: its `value`, symbolic, and the tensors that it refers to.

    Raises `RefusedError` where `path` holds no such file, or one that torch would not have written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise RefusedError(f"a file that cannot be opened: {error.strerror}") from error
        self._storages: dict[str, torch.Tensor] = {}
        self._single: dict[tuple[Any, ...], torch.Tensor] = {}
        self.readings: list[pickles.Reading] = []
        self.follows = 0  # bytes behind what torch reads
        self.size = self._file.seek(0, 2)
        try:
            if archive.is_archive(self._file):
                self._read_zip()
            else:
                self._read_legacy()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _read_zip(self) -> None:
        self._zip = archive.opened(self._file)
        names = self._zip.namelist()
        found = [n for n in names if n.count("/") == 1 and n.endswith("/data.pkl")]
        if len(found) != 1:
            raise RefusedError(
                "a zip file, but none of torch's: it holds "
                + ("no data.pkl" if not found else "more than one data.pkl")
            )
        self.root = found[0].removesuffix("data.pkl")
        if not all(name.startswith(self.root) for name in names):
            raise RefusedError("a zip file, but none of torch's: not all is in one folder")
        self.format = "torch zip"
        self.value = self._follow(io.BytesIO(self._entry(found[0], MAX_PICKLE)))

    def _follow(self, stream: BinaryIO) -> Any:
        self.readings.append(pickles.follow(stream, _reference))
        return self.readings[-1].value

    def found(self) -> Iterator[Any]:
        """All that its pickles name and make, what they then drop included."""
        for reading in self.readings:
            yield from reading.names
            yield from reading.objects

    def _entry(self, name: str, limit: int) -> bytes:
        """An entry's bytes; torch compresses none, so that none can be larger than the file."""
        try:
            info = self._zip.getinfo(name)
        except KeyError:
            raise RefusedError(f"{plain(name)} is referred to, but not in the file") from None
        if info.compress_type != zipfile.ZIP_STORED or info.compress_size != info.file_size:
            raise RefusedError(
                f"{name} is compressed, which torch never does: unpack and save it anew"
            )
        if info.file_size > limit:
            raise RefusedError(
                f"{name} has {info.file_size} bytes where at most {limit} are expected"
            )
        try:
            return self._zip.read(info)
        except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
            raise RefusedError(f"{name} cannot be read: {error}") from error

    def _read_legacy(self) -> None:
        self._file.seek(0)
        head = self._file.read(512)
        self._file.seek(0)
        if _is_tar(head):
            raise RefusedError("a file of torch's oldest format, a tar archive: save it anew")
        try:
            first = self._follow(self._file)
        except RefusedError as reason:
            if head.startswith(b"\x80"):  # as pickles do, all but the oldest kinds
                raise
            found = f"it begins with {head[:12]!r}" if head else "it is empty"
            raise RefusedError(f"neither a zip file nor a whole pickle: {found}") from reason
        if first != _MAGIC:
            self.format = "plain pickle"
            self.value = first
            self.follows = self.size - self._file.tell()
            return
        self.format = "torch legacy"
        protocol, system = self._follow(self._file), self._follow(self._file)
        if protocol != 1001 or not isinstance(system, dict) or not system.get("little_endian"):
            raise RefusedError(
                "a file of torch's older format, but from a machine of another byte order"
            )
        self.value = self._follow(self._file)
        keys = self._follow(self._file)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            raise RefusedError("a file of torch's older format that lists no storages")
        self._sizes: dict[str, torch.dtype] = {}
        for persistent in pickles.walk(self.value):
            if isinstance(persistent, Persistent):
                self._sizes[persistent.key[2]] = _dtype(persistent.key[1])
        self._places = self._legacy_places(keys, self._file)
        self.follows = self.size - self._file.tell()

    def _legacy_places(self, keys: list[str], file: BinaryIO) -> dict[str, tuple[int, int]]:
        """Where each storage begins, in bytes, and its number of elements."""
        places = {}
        for key in keys:
            head = file.read(8)
            if key not in self._sizes or len(head) != 8:
                raise RefusedError("a file of torch's older format that is cut short")
            count = struct.unpack("<q", head)[0]
            end = file.tell() + count * self._sizes[key].itemsize
            if count < 0 or end > self.size:
                raise RefusedError("a file of torch's older format that is cut short")
            places[key] = (file.tell(), count)
            file.seek(end)
        return places

    def _storage(self, persistent: Persistent) -> torch.Tensor:
        if not isinstance(persistent, Persistent):
            raise RefusedError("a tensor that refers to something which is no storage")
        key = persistent.key
        dtype, name, count = _dtype(key[1]), key[2], key[4]
        if name not in self._storages:
            if self.format == "torch zip":
                data = self._entry(f"{self.root}data/{name}", count * dtype.itemsize)
            elif self.format == "torch legacy" and name in self._places:
                begin, count = self._places[name]
                self._file.seek(begin)
                data = self._file.read(count * dtype.itemsize)
            else:
                raise RefusedError(f"storage {plain(name)} is referred to, but not in the file")
            if len(data) != count * dtype.itemsize:
                raise RefusedError(f"storage {plain(name)} is cut short")
            whole = torch.frombuffer(bytearray(data), dtype=dtype) if data else torch.empty(0)
            self._storages[name] = whole
        whole = self._storages[name]
        if len(key) > 5 and key[5] is not None:  # a view into a storage, before torch 0.4
            _, offset, size = key[5]
            whole = whole[offset : offset + size]
        return whole

    def tensor(self, made: Object, *, single: bool = False) -> torch.Tensor:
        """The tensor that `_rebuild_tensor_v2` or `_rebuild_parameter` would have made.

        It is a view into its storage, so that one used often takes memory once. With `single`
        floating point numbers are converted to single precision.

        Raises `RefusedError` where it would reach beyond its storage, or repeat its elements.
        """
        for _ in range(2):  # a parameter is made of a tensor
            if str(made.maker) in _PARAMETERS and made.args:
                made = made.args[0]
        if not isinstance(made, Object) or str(made.maker) not in (
            "torch._utils._rebuild_tensor_v2",
            "torch._utils._rebuild_tensor",
        ):
            raise RefusedError(f"a tensor made by {made!r:.60}")
        if len(made.args) < 4:
            raise RefusedError("a tensor without a size")
        persistent, offset, size, stride = made.args[:4]
        whole = self._storage(persistent)
        size, stride = _extent(size), _extent(stride)
        numbers = (offset, *size, *stride)
        if len(size) != len(stride) or not all(isinstance(n, int) and n >= 0 for n in numbers):
            raise RefusedError("a tensor whose size makes no sense")
        count = math.prod(size)
        reach = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True)) + 1
        if count and (reach > whole.numel() or count > whole.numel()):
            raise RefusedError("a tensor that is larger than its storage")
        view = whole.as_strided(size, stride, offset) if count else torch.empty(size)
        if not single or not view.is_floating_point() or view.dtype == torch.float32:
            return view
        place = (persistent.key[2], str(persistent.key[1]), offset, size, stride)
        if place not in self._single:
            self._single[place] = view.float()
        return self._single[place]


def _reference(key: Any) -> Any:
    """What torch keeps outside its pickles: storages, and in its older format a class's source."""
    if isinstance(key, tuple) and len(key) >= 5 and key[0] == "storage":
        kind, name, place, count = key[1:5]
        kinds = (Global, str, str, int)
        if all(map(isinstance, (kind, name, place, count), kinds)) and count >= 0:
            return Persistent(key)
    if isinstance(key, tuple) and len(key) == 4 and key[0] == "module":
        return key[1]
    raise RefusedError(f"the pickle refers to something outside it that is no storage: {key!r:.60}")


def _is_tar(head: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _extent(size: Any) -> tuple[Any, ...]:
    if isinstance(size, Object) and str(size.maker) == "torch.Size":
        size = size.args[0] if size.args else ()
    made = tuple(size) if isinstance(size, list | tuple) else (size,)
    if len(made) > _MOST_DIMENSIONS:
        raise RefusedError("a tensor whose size makes no sense")
    return made


def _dtype(storage: Any) -> torch.dtype:
    if isinstance(storage, Global) and storage.module in ("torch", "torch.cuda"):
        dtype = _STORAGES.get(storage.name)
        if dtype is not None:
            return dtype
    raise RefusedError(f"a tensor whose storage is {storage!r:.60}")
