"""The committed model draws the samples as the teacher does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from artline.drawing.model import Model
from artline.version import MODEL
from models.contactsheet import LARGEST, save, sheet
from models.training.lessons import at_side


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL, threads=1)


# The student finds other folds in black clothes than the teacher, and its strokes are bolder.
@pytest.mark.parametrize(
    ("name", "style", "least"),
    [("face", "ink", 0.67), ("face", "line", 0.75), ("cat", "ink", 0.67)],
)
def test_is_like_the_teacher(
    name: str, style: str, least: float, model: Model, samples: Path, golden: Path
) -> None:
    photo = np.array(at_side(Image.open(samples / f"{name}.jpg").convert("RGB")))
    expected = np.array(Image.open(golden / f"{name}.{style}.png"))
    assert structural_similarity(model.run(photo, style)[..., 0], expected) > least


def test_gallery_is_a_sheet_of_pairs(tmp_path: Path) -> None:
    pair = (np.zeros((300, 640, 3), np.uint8), np.full((300, 640, 1), 255, np.uint8))
    save(sheet([pair] * 3), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.size == (4 * 480 + 32, 2 * (225 + 8))
    assert (tmp_path / "sheet.jpg").stat().st_size < LARGEST
