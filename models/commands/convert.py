"""Turns any learner into a model file, and says what came of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path, help="fastai, torch or ONNX; its bytes say which")
    parser.add_argument("-o", "--to", type=Path, default=Path("artline/model.onnx"))
    parser.add_argument("--name", help="the model's name; the file's by default")
    parser.add_argument("--version", default="1")
    parser.add_argument("--license", default="unknown", help="of the weights")
    parser.add_argument(
        "--max-side", type=int, default=1024, help="lowered where memory asks for it"
    )
    parser.add_argument("--fixed", type=_size, help="HxW: draw at this size alone")
    parser.add_argument("--mean", type=_numbers, help="R,G,B of 0..1, where the file does not say")
    parser.add_argument("--std", type=_numbers)
    parser.add_argument("--range", type=_numbers, default=(0.0, 1.0), help="LOW,HIGH of the output")
    parser.add_argument(
        "--factory", help="MODULE:FUNCTION that makes the network FILE has weights for"
    )
    parser.add_argument(
        "--inert", action="append", default=[], help="a name in a pickle to let stand"
    )
    parser.add_argument("--trust", action="store_true", help="run a fastai 2 learner to read it")
    parser.add_argument(
        "--int8", action="store_true", help="eight bits where pictures keep their looks"
    )
    parser.add_argument("--memory", type=int, default=2048, help="MB that the function has")
    parser.add_argument("--preview", type=Path, default=Path("models/build/preview.jpg"))
    parser.add_argument(
        "--photos", type=Path, default=Path("samples"), help="to compare and calibrate"
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert, print the report; 1 where the file is refused."""
    import logging
    import warnings

    from models.conversion.convert import convert
    from models.conversion.options import Options
    from models.conversion.pickles import RefusedError

    logging.disable(logging.WARNING)  # of the quantiser, which advises on what is done already
    warnings.simplefilter("ignore")  # of torch's exporter, which the comparison makes good
    options = Options(
        name=arguments.name or "",
        version=arguments.version,
        license=arguments.license,
        max_side=arguments.max_side,
        fixed=arguments.fixed,
        mean=arguments.mean,
        std=arguments.std,
        low=arguments.range[0],
        high=arguments.range[1],
        factory=arguments.factory,
        inert=frozenset(arguments.inert),
        trust=arguments.trust,
        int8=arguments.int8,
        memory=arguments.memory,
        preview=arguments.preview,
    )
    try:
        report = convert(arguments.file, arguments.to, options, arguments.photos)
    except RefusedError as reason:
        print(f"{arguments.file}: {reason}", file=sys.stderr)
        return 1
    print(report)
    return 0


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    return int(height), int(width or height)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))
