"""Trains the default model with fastai and writes it as a learner and as a model file."""

from __future__ import annotations

import copy
import math
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.conversion.torchvision_operators import declare_operators

declare_operators()

from fastai.callback.core import Callback, CancelFitException  # type: ignore[import-untyped]  # noqa: E402
from fastai.callback.schedule import Learner  # type: ignore[import-untyped]  # noqa: E402
from fastai.data.core import DataLoaders  # type: ignore[import-untyped]  # noqa: E402
from fastai.optimizer import Adam  # type: ignore[import-untyped]  # noqa: E402

from models.conversion.export import export  # noqa: E402
from models.training.degrade import degrade  # noqa: E402
from models.training.exposure import Exposed, Scaled  # noqa: E402
from models.training.loss import LineLoss, ssim  # noqa: E402
from models.training.network import (  # noqa: E402
    MULTIPLE,
    STYLES,
    Network,
    doublings_of,
    from_file,
    settle,
)
from models.training.specks import WithoutSpecks  # noqa: E402

METADATA = {
    "name": "artline",
    "version": "2.0.0",
    "license": "MIT",
    "source": "models/README.md",
}
MEAN = (0.485, 0.456, 0.406)  # of RGB in 0..1, as is usual
STD = (0.229, 0.224, 0.225)
# Logits of paper that become black and white, by probability. What is unsure becomes ink rather
# than paper: a contour that breaks off is worse than one that is a little wide.
BLACK, WHITE = (math.log(paper / (1 - paper)) for paper in (0.675, 0.845))
LEVELS = 0.5, 255.5  # black and white, half a level over their bytes: cutting the fraction rounds
# By how much twice the side turns logits towards ink, from 512 to 2048 pixels: strokes keep their
# share of the picture more closely than the network learns.
EVEN = 1.2


def darker(doublings: torch.Tensor) -> torch.Tensor:
    """What is taken from the logits of a picture of so many doublings, [N] → [N]."""
    return EVEN * doublings.clamp(-1, 1)


def similarity(logits: torch.Tensor, paper: torch.Tensor, *_: torch.Tensor) -> torch.Tensor:
    """SSIM of the default style to the teacher's, the metric."""
    return ssim(torch.sigmoid(logits[:, :1].float()), paper[:, :1])


def normalise(photos: torch.Tensor) -> torch.Tensor:
    """RGB from 0 to 255, [N, 3, H, W], as the network takes it."""
    mean, std = (255 * photos.new_tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    return (photos - mean) / std


class Views(Callback):  # type: ignore[misc]
    """Gives the network each crop twice in training, as it is and degraded, side by side."""

    order = -1  # before anything that runs the network

    def before_batch(self) -> None:
        crops, light, doublings = self.xb
        paper, care = self.yb
        views = [crops.float()]
        if self.training:
            views.append(degrade(views[0], light.float() / 255))
        photos = normalise(torch.stack(views, 1).flatten(0, 1))
        self.learn.xb = photos, doublings.repeat_interleave(len(views))
        middle = (BLACK + WHITE) / 2 + darker(doublings)
        self.learn.yb = paper.float() / 255, care.float(), middle


class BFloat16(Callback):  # type: ignore[misc]
    """Runs the network in bfloat16, twice as fast where there is hardware; weights stay float32."""

    def before_batch(self) -> None:
        self.autocast = torch.autocast(self.dls.device.type, torch.bfloat16)
        self.autocast.__enter__()  # type: ignore[no-untyped-call]

    def after_pred(self) -> None:
        self.autocast.__exit__(None, None, None)


class Average(Callback):  # type: ignore[misc]
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
        # The first steps are soon forgotten.
        decay = min(self.decay, self.steps / (self.steps + 10))
        for name, value in self.model.state_dict().items():
            if value.is_floating_point():
                self.mean[name].lerp_(value, 1 - decay)

    def before_validate(self) -> None:
        self.own = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.mean)

    def after_validate(self) -> None:
        self.model.load_state_dict(self.own)

    def after_fit(self) -> None:
        self.model.load_state_dict(self.mean)


class Clock(Callback):  # type: ignore[misc]
    """Trains for so many minutes: the rate rises for a twentieth of them, then falls as a cosine.

    Time, not steps, is what is known on a machine that does other work too.
    """

    order = 2

    def __init__(self, minutes: float, rate: float) -> None:
        self.minutes, self.rate = minutes, rate
        self.before = 0.0  # seconds that a training took until it was stopped

    def before_fit(self) -> None:
        self.start = time.monotonic()

    def before_batch(self) -> None:
        if not self.training:
            return
        done = min(1.0, self.seconds() / (60 * self.minutes))
        falling = (1 + math.cos(math.pi * done)) / 2
        self.opt.set_hyper("lr", self.rate * max(0.002, min(done / 0.05, falling)))

    def seconds(self) -> float:
        """How long the training has gone on, before it was resumed too."""
        return self.before + time.monotonic() - self.start

    def after_epoch(self) -> None:
        if self.seconds() >= 60 * self.minutes:
            raise CancelFitException


class Checkpoint(Callback):  # type: ignore[misc]
    """Saves the training after every epoch, so that it can be looked at and gone on with.

    `folder`/checkpoint.pt holds the averaged weights, to look at; `folder`/training.pt holds all
    that a training that was stopped needs, and is loaded where it shall be resumed.
    """

    order = 1  # after the average, and before the clock ends the training

    def __init__(self, folder: Path, *, resume: bool = False) -> None:
        self.folder, self.resume = folder, resume

    def before_fit(self) -> None:
        if not self.resume:
            return
        kept = torch.load(self.folder / "training.pt", map_location=self.dls.device)
        self.model.load_state_dict(kept["weights"])
        self.opt.load_state_dict(kept["optimizer"])
        self.learn.average.mean = kept["mean"]
        self.learn.average.steps = kept["steps"]
        self.learn.clock.before = kept["seconds"]

    def after_epoch(self) -> None:
        average, clock = self.learn.average, self.learn.clock
        optimizer = self.opt.state_dict()
        kept = {
            "weights": self.model.state_dict(),
            "mean": average.mean,
            # In plain lists, which torch reads without running anything.
            "optimizer": {name: list(values) for name, values in optimizer.items()},
            "steps": average.steps,
            "seconds": clock.seconds(),
        }
        for name, content in (("training.pt", kept), ("checkpoint.pt", average.mean)):
            unfinished = self.folder / f"{name}.part"
            torch.save(content, unfinished)
            unfinished.replace(self.folder / name)


class Fresh(Callback):  # type: ignore[misc]
    """Takes up lessons that the teacher has drawn meanwhile."""

    def before_epoch(self) -> None:
        self.dls.train.dataset.refresh()


def start(weights: Path | None, loaders: DataLoaders) -> Network:
    """A new network, or one with the weights of a checkpoint or a model file."""
    if weights is None:
        return Network()
    if weights.suffix == ".onnx":
        network = from_file(weights)
        photos, _, doublings, *_ = loaders.train.one_batch()
        settle(network, normalise(photos.cpu().float()), doublings.cpu())
        return network
    network = Network()
    network.load_state_dict(torch.load(weights, map_location="cpu"))
    return network


def learner(loaders: DataLoaders, build: Path, model: Network | None = None) -> Learner:
    """A fastai learner of `model`, or of a new network, on `loaders`."""
    model = model or Network()
    model.to(loaders.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Learner(
        loaders,
        model,
        loss_func=LineLoss(),
        opt_func=Adam,
        metrics=similarity,
        cbs=[Views(), BFloat16(), Average(), Fresh()],
        path=build,
    )


def fit(learner: Learner, minutes: float, rate: float, *, resume: bool = False) -> None:
    """Train for about `minutes`, to the end of an epoch; the averaged weights are what stays.

    The model and the loaders' batches are on the CPU afterwards; a GPU keeps the lessons.

    Raises:
        FileNotFoundError: there is no training in the learner's folder that could be resumed.

    """
    epochs = 10**6  # the clock stops it
    checkpoint = Checkpoint(learner.path, resume=resume)
    learner.fit(epochs, rate, cbs=[Clock(minutes, rate), checkpoint])
    learner.dls.cpu()
    learner.model.cpu()


class Finished(nn.Module):
    """`network` after `prepare`, as grey levels, and `finish` for the first style: it takes time.

    In a picture of `SIDE` pixels the logits `BLACK` and `WHITE` become `LEVELS`.
    """

    gain: torch.Tensor

    def __init__(self, prepare: nn.Module, network: nn.Module, finish: nn.Module) -> None:
        super().__init__()
        self.prepare, self.network, self.finish = prepare, network, finish
        self.scaled = Scaled(len(STYLES))
        self.register_buffer("gain", torch.full((len(STYLES),), 255 / (WHITE - BLACK)))

    def forward(self, photo: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """What `prepare` takes, [1, 3, H, W] → levels, [1, 1, H, W] for each style."""
        black = BLACK + darker(doublings_of(photo))
        logits = self.network(self.prepare(photo))
        levels: torch.Tensor = self.scaled(logits, self.gain, LEVELS[0] - black * self.gain)
        first, *others = torch.split(levels, 1, 1)
        return self.finish(first), *others


def write(model: nn.Module, path: Path, **metadata: Any) -> None:
    """The trained network as the function's model file: logits become grey levels.

    `Exposed` normalises the photo.
    """
    export(
        Finished(Exposed(MEAN, STD), model.float(), WithoutSpecks(*LEVELS)),
        path,
        mean=(0.0,) * 3,
        std=(1 / 255,) * 3,
        metadata={**METADATA, **metadata},
        styles=STYLES,
        multiple=MULTIPLE,
        low=LEVELS[0],
        high=LEVELS[1],
    )
