"""A model file in eight bits, accepted only where its line art stays similar.

Static quantisation: weights per output channel, activations by the ranges that they have on photos.
Every layer that sees pixels is quantised at first; while similarity is too low, the layers that
cost most of it go back to float. What is computed from a photo's size alone is never quantised: its
range at calibration says nothing of other sizes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import onnx
from onnxruntime.quantization import (  # type: ignore[import-untyped]
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import (  # type: ignore[import-untyped]
    quant_pre_process,
)

from artline.drawing.model import Model
from models.conversion.agreement import Agreement, Pixels, compare
from models.conversion.onnxfile import taken
from models.conversion.pickles import RefusedError

SIMILAR = 0.97  # SSIM to the float model that an eight-bit one has to keep, on its worst photo
_EIGHT_BITS = ["Conv", "Relu", "Concat", "DepthToSpace", "MaxPool", "Resize", "Add", "Slice"]


@dataclass(frozen=True)
class Quantised:
    """What came of it: how it agrees with the float model, and the layers put back into float."""

    agreement: Agreement
    in_float: list[str]


class _Photos(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, photos: Sequence[Pixels]) -> None:
        self.feeds: Iterator[dict[str, Pixels]] = iter([{"image": p[None]} for p in photos])

    def get_next(self) -> dict[str, Pixels] | None:
        return next(self.feeds, None)


def quantise(
    model: Path,
    to: Path,
    photos: Sequence[Pixels],
    judged: Sequence[Pixels],
    bound: float = SIMILAR,
) -> Quantised:
    """Write `model` to `to` in eight bits, calibrated on `photos`, of one size.

    It is judged on others, `judged`.

    Raises `RefusedError` where even with its sensitive layers in float it stays under `bound`.
    """
    reference = Model(model)
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(model, ready, skip_symbolic_shape=True)
        prepared = onnx.load(ready)
        graph = prepared.graph
        for number, node in enumerate(graph.node):  # the quantiser goes by names
            node.name = f"{number} {node.name}"
        onnx.save(prepared, ready)
        of_size = _of_size(graph)
        convs = [n.name for n in graph.node if n.op_type == "Conv" and n.name not in of_size]
        # The last layers write the picture itself, the first read the photo: these suffer most.
        for in_float in ([], convs[-1:], convs[-1:] + convs[:1], convs[-3:] + convs[:1]):
            _quantise(ready, to, photos, [*of_size, *in_float])
            agreement = _worst(Model(to), reference, judged)
            if agreement.ssim >= bound:
                return Quantised(agreement, in_float)
    raise RefusedError(
        f"eight bits draw too differently: {agreement}, where SSIM {bound} is asked for"
    )


def _worst(made: Model, reference: Model, judged: Sequence[Pixels]) -> Agreement:
    """How the style agrees that agrees least."""
    return min(
        (
            compare(partial(made.run, style=style), partial(reference.run, style=style), judged)
            for style in reference.styles
        ),
        key=lambda agreement: agreement.ssim,
    )


def _of_size(graph: onnx.GraphProto) -> list[str]:
    """The names of the nodes that no pixel reaches, as through `Shape` none does."""
    reached = {each.name for each in graph.input}
    names = []
    for node in graph.node:
        if node.op_type not in ("Shape", "Size") and reached.intersection(taken(node)):
            reached.update(node.output)
        else:
            names.append(node.name)
    return names


def _quantise(ready: Path, to: Path, photos: Sequence[Pixels], in_float: list[str]) -> None:
    quantize_static(
        ready,
        to,
        _Photos(photos),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=_EIGHT_BITS,
        nodes_to_exclude=in_float,
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
    )
    # The quantiser adds a word of its own to the metadata.
    made = onnx.load(to)
    given = {p.key: p.value for p in made.metadata_props if not p.key.startswith("onnx.")}
    onnx.helper.set_model_props(made, given)
    onnx.save(made, to)
