"""The lessons that are small enough to commit: two samples and the teacher's line art of them."""

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
    import fastai.basics  # type: ignore[import-untyped]  # noqa: F401

from models.training.faces import People, read  # noqa: E402
from models.training.lessons import at_side  # noqa: E402
from models.training.network import STYLES  # noqa: E402

torch.set_num_threads(1)
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN


def looked_at(samples: Path, folder: Path) -> People:
    """The one face in face.jpg, in pixels of a picture of 1024 by 1024, by way of `folder`."""
    photo = folder / "face.png"
    Image.open(samples / "face.jpg").save(photo)
    photo.with_suffix(".faces.npz").write_bytes((GOLDEN / "face.faces.npz").read_bytes())
    return read(photo, (1024, 1024))


@pytest.fixture(scope="session")
def people(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> People:
    """The one face in face.jpg, in pixels of a picture of 1024 by 1024."""
    return looked_at(samples, tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="session")
def lessons(
    samples: Path, golden: Path, people: People, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of lessons as `models.training.lessons.teach` writes it, of face.jpg and cat.jpg."""
    folder = tmp_path_factory.mktemp("lessons")
    (face,) = people.faces
    where = {"face": face.mesh[None], "cat": np.empty((0, *face.mesh.shape))}
    for part in ("train", "held_out"):
        (folder / part).mkdir()
        for name, faces in where.items():
            photo = at_side(Image.open(samples / f"{name}.jpg").convert("RGB"))
            photo.save(folder / part / f"{name}.photo.png", compress_level=1)
            np.save(folder / part / f"{name}.faces.npy", faces)
            for style in STYLES:
                art = (golden / f"{name}.{style}.png").read_bytes()
                (folder / part / f"{name}.{style}.png").write_bytes(art)
    return folder


@pytest.fixture
def photo() -> np.ndarray:
    """Something smooth with an edge in it, RGB uint8 [96, 64, 3]."""
    y, x = np.mgrid[:96, :64]
    disc = np.hypot(y - 48, x - 32) < 20
    return np.stack([np.where(disc, 40, 200), 2 * y, 3 * x], -1).astype(np.uint8)
