"""The held-out photos beside the line art that a model makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.metrics import structural_similarity

from artline.drawing.model import Model
from models.contactsheet import Pixels, sheet


def judge(lessons: Path, model: Model) -> tuple[dict[str, float], Image.Image]:
    """SSIM to the teacher of every lesson in a folder, by name, and the sheet of them."""
    scores: dict[str, float] = {}
    pairs: list[tuple[Pixels, Pixels]] = []
    for path in sorted(lessons.glob("*.photo.png")):
        name = path.name.removesuffix(".photo.png")
        photo, expected = (
            np.asarray(Image.open(each)) for each in (path, lessons / f"{name}.art.png")
        )
        drawn = model.run(photo)
        scores[name] = float(structural_similarity(drawn[..., 0], expected))
        pairs.append((photo, drawn))
    return scores, sheet(pairs)
