"""What the committed model draws of the samples, held against drawings that were looked at.

Compared by structural similarity, not by bytes: another CPU rounds otherwise. To take a new model's
drawings as golden, look at them, then `python -m tests.artline.drawing.test_golden`.
"""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import structural_similarity

from artline.drawing.model import Model
from artline.drawing.transform import transform
from artline.options import Options
from artline.version import MODEL
from tests.inplace import only_the_default

pytestmark = only_the_default
GOLDEN = Path(__file__).parent / "golden"
SAMPLES = Path(__file__).parents[3] / "samples"
SIDE = 512
LEAST = 0.98
"""SSIM. An earlier training of the same network scored 0.84 to 0.92."""


def drawn(name: str) -> Image.Image:
    model = Model(MODEL)
    options = Options.read({"format": "png", "max_side": SIDE}, model)
    photo = (SAMPLES / f"{name}.jpg").read_bytes()
    return Image.open(io.BytesIO(transform(photo, model, options)))


@pytest.mark.parametrize("name", ["face", "cat", "rotated", "landscape"])
def test_the_samples_are_drawn_as_ever(name: str) -> None:
    golden, now = np.asarray(Image.open(GOLDEN / f"{name}.png")), np.asarray(drawn(name))
    assert golden.shape == now.shape
    assert structural_similarity(golden, now) > LEAST


@pytest.mark.parametrize("name", ["face", "cat", "rotated", "landscape"])
def test_the_paper_is_white_and_the_ink_is_black(name: str) -> None:
    now = np.asarray(drawn(name))
    assert np.median(now) == 255
    assert now.min() < 32
    assert ((now > 32) & (now < 224)).mean() < 0.15  # strokes are crisp, not grey


if __name__ == "__main__":
    for path in sorted(SAMPLES.glob("*.jpg")):
        drawn(path.stem).save(GOLDEN / f"{path.stem}.png", optimize=True)
