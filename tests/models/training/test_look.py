"""The committed model draws the samples as the teacher does."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.morphology import skeletonize

from artline.drawing.model import Model
from artline.version import MODEL
from models.contactsheet import LARGEST, save, sheet
from models.training.judging import canny_edges, xdog
from models.training.lessons import at_side


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL, threads=1)


# The least shares of the teacher's strokes that are drawn, and of the drawn ones that the teacher
# has. XDoG and Canny miss one or the other by far, and so does the model's other style.
LEAST = {
    ("face", "ink"): (0.91, 0.68),
    ("face", "line"): (0.81, 0.9),
    ("cat", "ink"): (0.79, 0.38),
}


@pytest.mark.parametrize(("name", "style"), LEAST)
def test_strokes_are_the_teachers(
    name: str, style: str, model: Model, samples: Path, golden: Path
) -> None:
    photo = np.array(at_side(Image.open(samples / f"{name}.jpg").convert("RGB")))
    taught = np.array(Image.open(golden / f"{name}.{style}.png"))
    least = LEAST[name, style]
    assert np.greater(shared(model.run(photo, style)[..., 0], taught), least).all()
    others = [model.run(photo, each)[..., 0] for each in model.styles if each != style]
    for other in (*others, xdog(photo), canny_edges(photo)):
        assert not np.greater(shared(other, taught), least).all(), "the bounds tell them apart"


def shared(art: np.ndarray, taught: np.ndarray) -> tuple[float, float]:
    """The share of `taught` strokes with ink of `art` within three pixels, and the reverse."""
    inks = art < 128, taught < 128
    away = [ndimage.distance_transform_edt(~ink) for ink in inks]
    drawn, wanted = (skeletonize(ink) for ink in inks)
    return float((away[0][wanted] <= 3).mean()), float((away[1][drawn] <= 3).mean())


def test_gallery_is_a_sheet_of_pairs(tmp_path: Path) -> None:
    pair = (np.zeros((300, 640, 3), np.uint8), np.full((300, 640, 1), 255, np.uint8))
    save(sheet([pair] * 3), tmp_path / "sheet.jpg")
    with Image.open(tmp_path / "sheet.jpg") as picture:
        assert picture.size == (4 * 480 + 32, 2 * (225 + 8))
    assert (tmp_path / "sheet.jpg").stat().st_size < LARGEST
