"""Files that can only be read by running them: how this process asks for it.

`models.conversion.loader` does the reading, in a sandbox. What comes back is data: an ONNX graph,
the line art of the photos in `samples`, and some facts as JSON.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from models.conversion import agreement, onnxfile, sandbox
from models.conversion.agreement import CHECKED_AT, Pixels
from models.conversion.onnxfile import OnnxSource
from models.conversion.pickles import RefusedError
from models.conversion.text import plain

if TYPE_CHECKING:
    from models.conversion.options import Options

LEARNER = "a fastai 2 learner"
MODULE = "a pickled torch module"
TORCHSCRIPT = "a TorchScript module"
PROGRAM = "a torch.export program"


def read(path: Path, kind: str, options: Options, samples: Path) -> OnnxSource:
    """The network in `path`, which is of `kind`, and how it draws the photos in `samples`.

    Raises `RefusedError` where the file is not trusted, or is no image-to-image network.
    """
    request: dict[str, Any] = {
        "kind": kind,
        "samples": str(samples.absolute()),
        "size": options.fixed,
        "mean": options.mean,
        "std": options.std,
        "output": options.output,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = sandbox.run("models.conversion.loader", path, folder, request, options)
        graph = _graph(folder, options.limits.file)
        drawn = _drawn(folder, options.limits.file)
    try:
        options.mean = options.mean or _numbers(found.get("mean"))
        options.std = options.std or _numbers(found.get("std"))
        options.fixed = options.fixed or _size(found.get("fixed"))
        notes = [plain(note) for note in list(found["notes"])[:20]]
    except (KeyError, TypeError, ValueError) as error:
        raise RefusedError(f"{kind} whose facts make no sense") from error
    source = onnxfile.from_graph(graph, options)
    source.kind = kind.partition(" ")[2]
    source.notes += notes
    source.draw = _remembered(samples, drawn, options)
    return source


def _remembered(samples: Path, drawn: npt.NDArray[np.float32], options: Options) -> agreement.Draw:
    """Draws only the photos in `samples`: what the sandbox returned for them."""
    photos = agreement.photos(samples, options.fixed or CHECKED_AT)
    if drawn.ndim != 4 or drawn.shape[0] != len(photos):
        raise RefusedError(f"the sandbox returned line art of shape {list(drawn.shape)}")
    known = {photo.tobytes(): art for photo, art in zip(photos, drawn, strict=True)}

    def draw(photo: Pixels) -> npt.NDArray[np.float32]:
        return options.to_levels(known[photo.tobytes()])

    return draw


def _graph(folder: Path, limit: int) -> onnx.ModelProto:
    with sandbox.take(folder, "float.onnx", limit) as file:
        try:
            return onnx.load_from_string(file.read())
        except DecodeError as error:
            raise RefusedError("the sandbox returned no ONNX graph") from error


def _drawn(folder: Path, limit: int) -> npt.NDArray[np.float32]:
    with sandbox.take(folder, "drawn.npy", limit) as file:
        size = os.fstat(file.fileno()).st_size
        try:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0(file)
            shape, fortran, dtype = header
            if version != (1, 0) or fortran or dtype != np.float32:
                raise ValueError("not an array of float32")
            if np.prod(shape, dtype=float) * 4 > size:
                raise ValueError("shorter than its header says")
            return np.frombuffer(file.read(), np.float32).reshape(shape)
        except (ValueError, EOFError) as error:
            raise RefusedError(f"the sandbox returned no line art: {error}") from error


def _numbers(found: Any) -> tuple[float, ...] | None:
    return None if found is None else tuple(float(number) for number in found)


def _size(found: Any) -> tuple[int, int] | None:
    if found is None:
        return None
    height, width = (int(side) for side in found)
    return height, width
