"""Lays out photos never trained on beside the line art that a model makes of them."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--build", type=Path, default=Path("models/build"), help="lessons in it")
    parser.add_argument("--model", type=Path, default=Path("artline/model.onnx"))
    parser.add_argument("--to", type=Path, default=Path("models/GALLERY.jpg"))


def run(arguments: argparse.Namespace) -> int:
    """Save the sheet."""
    from artline.drawing.model import Model
    from models.contactsheet import save
    from models.training.gallery import gallery

    save(gallery(arguments.build / "lessons" / "held_out", Model(arguments.model)), arguments.to)
    print(arguments.to)
    return 0
