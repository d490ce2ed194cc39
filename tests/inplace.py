"""The model file under test, `artline/model.onnx`: the default model, or a user's own."""

import pytest

from artline.drawing.model import Model
from artline.version import MODEL

IN_PLACE = Model(MODEL)
NAME = f"{IN_PLACE.name}/{IN_PLACE.version}"

only_the_default = pytest.mark.skipif(
    IN_PLACE.name != "artline", reason="artline/model.onnx is not the default model"
)
"""For a test of what only the default model must do. All other tests pass with any model file."""
