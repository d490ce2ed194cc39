"""Training goes down hill, is saved as a learner, and ends in a model file."""

import copy
import itertools
import random
import types
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastai.callback.core import Callback  # type: ignore[import-untyped]
from fastai.learner import load_learner  # type: ignore[import-untyped]
from torch import nn

from artline.drawing.model import Model
from models.__main__ import main
from models.training import train
from models.training.data import loaders
from models.training.network import STYLES, Network
from models.training.train import BLACK, EVEN, WHITE, Finished


def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second goes by whenever the training looks at the clock: once a step, twice an epoch."""
    seconds = itertools.count()
    clock = types.SimpleNamespace(monotonic=lambda: next(seconds))
    monkeypatch.setattr(train, "time", clock)


def fit(learner: Any, minutes: float, rate: float, *, resume: bool = False) -> None:
    """Train in silence."""
    with learner.no_bar(), learner.no_logging(), warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        train.fit(learner, minutes, rate, resume=resume)


@pytest.fixture(scope="module")
def trained(lessons: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[float]]:
    """A build folder after a few steps, and the training loss after each epoch."""
    build = tmp_path_factory.mktemp("build")
    torch.manual_seed(0)
    random.seed(0)
    network = Network(widths=(8, 16, 16, 24, 32))
    learner = train.learner(loaders(lessons, size=96, batch=4, steps=8), build, network)
    with pytest.MonkeyPatch.context() as monkeypatch:
        ticking(monkeypatch)
        fit(learner, 1.8, 5e-3)
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
    ticking(monkeypatch)
    network = Network(widths=(4, 4, 4, 4, 4))
    learner = train.learner(loaders(lessons, size=64, batch=2, steps=3), tmp_path, network)
    fit(learner, 0.5, 1e-2)
    rates = learner.recorder.lrs
    assert 12 <= len(rates) <= 27, "half a minute, to the end of an epoch"
    assert rates[0] < max(rates)
    assert 8e-3 < max(rates) <= 1e-2
    assert rates[-1] < 1e-3


def test_a_training_that_was_stopped_is_resumed(
    lessons: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Power(Callback):  # type: ignore[misc]
        """Fails in the third epoch."""

        def before_epoch(self) -> None:
            if self.epoch == 2:
                raise InterruptedError("the power went out")

    def learner() -> Any:
        torch.manual_seed(0)
        network = Network(widths=(4, 4, 4, 4, 4))
        return train.learner(loaders(lessons, size=64, batch=2, steps=3), tmp_path, network)

    ticking(monkeypatch)
    stopped = learner()
    stopped.add_cb(Power())
    with pytest.raises(InterruptedError):
        fit(stopped, 0.5, 1e-2)
    own = {name: value.clone() for name, value in stopped.model.state_dict().items()}
    mean = {name: value.clone() for name, value in stopped.average.mean.items()}
    momenta = [state["grad_avg"].clone() for state in stopped.opt.state_dict()["state"]]

    seen: dict[str, Any] = {}

    class Look(Callback):  # type: ignore[misc]
        """Keeps what the training begins with."""

        order = 5

        def before_train(self) -> None:
            if not seen:
                seen.update(copy.deepcopy(self.model.state_dict()))
                seen["steps"] = self.learn.average.steps
                seen["mean"] = copy.deepcopy(self.learn.average.mean)
                state = self.opt.state_dict()["state"]
                seen["momenta"] = [copy.deepcopy(each["grad_avg"]) for each in state]

    resumed = learner()
    resumed.add_cb(Look())
    fit(resumed, 0.5, 1e-2, resume=True)
    assert seen["steps"] == 6
    assert sum(float(momentum.abs().sum()) for momentum in momenta) > 0
    torch.testing.assert_close(seen["momenta"], momenta)
    torch.testing.assert_close(seen["mean"], mean)
    for name, value in own.items():
        torch.testing.assert_close(seen[name], value)
    assert 6 <= len(resumed.recorder.lrs) <= 18, "what is left of half a minute"
    assert resumed.recorder.lrs[-1] < 2e-3


def test_nothing_to_resume_says_so(lessons: Path, tmp_path: Path) -> None:
    network = Network(widths=(4, 4, 4, 4, 4))
    learner = train.learner(loaders(lessons, size=64, batch=2, steps=1), tmp_path, network)
    with pytest.raises(FileNotFoundError, match=r"training\.pt"):
        fit(learner, 0.5, 1e-2, resume=True)


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


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--device", "cuda"]) == 2
    assert "finds no GPU" in capsys.readouterr().err


@pytest.mark.parametrize(("side", "more"), [(256, 1.0), (512, 1.0), (1024, 0.0), (2048, -1.0)])
def test_logits_turn_to_ink_as_the_side_grows(side: int, more: float) -> None:
    """So that strokes, which the network draws too alike in pixels, keep their share."""
    even = torch.zeros(1, 2, 32, side)
    first, second = Finished(nn.Identity(), nn.Identity(), nn.Identity())(even)
    assert first.shape == second.shape == (1, 1, 32, side)
    level = 0.5 + 255 * (more * EVEN - BLACK) / (WHITE - BLACK)
    assert torch.allclose(first, torch.tensor(level))
    assert (second == first).all()
