"""The model that is in place: whoever brings their own runs these tests with it."""

import pytest

from artline.drawing.model import Model
from artline.version import MODEL

IN_PLACE = Model(MODEL)
NAME = f"{IN_PLACE.name}/{IN_PLACE.version}"

only_the_default = pytest.mark.skipif(
    IN_PLACE.name != "artline", reason="artline/model.onnx is not the default model"
)
"""For what the default model alone must do; what any model must do is asked of the one in place."""
