"""Training goes down hill, is saved as a learner, and ends in a model file."""

import itertools
import random
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from fastai.learner import load_learner  # type: ignore[import-untyped]

from artline.drawing.model import Model
from models.training import train
from models.training.data import loaders
from models.training.network import STYLES, Network


@pytest.fixture(scope="module")
def trained(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A build folder after a few steps, and the training loss after each epoch."""
    build = tmp_path_factory.mktemp("build")
    torch.manual_seed(0)
    random.seed(0)
    network = Network(widths=(8, 16, 16, 24, 32))
    learner = train.learner(loaders(lessons, size=96, batch=4, steps=8), build, network)
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


def test_model_file_draws_every_style(trained: tuple[Path, list[float]], photo: np.ndarray) -> None:
    build, _ = trained
    assert (build / "model.onnx").stat().st_size < 1_000_000
    model = Model(build / "model.onnx")
    assert model.styles == STYLES
    arts = [model.run(photo, style) for style in STYLES]
    assert all(art.shape == (*photo.shape[:2], 1) for art in arts)
    assert (arts[0] != arts[1]).any(), "an output of its own for each style"


def test_the_clock_stops_training_and_lets_the_rate_fall(
    lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()  # one goes by whenever the clock is read
    clock = types.SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(train, "time", clock)
    network = Network(widths=(4, 4, 4, 4, 4))
    learner = train.learner(loaders(lessons, size=64, batch=2, steps=3), tmp_path, network)
    with learner.no_bar(), learner.no_logging(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        train.fit(learner, 0.5, 1e-2)
    rates = learner.recorder.lrs
    assert 21 <= len(rates) <= 27, "half a minute, to the end of an epoch"
    assert rates[0] < max(rates)
    assert 8e-3 < max(rates) <= 1e-2
    assert rates[-1] < 1e-3


def test_training_goes_on_from_a_checkpoint_or_a_model_file(lessons: Path, tmp_path: Path) -> None:
    batches = loaders(lessons, size=64, batch=2, steps=1)
    network = Network()
    network.train()(torch.randn(4, 3, 64, 64), torch.zeros(4))  # some statistics to fold
    network.eval()
    torch.save(network.state_dict(), tmp_path / "checkpoint.pt")
    train.write(network, tmp_path / "model.onnx")
    photos = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = network(photos, torch.zeros(1))
        for file in ("checkpoint.pt", "model.onnx"):
            found = train.start(tmp_path / file, batches).eval()(photos, torch.zeros(1))
            torch.testing.assert_close(found, expected, atol=1e-3, rtol=1e-3)
