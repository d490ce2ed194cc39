"""Trains the default model: `python -m models photos` comes first."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--build", type=Path, default=Path("models/build"), help="lessons in it")
    parser.add_argument("--to", type=Path, default=Path("artline/model.onnx"), help="model file")
    parser.add_argument("--epochs", type=int, default=33, help="of --steps batches each")
    parser.add_argument("--steps", type=int, default=100, help="batches in an epoch")
    parser.add_argument("--batch", type=int, default=8, help="crops in a batch")
    parser.add_argument("--size", type=int, default=320, help="a crop's side in pixels")
    parser.add_argument("--rate", type=float, default=5e-3, help="one-cycle's highest rate")
    parser.add_argument("--weights", type=Path, help="go on from this checkpoint")


def run(arguments: argparse.Namespace) -> int:
    """Train, save BUILD/learner.pkl, write the model file."""
    import torch

    from models.training import data, train

    loaders = data.loaders(
        arguments.build / "lessons",
        size=arguments.size,
        batch=arguments.batch,
        steps=arguments.steps,
        workers=1,
    )
    learner = train.learner(loaders, arguments.build)
    if arguments.weights:
        learner.model.load_state_dict(torch.load(arguments.weights))
    with learner.no_bar():
        learner.fit_one_cycle(arguments.epochs, arguments.rate)
    learner.export("learner.pkl")
    train.write(learner.model, arguments.to)
    print(f"{arguments.build / 'learner.pkl'} and {arguments.to}")
    return 0
