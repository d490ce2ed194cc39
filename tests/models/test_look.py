"""The committed model draws the samples as the teacher does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from models.gallery import LARGEST, Model, save, sheet

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(ROOT / "function" / "model.onnx", threads=1)


@pytest.mark.parametrize(("name", "least"), [("face", 0.89), ("cat", 0.84)])
def test_is_like_the_teacher(
    name: str, least: float, model: Model, samples: Path, golden: Path
) -> None:
    drawn = np.array(model.draw(Image.open(samples / f"{name}.jpg").convert("RGB")))
    expected = np.array(Image.open(golden / f"{name}.png"))
    assert structural_similarity(drawn, expected) > least


def test_gallery_is_a_sheet_of_pairs(tmp_path: Path) -> None:
    pair = (Image.new("RGB", (640, 300)), Image.new("RGB", (640, 300), "white"))
    save(sheet([pair] * 3), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.size == (4 * 480 + 32, 2 * (225 + 8))
    assert (tmp_path / "sheet.jpg").stat().st_size < LARGEST
