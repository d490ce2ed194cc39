"""What any model file in `artline/model.onnx` must do, the default one or a user's own."""

from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
from PIL import Image

from artline.drawing.model import METADATA, Model
from artline.version import MODEL


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL)


def test_takes_and_gives_pixels() -> None:
    session = onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
    (image,), art = session.get_inputs(), session.get_outputs()[0]
    assert (image.name, image.type, image.shape[0]) == ("image", "tensor(uint8)", 1)
    assert (art.name, art.type, art.shape[0]) == ("art", "tensor(uint8)", 1)
    assert image.shape[3] == 3
    assert art.shape[3] in (1, 3)
    assert session.get_modelmeta().custom_metadata_map.keys() >= METADATA


@pytest.mark.parametrize("size", [(1, 1), (4, 4), (1, 500), (500, 1), (97, 31), (200, 300)])
def test_draws_a_photo_of_any_size(model: Model, size: tuple[int, int]) -> None:
    photo = Image.new("RGB", size[::-1], (128, 90, 200))
    photo.thumbnail(model.fit(model.default_side))
    pixels = np.asarray(photo)
    art = model.run(pixels)
    assert art.shape[:2] == pixels.shape[:2]
    assert art.shape[2] in (1, 3)
    assert art.dtype == np.uint8


def test_draws_something(model: Model, samples: Path) -> None:
    with Image.open(samples / "face.jpg") as photo:
        photo.thumbnail(model.fit(256))
        art = model.run(np.asarray(photo.convert("RGB")))
    assert art.min() < art.max()
