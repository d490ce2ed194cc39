"""A model's styles: one output each, the default one named art."""

import io
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from artline.drawing.model import Model
from artline.drawing.transform import transform
from artline.errors import ModelError, OptionError
from artline.options import Options
from artline.version import MODEL
from tests.networks import negative

RED = (255, 0, 0)


def drawn(model: Model, **options: object) -> tuple[int, ...]:
    """The colour of what `model` makes of a red photo."""
    photo = io.BytesIO()
    Image.new("RGB", (64, 64), RED).save(photo, "PNG")
    art = transform(photo.getvalue(), model, Options.read({"format": "png"} | options, model))
    return tuple(np.asarray(Image.open(io.BytesIO(art)))[32, 32])


def test_each_style_is_an_output(tmp_path: Path) -> None:
    model = Model(negative(tmp_path / "model.onnx", styles="negative,photo"))
    assert model.styles == ("negative", "photo")
    assert drawn(model) == drawn(model, style="negative") == (0, 255, 255)
    assert drawn(model, style="photo") == RED


def test_a_style_that_the_model_has_not(tmp_path: Path) -> None:
    model = Model(negative(tmp_path / "model.onnx", styles="negative,photo"))
    with pytest.raises(OptionError, match="style must be negative or photo"):
        drawn(model, style="default")


def test_a_model_that_lists_no_styles_has_one(tmp_path: Path) -> None:
    model = Model(negative(tmp_path / "model.onnx"))
    assert model.styles == ("default",)
    assert drawn(model, style="default") == (0, 255, 255)


@pytest.mark.parametrize("styles", ["negative,missing", "a,a", ",", "", "a, b"])
def test_a_list_of_styles_that_is_not_so_is_refused(tmp_path: Path, styles: str) -> None:
    path = negative(tmp_path / "model.onnx")
    model = onnx.load(path)
    metadata = {each.key: each.value for each in model.metadata_props}
    onnx.helper.set_model_props(model, metadata | {"styles": styles})
    onnx.save(model, path)
    with pytest.raises(ModelError, match="style"):
        Model(path)


def test_the_default_models_styles_are_named() -> None:
    assert all(style.isidentifier() for style in Model(MODEL).styles)
