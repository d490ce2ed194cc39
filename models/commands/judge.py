"""Measures a model on the held-out photos, beside its teacher, XDoG and Canny."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--build", type=Path, default=Path("models/build"), help="lessons in it")
    parser.add_argument("--model", type=Path, default=Path("artline/model.onnx"))
    parser.add_argument("--before", type=Path, help="an earlier model file to compare with")
    parser.add_argument("--most", type=int, default=1000, help="photos, spread over all of them")
    parser.add_argument("--threads", type=int, default=1, help="that a model runs on")


def run(arguments: argparse.Namespace) -> int:
    """Print the table, in Markdown."""
    from artline.drawing.model import Model
    from models.training import judging

    def drawer(path: Path) -> judging.Draw:
        model = Model(path, threads=arguments.threads)
        return lambda photo: model.run(photo)[..., 0]

    draws = {"model": drawer(arguments.model)}
    if arguments.before:
        draws["before"] = drawer(arguments.before)
    draws |= {"XDoG": judging.xdog, "Canny": judging.canny_edges}
    every = list(judging.cases(arguments.build))
    examined = every[:: -(-len(every) // arguments.most)]
    people = [face for case in examined for face in case.people.faces]
    large = sum(face.eyes >= judging.LARGE for face in people)
    medium = sum(judging.MEDIUM <= face.eyes < judging.LARGE for face in people)
    plain = sum(face.plain for face in people)
    print(
        f"{len(examined)} photos; {len(people)} faces, {plain} of them plain; "
        f"{large} of 50 px and more between the eyes, {medium} of 20 to 50 px\n"
    )
    print(judging.table(judging.measure(examined, draws)))
    return 0
