"""The committed model draws the samples as the teacher does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from artline.drawing.model import Model
from artline.version import MODEL
from models.contactsheet import LARGEST, save, sheet


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL, threads=1)


@pytest.mark.parametrize(("name", "least"), [("face", 0.89), ("cat", 0.84)])
def test_is_like_the_teacher(
    name: str, least: float, model: Model, samples: Path, golden: Path
) -> None:
    drawn = model.run(np.array(Image.open(samples / f"{name}.jpg").convert("RGB")))[..., 0]
    expected = np.array(Image.open(golden / f"{name}.png"))
    assert structural_similarity(drawn, expected) > least


def test_gallery_is_a_sheet_of_pairs(tmp_path: Path) -> None:
    pair = (np.zeros((300, 640, 3), np.uint8), np.full((300, 640, 1), 255, np.uint8))
    save(sheet([pair] * 3), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.size == (4 * 480 + 32, 2 * (225 + 8))
    assert (tmp_path / "sheet.jpg").stat().st_size < LARGEST
