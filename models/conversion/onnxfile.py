"""An ONNX file with float input and output, brought into the contract's form by nodes round it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnx
import onnx.compose
import onnxruntime
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from models.conversion.agreement import Draw, Pixels
from models.conversion.pickles import RefusedError
from models.conversion.source import check_shape

if TYPE_CHECKING:
    from models.conversion.options import Options

_FLOATS = {TensorProto.FLOAT: np.float32, TensorProto.FLOAT16: np.float16}
_OPSET = 13  # older files are brought up to it, for Clip, Round and the rest as they are today


@dataclass
class OnnxSource:
    """A float ONNX model, its one input and one output, and how it draws by itself."""

    kind: str
    model: onnx.ModelProto
    channels_first: bool
    draw: Draw
    notes: list[str] = field(default_factory=list)


def is_onnx(path: Path) -> bool:
    """Whether a file's name says that it is ONNX; its bytes have no mark of their own."""
    return path.suffix.lower() == ".onnx"


def read(path: Path, options: Options) -> OnnxSource:
    """The model in `path`. Raises `RefusedError` where it draws no picture of a photo."""
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError, OSError) as error:
        raise RefusedError(f"{path.name} is no ONNX file that can be read: {error}") from error
    weights = {initializer.name for initializer in model.graph.initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1 or len(model.graph.output) != 1:
        found = f"{len(inputs)} inputs and {len(model.graph.output)} outputs"
        raise RefusedError(f"an ONNX model with {found}, where one photo and one picture belong")
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in _FLOATS:
        name = TensorProto.DataType.Name(kind)
        raise RefusedError(f"an ONNX model whose input is {name}, where float belongs")
    shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    if len(shape) != 4 or not {shape[1], shape[3]} & {3}:
        raise RefusedError(f"an ONNX model whose input is {shape}, no photo of three channels")
    channels_first = shape[1] == 3
    height, width = shape[2:] if channels_first else shape[1:3]
    source = OnnxSource("float ONNX model", model, channels_first, _drawer(model, options))
    if height and width:
        options.fixed = options.fixed or (height, width)
        source.notes.append(f"takes photos of {height}x{width} alone")
    try:
        source.draw(np.zeros((*(options.fixed or (128, 192)), 3), np.uint8))
    except RefusedError:
        raise
    except Exception as error:  # the engine's own exceptions share no base class
        raise RefusedError(f"an ONNX model that does not run: {error}") from error
    if options.mean is None:
        source.notes.append("no --mean and --std given: pixels go in as 0..1")
    return source


def _statistics(options: Options) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    mean = np.array(options.mean or (0, 0, 0), dtype=np.float32)
    return mean, np.array(options.std or (1, 1, 1), dtype=np.float32)


def _drawer(model: onnx.ModelProto, options: Options) -> Draw:
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString())
    except Exception as error:  # the engine's own exceptions share no base class
        raise RefusedError(f"an ONNX model that the engine cannot run: {error}") from error
    given = session.get_inputs()[0]
    mean, std = _statistics(options)

    def draw(photo: Pixels) -> npt.NDArray[np.float32]:
        x = ((photo.astype(np.float32) / 255 - mean) / std)[None]
        if given.shape[1] == 3:
            x = x.transpose(0, 3, 1, 2)
        x = x.astype(np.float16 if "float16" in given.type else np.float32)
        (y,) = session.run(None, {given.name: np.ascontiguousarray(x)})
        if y.ndim == 4 and given.shape[1] == 3:
            y = y.transpose(0, 2, 3, 1)
        if y.ndim != 4 or y.shape[3] not in (1, 3) or y.shape[1:3] != photo.shape[:2]:
            check_shape((*y.shape[:1], *y.shape[3:], *y.shape[1:3]), photo.shape[:2])
        scaled = (y[0].astype(np.float32) - options.low) / (options.high - options.low)
        picture: npt.NDArray[np.float32] = scaled.clip(0, 1) * 255
        return picture

    return draw


def write(source: OnnxSource, to: Path, metadata: dict[str, str], options: Options) -> None:
    """Write `source` with normalisation before it, and clamp and scale behind it."""
    model = (
        onnx.version_converter.convert_version(source.model, _OPSET)
        if _is_old(source.model)
        else source.model
    )
    model = onnx.compose.add_prefix(model, "net/")  # its names may be the contract's
    graph = model.graph
    weights = {initializer.name for initializer in graph.initializer}
    inner = next(value for value in graph.input if value.name not in weights)
    outer = graph.output[0]
    kind = inner.type.tensor_type.elem_type
    mean, std = _statistics(options)
    constants = {
        "photo_scale": (1 / (255 * std)).reshape(1, 1, 1, 3),
        "photo_offset": (-mean / std).reshape(1, 1, 1, 3),
        "art_scale": np.float32(255 / (options.high - options.low)),
        "art_offset": np.float32(-255 * options.low / (options.high - options.low)),
        "art_black": np.float32(0),
        "art_white": np.float32(255),
    }
    first = source.channels_first
    to_first = {"perm": [0, 3, 1, 2]} if first else {"perm": [0, 1, 2, 3]}
    to_last = {"perm": [0, 2, 3, 1]} if first else {"perm": [0, 1, 2, 3]}
    before = [
        helper.make_node("Cast", ["image"], ["photo_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["photo_float", "photo_scale"], ["photo_scaled"]),
        helper.make_node("Add", ["photo_scaled", "photo_offset"], ["photo_normal"]),
        helper.make_node("Transpose", ["photo_normal"], ["photo_turned"], **to_first),
        helper.make_node("Cast", ["photo_turned"], [inner.name], to=kind),
    ]
    after = [
        helper.make_node("Cast", [outer.name], ["art_float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["art_float", "art_scale"], ["art_scaled"]),
        helper.make_node("Add", ["art_scaled", "art_offset"], ["art_shifted"]),
        helper.make_node("Clip", ["art_shifted", "art_black", "art_white"], ["art_clipped"]),
        helper.make_node("Round", ["art_clipped"], ["art_round"]),
        helper.make_node("Cast", ["art_round"], ["art_bytes"], to=TensorProto.UINT8),
        helper.make_node("Transpose", ["art_bytes"], ["art"], **to_last),
    ]
    channels = outer.type.tensor_type.shape.dim[1 if first else 3].dim_value or 3
    height, width = options.fixed or ("H", "W")
    made = helper.make_graph(
        [*before, *graph.node, *after],
        graph.name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, height, width, 3])],
        [helper.make_tensor_value_info("art", TensorProto.UINT8, [1, height, width, channels])],
        [*graph.initializer, *(numpy_helper.from_array(v, k) for k, v in constants.items())],
    )
    whole = helper.make_model(made, opset_imports=model.opset_import, ir_version=model.ir_version)
    whole.functions.extend(model.functions)
    fixed = {"fixed_size": f"{height}x{width}"} if options.fixed else {}
    sides = {"max_side": str(max(options.fixed) if options.fixed else options.max_side)}
    multiple = {"multiple": str(1 if options.fixed else _multiple(whole))}
    helper.set_model_props(whole, metadata | sides | multiple | fixed)
    onnx.save(whole, to)


def _is_old(model: onnx.ModelProto) -> bool:
    return any(i.domain in ("", "ai.onnx") and i.version < _OPSET for i in model.opset_import)


def _multiple(model: onnx.ModelProto) -> int:
    """What sides must be multiples of, by trying; see `source.smallest_multiple`."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails here is what is being found out
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    for multiple in (1, 2, 4, 8, 16, 32, 64):
        sizes = [(64 + multiple, 64 + 3 * multiple), (128 - multiple, 64 + multiple)]
        try:
            shapes = [
                session.run(None, {"image": np.zeros((1, *size, 3), np.uint8)})[0].shape
                for size in sizes
            ]
        except Exception:  # noqa: S112 - as above
            continue
        if all(shape[1:3] == size for shape, size in zip(shapes, sizes, strict=True)):
            return multiple
    raise RefusedError(
        "an ONNX model whose picture is not as large as the photo, at no size that it takes"
    )
