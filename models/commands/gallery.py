"""Judges a model on the held-out photos: figures, and a sheet for the eyes."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--build", type=Path, default=Path("models/build"), help="lessons in it")
    parser.add_argument("--model", type=Path, default=Path("artline/model.onnx"))
    parser.add_argument("--to", type=Path, default=Path("models/GALLERY.jpg"))


def run(arguments: argparse.Namespace) -> int:
    """Print SSIM to the teacher as a table, save the sheet."""
    from artline.drawing.model import Model
    from models.contactsheet import save
    from models.training.gallery import judge

    scores, sheet = judge(arguments.build / "lessons" / "held_out", Model(arguments.model))
    save(sheet, arguments.to)
    print("| photo | SSIM |\n| --- | --- |")
    for name, score in scores.items():
        print(f"| {name} | {score:.3f} |")
    print(f"| mean of {len(scores)} | {sum(scores.values()) / len(scores):.3f} |")
    return 0
