"""Trains the default model: `python -m models photos` comes first."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--build", type=Path, default=Path("models/build"), help="lessons in it")
    parser.add_argument("--to", type=Path, default=Path("artline/model.onnx"), help="model file")
    parser.add_argument("--minutes", type=float, default=60, help="that training goes on")
    parser.add_argument("--steps", type=int, default=100, help="batches in an epoch")
    parser.add_argument("--batch", type=int, default=8, help="crops in a batch")
    parser.add_argument("--size", type=int, default=448, help="a crop's side in pixels")
    parser.add_argument("--rate", type=float, default=3e-3, help="the highest learning rate")
    parser.add_argument("--threads", type=int, default=1, help="that the network runs on")
    parser.add_argument(
        "--workers", type=int, default=1, help="processes that prepare crops; a GPU needs none"
    )
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--resume", action="store_true", help="go on with the training that was stopped in BUILD"
    )
    begin.add_argument(
        "--weights", type=Path, help="go on from this checkpoint, or model file of this network"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, save BUILD/learner.pkl, write the model file."""
    import torch

    from models.training import data, train

    if arguments.resume and not (arguments.build / "training.pt").exists():
        print(f"{arguments.build} holds no training.pt: nothing to resume", file=sys.stderr)
        return 2
    if arguments.device != "cpu" and not torch.cuda.is_available():
        print(f"--device {arguments.device}: torch finds no GPU here", file=sys.stderr)
        return 2
    torch.set_num_threads(arguments.threads)
    loaders = data.loaders(
        arguments.build / "lessons",
        size=arguments.size,
        batch=arguments.batch,
        steps=arguments.steps,
        workers=arguments.workers,
        device=arguments.device,
    )
    model = train.start(arguments.weights, loaders)
    learner = train.learner(loaders, arguments.build, model)
    with learner.no_bar():
        train.fit(learner, arguments.minutes, arguments.rate, resume=arguments.resume)
    learner.export("learner.pkl")
    train.write(learner.model, arguments.to)
    print(f"{arguments.build / 'learner.pkl'} and {arguments.to}")
    return 0
