"""An ONNX file, brought into the contract's form by nodes before and behind its graph."""

from __future__ import annotations

import graphlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from artline.drawing.model import METADATA
from models.conversion.agreement import Draw, Pixels
from models.conversion.options import MAX_SIDE
from models.conversion.pickles import RefusedError
from models.conversion.source import MULTIPLES, check_shape, not_one, refuse_lack_of_memory
from models.conversion.text import plain

if TYPE_CHECKING:
    from models.conversion.options import Options

_TYPES: dict[int, type[np.generic]] = {
    TensorProto.FLOAT: np.float32,
    TensorProto.FLOAT16: np.float16,
    TensorProto.DOUBLE: np.float64,
    TensorProto.UINT8: np.uint8,
}
_CENTRED = 11  # from this opset on Resize takes pixels by their centres
_OPSET = 13  # older files are brought up to it, for Clip, Round and the rest as they are today
_TRIED_AT = (128, 192)
DEFAULT_OUTPUT = "art"  # of a model file
INNER = "net/"  # before the names of the graph, which may be the contract's
_LONGEST_RUN = 120  # seconds: a graph may hold a loop
_TO_LAST = {"first": [0, 2, 3, 1], "last": [0, 1, 2, 3]}
_TO_FIRST = {"first": [0, 3, 1, 2], "last": [0, 1, 2, 3]}


@dataclass
class Port:
    """One input or output: its name, element type and where its channels are.

    `channels` is "first" [1, C, H, W], "last" [1, H, W, C] or "none" [1, H, W].
    """

    name: str
    kind: int
    channels: str


@dataclass
class OnnxSource:
    """An ONNX model, the input and output that are used, and how it draws by itself."""

    kind: str
    model: onnx.ModelProto
    photo: Port
    art: Port
    colours: int
    draw: Draw
    notes: list[str] = field(default_factory=list)

    @property
    def is_model_file(self) -> bool:
        """Whether it has the contract's form already."""
        return (
            _describes_itself(self.model)
            and (self.photo.name, self.photo.kind) == ("image", TensorProto.UINT8)
            and (self.art.name, self.art.kind) == (DEFAULT_OUTPUT, TensorProto.UINT8)
            and self.photo.channels == self.art.channels == "last"
        )


def is_onnx(path: Path, head: bytes) -> bool:
    """Whether a file is ONNX by its name, or by how it begins: the version, then another field."""
    begins = head[:1] == b"\x08" and head[2:3] in (b"\x12", b"\x1a", b"\x22", b"\x3a")
    return path.suffix.lower() == ".onnx" or begins


def read(path: Path, options: Options) -> OnnxSource:
    """The model in `path`. Raises `RefusedError` where it draws no picture of a photo."""
    try:
        model = onnx.load(path)  # weights in a file beside it included
    except Exception as error:  # what a damaged file raises has no common base class
        raise RefusedError(
            f"{plain(path.name)} is no ONNX file that can be read: {plain(error)}"
        ) from error
    if not model.graph.node:
        raise RefusedError(f"{plain(path.name)} is no ONNX file that can be read: it has no nodes")
    return from_graph(model, options, options.output or _default(model))


def _default(model: onnx.ModelProto) -> str | None:
    """The output of the default style, where the file is a model file already."""
    named = {output.name for output in model.graph.output}
    return DEFAULT_OUTPUT if _describes_itself(model) and DEFAULT_OUTPUT in named else None


def _describes_itself(model: onnx.ModelProto) -> bool:
    """Whether its metadata are those of a model file."""
    return {each.key for each in model.metadata_props} >= METADATA


def from_graph(model: onnx.ModelProto, options: Options, output: str | None = None) -> OnnxSource:
    """The image-to-image network in `model`, whose line art is `output`, tried on a photo."""
    _sort(model.graph)
    given, kind, shape = _input(model)
    session = _session(model)
    notes = []
    tried: list[str] = []
    for channels in _layouts(shape):
        photo = Port(given, kind, channels)
        height, width = shape[2:] if channels == "first" else shape[1:3]
        fixed = (height, width) if height and width else None
        size = options.fixed or (height or _TRIED_AT[0], width or _TRIED_AT[1])
        try:
            outputs = _run(session, photo, _photo(photo, np.zeros((*size, 3), np.uint8), options))
        except Exception as error:  # the engine's own exceptions share no base class
            tried.append(plain(error, 400))
            continue
        break
    else:
        hint = "" if options.fixed else " (if it takes one size alone: --fixed HxW)"
        raise RefusedError(f"an ONNX model that does not run: {' '.join(tried[:1])}{hint}")
    art, colours = _choose(session, outputs, size, output)
    if fixed:
        options.fixed = options.fixed or fixed
        notes.append(f"takes photos of {fixed[0]}x{fixed[1]} alone")
    if kind == TensorProto.UINT8:
        notes.append("takes pixels as they are, 0 to 255")
    elif options.mean is None:
        notes.append("no --mean and --std given: pixels go in as 0..1")
    draw = _drawer(session, photo, art, options)
    return OnnxSource("ONNX model", model, photo, art, colours, draw, notes)


def _input(model: onnx.ModelProto) -> tuple[str, int, list[int]]:
    """The name, the element type and the shape, 0 where it is free, of the one input."""
    weights = {initializer.name for initializer in model.graph.initializer}
    weights |= {initializer.values.name for initializer in model.graph.sparse_initializer}
    inputs = [value for value in model.graph.input if value.name not in weights]
    if len(inputs) != 1:
        raise RefusedError(f"an ONNX model with {len(inputs)} inputs, where one photo belongs")
    kind = inputs[0].type.tensor_type.elem_type
    if kind not in _TYPES:
        name = TensorProto.DataType.Name(kind)
        raise RefusedError(f"an ONNX model whose input is {name}, where float or uint8 belongs")
    shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
    if len(shape) != 4 or (all(shape[1:]) and not {shape[1], shape[3]} & {3}):
        raise RefusedError(f"an ONNX model whose input is {shape}, no photo of three channels")
    return inputs[0].name, kind, shape


def _layouts(shape: list[int]) -> list[str]:
    """Where the colours may be in an input of `shape`: where it has 3, else where it is free."""
    places = {"first": shape[1], "last": shape[3]}
    most = 3 if 3 in places.values() else 0
    return [name for name, colours in places.items() if colours == most]


def _choose(
    session: onnxruntime.InferenceSession,
    outputs: list[Any],
    size: tuple[int, int],
    wanted: str | None,
) -> tuple[Port, int]:
    """The output that is the line art, and how many channels it has."""
    names = [output.name for output in session.get_outputs()]
    found = {n: _layout(y, size) for n, y in zip(names, outputs, strict=True)}
    fitting = [name for name in names if found[name] is not None]
    if wanted is not None:
        at = int(wanted) if wanted.isdecimal() else -1
        name = wanted if wanted in names else names[at] if 0 <= at < len(names) else None
        if name is None:
            raise RefusedError(f"--output {plain(wanted)}: {not_one(names, outputs)}")
    elif len(names) == 1 or len(fitting) == 1:
        name = (fitting or names)[0]
    elif fitting:
        raise RefusedError(not_one(names, outputs))
    else:
        name = names[0]
    shape = np.asarray(outputs[names.index(name)]).shape
    layout = found[name]
    if layout is None:
        last = (len(shape) == 4 and shape[1:3] == size) or (len(shape) == 4 and shape[3] in (1, 3))
        check_shape((shape[0], shape[3], *shape[1:3]) if last else shape, size)
        raise AssertionError("check_shape always raises")
    kind = helper.np_dtype_to_tensor_dtype(outputs[names.index(name)].dtype)
    if kind not in _TYPES:
        raise RefusedError(f"an ONNX model whose output is {TensorProto.DataType.Name(kind)}")
    colours = 1 if layout == "none" else shape[1 if layout == "first" else 3]
    return Port(name, kind, layout), colours


def _layout(y: Any, size: tuple[int, int]) -> str | None:
    shape = np.shape(y)
    if len(shape) == 4 and shape[0] == 1 and shape[1] in (1, 3) and shape[2:] == size:
        return "first"
    if len(shape) == 4 and shape[0] == 1 and shape[3] in (1, 3) and shape[1:3] == size:
        return "last"
    return "none" if shape == (1, *size) else None


def _sort(graph: onnx.GraphProto) -> None:
    """Order nodes so that each comes after those whose output it takes, as onnx's tools expect."""
    maker = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
    needs = {
        at: {maker[name] for name in taken(node) if name in maker} - {at}
        for at, node in enumerate(graph.node)
    }
    if all(before < at for at, all_before in needs.items() for before in all_before):
        return
    try:
        order = list(graphlib.TopologicalSorter(needs).static_order())
    except graphlib.CycleError as error:
        raise RefusedError("an ONNX model whose nodes go round in a circle") from error
    nodes = [onnx.NodeProto.FromString(graph.node[at].SerializeToString()) for at in order]
    del graph.node[:]
    graph.node.extend(nodes)


def taken(node: onnx.NodeProto) -> Iterator[str]:
    """The names that a node takes, by the graphs inside it as well."""
    yield from node.input
    for graph in _inner(node):
        for inner in graph.node:
            yield from taken(inner)


def _inner(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    """The graphs inside a node, as the branches of an If."""
    for attribute in node.attribute:
        yield from [attribute.g] if attribute.HasField("g") else attribute.graphs


def _walk(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """A graph and all that are inside it."""
    yield graph
    for node in graph.node:
        for inner in _inner(node):
            yield from _walk(inner)


def _rename(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose every name begins with `INNER`, in the graphs inside its graph too.

    `onnx.compose.add_prefix` leaves those as they are that an inner graph takes from outside.
    """
    renamed: onnx.ModelProto = onnx.ModelProto.FromString(model.SerializeToString())
    for graph in _walk(renamed.graph):
        for node in graph.node:
            node.name = INNER + node.name if node.name else ""
            for names in (node.input, node.output):
                names[:] = [INNER + name if name else "" for name in names]
        for values in (graph.input, graph.output, graph.value_info, graph.initializer):
            for value in values:
                value.name = INNER + value.name
        for sparse in graph.sparse_initializer:
            sparse.values.name = INNER + sparse.values.name
        del graph.quantization_annotation[:]
    return renamed


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails here is said by the refusal
    try:
        return onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the engine's own exceptions share no base class
        raise RefusedError(
            f"an ONNX model that the engine cannot run: {plain(error, 400)}"
        ) from error


def _run(session: onnxruntime.InferenceSession, photo: Port, x: Any) -> list[Any]:
    """All outputs; a run that takes too long is ended, with an error of the engine's."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    timer = threading.Timer(_LONGEST_RUN, lambda: setattr(options, "terminate", True))
    timer.start()
    try:
        return list(session.run(None, {photo.name: x}, options))
    finally:
        timer.cancel()


def _statistics(options: Options) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    mean = np.array(options.mean or (0, 0, 0), dtype=np.float32)
    return mean, np.array(options.std or (1, 1, 1), dtype=np.float32)


def _photo(port: Port, photo: Pixels, options: Options) -> Any:
    """Uint8 [H, W, 3] as the network takes it."""
    mean, std = _statistics(options)
    x = photo if port.kind == TensorProto.UINT8 else (photo.astype(np.float32) / 255 - mean) / std
    turned = x[None].transpose(_TO_FIRST[port.channels])
    return np.ascontiguousarray(turned.astype(_TYPES[port.kind]))


def _drawer(
    session: onnxruntime.InferenceSession, photo: Port, art: Port, options: Options
) -> Draw:
    names = [output.name for output in session.get_outputs()]

    def draw(pixels: Pixels) -> npt.NDArray[np.float32]:
        y = _run(session, photo, _photo(photo, pixels, options))[names.index(art.name)]
        if _layout(y, pixels.shape[:2]) is None:
            check_shape(np.shape(y), pixels.shape[:2])
        y = y[..., None] if art.channels == "none" else y.transpose(_TO_LAST[art.channels])
        return y[0].astype(np.float32) if art.kind == TensorProto.UINT8 else options.to_levels(y[0])

    return draw


def write(source: OnnxSource, to: Path, metadata: dict[str, str], options: Options) -> None:
    """Write `source` in the contract's form: as it is where it has that form already."""
    if source.is_model_file:
        _write_as_it_is(source, to, options)
        return
    model = source.model
    if (before := opset(model)) < _OPSET:
        try:
            model = onnx.version_converter.convert_version(model, _OPSET)
        except Exception as error:  # onnx raises errors of many kinds here
            raise RefusedError(
                f"an ONNX model of an opset before {_OPSET} that cannot be brought up to it:"
                f" {plain(error)}"
            ) from error
        if before < _CENTRED:
            _keep_corners(model)
    model = _rename(model)
    made = _graph(source, model, options)
    whole = helper.make_model(
        made, opset_imports=model.opset_import, ir_version=max(model.ir_version, 8)
    )
    whole.functions.extend(model.functions)
    fixed = {"fixed_size": "{}x{}".format(*options.fixed)} if options.fixed else {}
    sides = {"max_side": str(max(options.fixed or (options.max_side or MAX_SIDE,)))}
    multiple = {"multiple": str(1 if options.fixed else _multiple(whole))}
    helper.set_model_props(whole, metadata | sides | multiple | fixed)
    onnx.save(whole, to)


def _graph(source: OnnxSource, model: onnx.ModelProto, options: Options) -> onnx.GraphProto:
    """The network's graph between normalisation and the output's scale and clamp."""
    mean, std = _statistics(options)
    scale, offset = 255 / (options.high - options.low), -options.low
    constants: dict[str, Any] = {"art_black": np.float32(0), "art_white": np.float32(255)}
    before = [helper.make_node("Identity", ["image"], ["photo_normal"])]
    after = [helper.make_node("Cast", ["art_plain"], ["art_float"], to=TensorProto.FLOAT)]
    if source.photo.kind != TensorProto.UINT8:
        constants["photo_scale"] = (1 / (255 * std)).reshape(1, 1, 1, 3)
        constants["photo_offset"] = (-mean / std).reshape(1, 1, 1, 3)
        before = [
            helper.make_node("Cast", ["image"], ["photo_float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["photo_float", "photo_scale"], ["photo_scaled"]),
            helper.make_node("Add", ["photo_scaled", "photo_offset"], ["photo_normal"]),
        ]
    inner, outer = INNER + source.photo.name, INNER + source.art.name
    to_first = _TO_FIRST[source.photo.channels]
    before += [
        helper.make_node("Transpose", ["photo_normal"], ["photo_turned"], perm=to_first),
        helper.make_node("Cast", ["photo_turned"], [inner], to=source.photo.kind),
    ]
    if source.art.kind == TensorProto.UINT8:
        after += [helper.make_node("Identity", ["art_float"], ["art_shifted"])]
    else:
        constants["art_scale"] = np.float32(scale)
        constants["art_offset"] = np.float32(scale * offset)
        after += [
            helper.make_node("Mul", ["art_float", "art_scale"], ["art_scaled"]),
            helper.make_node("Add", ["art_scaled", "art_offset"], ["art_shifted"]),
        ]
    if source.art.channels == "none":
        constants["art_axis"] = np.array([3], dtype=np.int64)
        turned = helper.make_node("Unsqueeze", ["art_bytes", "art_axis"], ["art"])
    else:
        to_last = _TO_LAST[source.art.channels]
        turned = helper.make_node("Transpose", ["art_bytes"], ["art"], perm=to_last)
    plain_art = helper.make_node("Identity", [outer], ["art_plain"])
    after = [
        plain_art,
        *after,
        helper.make_node("Clip", ["art_shifted", "art_black", "art_white"], ["art_clipped"]),
        helper.make_node("Round", ["art_clipped"], ["art_round"]),
        helper.make_node("Cast", ["art_round"], ["art_bytes"], to=TensorProto.UINT8),
        turned,
    ]
    height, width = options.fixed or ("H", "W")
    given = [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, height, width, 3])]
    made = [
        helper.make_tensor_value_info("art", TensorProto.UINT8, [1, height, width, source.colours])
    ]
    return helper.make_graph(
        [*before, *model.graph.node, *after],
        model.graph.name or "net",
        given,
        made,
        [*model.graph.initializer, *(numpy_helper.from_array(v, k) for k, v in constants.items())],
        sparse_initializer=list(model.graph.sparse_initializer),
    )


def _write_as_it_is(source: OnnxSource, to: Path, options: Options) -> None:
    own = {each.key: each.value for each in source.model.metadata_props}
    named = {name: getattr(options, name) for name in ("name", "version", "license")}
    metadata = {name: text for name, text in named.items() if text}
    if options.max_side and "fixed_size" not in own:
        metadata["max_side"] = str(min(int(own["max_side"]), options.max_side))
    made = onnx.ModelProto.FromString(source.model.SerializeToString())
    helper.set_model_props(made, own | metadata)
    onnx.save(made, to)
    source.notes.append("a model file already: its graph is kept as it is")
    if options.mean or options.std or (options.low, options.high) != (0, 1):
        source.notes.append("--mean, --std and --range are not used: its graph holds its own")
    if options.fixed and own.get("fixed_size") != "{}x{}".format(*options.fixed):
        source.notes.append("--fixed is not used: it draws at any size")
    if options.max_side and options.max_side > int(own["max_side"]):
        source.notes.append(f"--max-side is not used: it draws up to {own['max_side']} pixels")


def opset(model: onnx.ModelProto) -> int:
    """The version of ONNX's own operators."""
    versions = [i.version for i in model.opset_import if i.domain in ("", "ai.onnx")]
    return min(versions, default=_OPSET)


def _keep_corners(model: onnx.ModelProto) -> None:
    """Have every Resize take places as it did before opset 11, which the converter forgets."""
    corners = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    for node in (node for graph in _walk(model.graph) for node in graph.node):
        if node.op_type == "Resize":
            named = {attribute.name for attribute in node.attribute}
            new = {name: value for name, value in corners.items() if name not in named}
            node.attribute.extend(helper.make_attribute(*each) for each in new.items())


def _multiple(model: onnx.ModelProto) -> int:
    """What sides must be multiples of, by trying; see `source.smallest_multiple`."""
    session = _session(model)
    port = Port("image", TensorProto.UINT8, "last")
    reason = "others come back at another size"
    for multiple in MULTIPLES:
        sizes = [(64 + multiple, 64 + 3 * multiple), (128 - multiple, 64 + multiple)]
        sizes += [(192, 256)] if multiple < 64 else []
        try:
            shapes = [
                _run(session, port, np.zeros((1, *size, 3), np.uint8))[0].shape for size in sizes
            ]
        except Exception as error:
            refuse_lack_of_memory(error, max(sizes))
            reason = plain(error)
            continue  # a size that does not work is what is looked for
        if all(shape[1:3] == size for shape, size in zip(shapes, sizes, strict=True)):
            return multiple
    raise RefusedError(
        f"a network that takes photos of one size alone: name it with --fixed HxW ({reason})"
    )
