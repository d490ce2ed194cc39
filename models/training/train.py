"""Trains the default model with fastai and writes it as a learner and as a model file."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.conversion.torchvision_operators import declare_operators

declare_operators()

from fastai.callback.core import Callback  # noqa: E402
from fastai.callback.schedule import Learner  # noqa: E402
from fastai.data.core import DataLoaders  # noqa: E402
from fastai.optimizer import Adam  # noqa: E402

from models.conversion.export import export  # noqa: E402
from models.training.data import MEAN, STD  # noqa: E402
from models.training.loss import LineLoss, ssim  # noqa: E402
from models.training.network import MULTIPLE, Network  # noqa: E402

METADATA = {
    "name": "artline",
    "version": "1.0.0",
    "license": "MIT",
    "source": "models/README.md",
}
# Probabilities of paper that become black and white: what is all but certain is certain.
BLACK, WHITE = 0.06, 0.90


def similarity(logits: torch.Tensor, paper: torch.Tensor) -> torch.Tensor:
    """SSIM to the teacher, the metric."""
    return ssim(torch.sigmoid(logits.float()), paper)


class BFloat16(Callback):
    """Runs the network in bfloat16, twice as fast on CPUs that have it; weights stay float32."""

    def before_batch(self) -> None:
        self.autocast = torch.autocast("cpu", torch.bfloat16)
        self.autocast.__enter__()

    def after_pred(self) -> None:
        self.autocast.__exit__(None, None, None)


class Average(Callback):
    """Keeps a running mean of the weights: it draws steadier lines than any one step's."""

    def __init__(self, decay: float = 0.998) -> None:
        self.decay = decay

    def before_fit(self) -> None:
        self.mean = copy.deepcopy(self.model.state_dict())
        self.steps = 0

    @torch.no_grad()
    def after_batch(self) -> None:
        if not self.training:
            return
        self.steps += 1
        decay = min(
            self.decay, self.steps / (self.steps + 10)
        )  # the first steps are soon forgotten
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.mean[name].lerp_(value, 1 - decay)

    def before_validate(self) -> None:
        self.own = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.mean)

    def after_validate(self) -> None:
        if self.training_goes_on:
            self.model.load_state_dict(self.own)

    @property
    def training_goes_on(self) -> bool:
        return self.epoch + 1 < self.n_epoch


class Checkpoint(Callback):
    """Saves the averaged weights after every epoch, so that they can be looked at."""

    order = 1

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_validate(self) -> None:
        torch.save(self.learn.average.mean, self.path)


def learner(loaders: DataLoaders, build: Path, **network: Any) -> Learner:
    """A fastai learner of the network on `loaders`; `network` goes to `Network`."""
    model = Network(**network)
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Learner(
        loaders,
        model,
        loss_func=LineLoss(),
        opt_func=Adam,
        metrics=similarity,
        cbs=[BFloat16(), Average(), Checkpoint(build / "checkpoint.pt")],
        path=build,
    )


def write(model: nn.Module, path: Path) -> None:
    """The trained network as the function's model file: logits become grey levels."""
    paper = nn.Sequential(model.float(), nn.Sigmoid())
    export(
        paper,
        path,
        mean=MEAN,
        std=STD,
        metadata=METADATA,
        multiple=MULTIPLE,
        low=BLACK,
        high=WHITE,
    )
