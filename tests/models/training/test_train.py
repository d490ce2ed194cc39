"""Training goes down hill, is saved as a learner, and ends in a model file."""

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from fastai.learner import load_learner

from models.training import train
from models.training.data import Crops, degrade, loaders


def test_a_crop_is_a_photo_and_its_art(lessons: Path) -> None:
    crops = Crops(lessons / "train", size=64, length=5)
    photo, paper = crops[0]
    assert len(crops) == 5
    assert photo.shape == (3, 64, 64)
    assert paper.shape == (1, 64, 64)
    assert 0 <= paper.min() <= paper.max() <= 1


def test_small_pictures_are_filled_by_reflection(lessons: Path) -> None:
    photo, paper = Crops(lessons / "held_out", size=480)[0]  # the cat is 451 by 300
    assert photo.shape == (3, 480, 480)
    assert paper.shape == (1, 480, 480)


def test_validation_is_the_same_every_time(lessons: Path) -> None:
    crops = Crops(lessons / "held_out", size=64)
    assert len(crops) == 2
    assert torch.equal(crops[1][0], crops[1][0])


def test_no_lessons_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="models photos"):
        Crops(tmp_path, size=64)


def test_degrading_leaves_the_picture_recognisable(photo: np.ndarray) -> None:
    for _ in range(40):
        worse = degrade(photo)
        assert worse.shape == photo.shape
        assert worse.dtype == np.uint8
        disc, around = worse[48, 32].astype(int).sum(), worse[48, 4].astype(int).sum()
        assert disc != around


@pytest.fixture(scope="module")
def trained(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A build folder after a few steps, and the training loss after each epoch."""
    build = tmp_path_factory.mktemp("build")
    torch.manual_seed(0)
    learner = train.learner(
        loaders(lessons, size=96, batch=4, steps=8), build, widths=(8, 16, 16, 24, 32)
    )
    with learner.no_bar(), learner.no_logging(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        learner.fit_one_cycle(4, 5e-3)
        learner.export("learner.pkl")
    train.write(learner.model, build / "model.onnx")
    return build, [values[0] for values in learner.recorder.values]


def test_loss_goes_down(trained: tuple[Path, list[float]]) -> None:
    _, losses = trained
    assert losses[-1] < 0.8 * losses[0]


def test_checkpoint_is_the_average_that_is_exported(trained: tuple[Path, list[float]]) -> None:
    build, _ = trained
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # fastai warns of pickles; this one is our own
        learner = load_learner(build / "learner.pkl")
    checkpoint = torch.load(build / "checkpoint.pt")
    for name, value in learner.model.state_dict().items():
        torch.testing.assert_close(value, checkpoint[name])


def test_model_file_is_written(trained: tuple[Path, list[float]]) -> None:
    build, _ = trained
    assert (build / "model.onnx").stat().st_size < 1_000_000
