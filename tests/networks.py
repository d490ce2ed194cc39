"""Tiny model files in the contract's form, for what the default model does not show."""

from pathlib import Path

import onnx
from onnx import TensorProto, helper

METADATA = {
    "name": "negative",
    "version": "1",
    "license": "MIT",
    "source": "tests",
    "max_side": "512",
    "multiple": "8",
}


def negative(path: Path, *, channels: int = 3, **metadata: str) -> Path:
    """Writes a model that inverts a photo: exact, so that a test can tell pixel by pixel.

    With one channel it inverts red alone. Its second style, if it has one, is the photo itself.
    """
    height, width = metadata.get("fixed_size", "Hx").split("x")
    shape = [1, int(height), int(width)] if height.isdigit() else [1, "H", "W"]
    uint8 = TensorProto.UINT8
    constants = [
        helper.make_tensor("white", TensorProto.INT32, [], [255]),
        helper.make_tensor("from", TensorProto.INT64, [1], [0]),
        helper.make_tensor("to", TensorProto.INT64, [1], [channels]),
        helper.make_tensor("axis", TensorProto.INT64, [1], [3]),
    ]
    nodes = [
        helper.make_node("Slice", ["image", "from", "to", "axis"], ["some"]),
        helper.make_node("Cast", ["some"], ["wide"], to=TensorProto.INT32),
        helper.make_node("Sub", ["white", "wide"], ["inverse"]),
        helper.make_node("Cast", ["inverse"], ["art"], to=uint8),
    ]
    outputs = ["art"]
    for style in metadata.get("styles", "").split(",")[1:]:
        nodes.append(helper.make_node("Identity", ["some"], [style]))
        outputs.append(style)
    graph = helper.make_graph(
        nodes,
        "negative",
        [helper.make_tensor_value_info("image", uint8, [*shape, 3])],
        [helper.make_tensor_value_info(name, uint8, [*shape, channels]) for name in outputs],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, METADATA | metadata)
    onnx.save(model, path)
    return path
