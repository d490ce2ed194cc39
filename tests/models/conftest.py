"""The lessons that are small enough to commit: two samples and what the teacher made of them."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.conversion.torchvision_operators import declare_operators

declare_operators()
with warnings.catch_warnings():
    # At import fastai scripts a function and sets an option, which torch and pandas deprecate.
    warnings.simplefilter("ignore")
    import fastai.basics  # noqa: F401

torch.set_num_threads(1)
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def lessons(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of lessons as `models.training.lessons.teach` writes it, of face.jpg and cat.jpg."""
    folder = tmp_path_factory.mktemp("lessons")
    for part in ("train", "held_out"):
        (folder / part).mkdir()
        for name in ("face", "cat"):
            Image.open(samples / f"{name}.jpg").save(folder / part / f"{name}.photo.png")
            (folder / part / f"{name}.art.png").write_bytes((GOLDEN / f"{name}.png").read_bytes())
    return folder


@pytest.fixture
def photo() -> np.ndarray:
    """Something smooth with an edge in it, RGB uint8 [96, 64, 3]."""
    y, x = np.mgrid[:96, :64]
    disc = np.hypot(y - 48, x - 32) < 20
    return np.stack([np.where(disc, 40, 200), 2 * y, 3 * x], -1).astype(np.uint8)
