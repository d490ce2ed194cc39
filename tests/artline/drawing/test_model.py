"""Model files that are not as they must be are refused when they are loaded, not photo by photo."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from artline import ModelError
from artline.drawing.model import Model, RunError
from tests.networks import METADATA, negative

UINT8, FLOAT = TensorProto.UINT8, TensorProto.FLOAT
PHOTO = ("image", UINT8, [1, "H", "W", 3])


def write(path: Path, photo: Any, art: Any, *nodes: Any) -> Path:
    """A model file that claims `photo` and `art`, each a name, a type and a shape."""
    given, drawn = (helper.make_tensor_value_info(*each) for each in (photo, art))
    made = nodes or (helper.make_node("Cast", [photo[0]], [art[0]], to=art[1]),)
    graph = helper.make_graph(list(made), "net", [given], [drawn])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, METADATA)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize(
    ("photo", "art"),
    [
        (PHOTO, ("art", FLOAT, [1, "H", "W", 3])),
        (PHOTO, ("drawn", UINT8, [1, "H", "W", 3])),
        (("image", FLOAT, [1, "H", "W", 3]), ("art", UINT8, [1, "H", "W", 3])),
        (("image", UINT8, [1, 3, "H", 64]), ("art", UINT8, [1, 3, "H", 64])),
        (("photo", UINT8, [1, "H", "W", 3]), ("art", UINT8, [1, "H", "W", 3])),
    ],
)
def test_other_inputs_and_outputs_are_refused(tmp_path: Path, photo: Any, art: Any) -> None:
    with pytest.raises(ModelError, match="cannot be served"):
        Model(write(tmp_path / "model.onnx", photo, art))


@pytest.mark.parametrize("shape", [(1, 64, 64, 2), (64, 64)])
def test_what_is_no_line_art_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    drawn = numpy_helper.from_array(np.zeros(shape, np.uint8))
    node = helper.make_node("Constant", [], ["art"], value=drawn)
    with pytest.raises(ModelError, match="not uint8 of"):
        Model(write(tmp_path / "model.onnx", PHOTO, ("art", UINT8, shape), node))


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Transpose", ["image"], ["art"], perm=[0, 3, 1, 2]),
        helper.make_node("Transpose", ["image"], ["art"], perm=[0, 2, 1, 3]),
        helper.make_node("Concat", ["image", "image"], ["art"], axis=1),
    ],
    ids=["channels first", "on its side", "twice as high"],
)
def test_what_a_graph_hides_until_it_runs(tmp_path: Path, node: Any) -> None:
    path = write(tmp_path / "model.onnx", PHOTO, ("art", UINT8, [1, "A", "B", "C"]), node)
    model = Model(path)
    with pytest.raises(RunError, match="gives"):
        model.run(np.zeros((64, 96, 3), np.uint8))


@pytest.mark.parametrize("metadata", [{"max_side": "63"}, {"max_side": "0"}, {"multiple": "0"}])
def test_sizes_that_no_photo_has(tmp_path: Path, metadata: Any) -> None:
    with pytest.raises(ModelError, match="cannot be served"):
        Model(negative(tmp_path / "model.onnx", **metadata))
