"""Photos that the model was never trained on, beside its line art."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from artline.drawing.model import Model
from models.contactsheet import sheet
from models.training.packages import HELD_OUT


def gallery(lessons: Path, model: Model) -> Image.Image:
    """The sheet of the photos of `HELD_OUT` in a folder of lessons: those free to redistribute.

    Raises:
        FileNotFoundError: the folder lacks one of them.

    """
    photos = [np.array(Image.open(lessons / f"{name}.photo.png")) for name in sorted(HELD_OUT)]
    return sheet([(photo, model.run(photo)) for photo in photos])
