"""Turns a learner or network into a model file, and reports what was written."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from artline.limits import MIN_SIDE


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    # argparse takes `-1,1` for an option, unless this says that it is a negative number.
    parser._negative_number_matcher = re.compile(r"^-[\d.]")
    add = parser.add_argument
    add("file", type=Path, help="fastai, torch or ONNX; its bytes say which")
    add("-o", "--to", type=Path, default=Path("artline/model.onnx"), help="the model file to write")
    add("--name", help="the model's name; the file's by default")
    add("--version", default="", help="the model's version")
    add("--license", default="", help="of the weights")
    add(
        "--max-side",
        type=_side,
        help="by default a model file's own, else 1024; memory lowers it",
    )
    add("--fixed", type=_size, help="HxW: draw at this size alone, smaller photos continued")
    add("--mean", type=_colours, help="R,G,B of 0..1, where the file does not say")
    add("--std", type=_deviations, help="R,G,B, likewise")
    add("--range", type=_range, default=(0.0, 1.0), help="LOW,HIGH of the output: black and white")
    add("--output", help="one of several outputs, by name or by its place from 0")
    add("--factory", help="MODULE:FUNCTION that makes the network FILE has weights for")
    add("--inert", action="append", default=[], help="a name in a pickle to let stand")
    add(
        "--trust",
        action="store_true",
        help="run the file in a sandbox, if it cannot be read otherwise",
    )
    add("--no-sandbox", action="store_true", help="with --trust: run it with your own rights")
    add("--int8", action="store_true", help="eight bits, if the line art stays the same")
    add("--memory", type=_positive, default=2048, help="MB that the function has")
    add("--preview", type=Path, default=Path("models/build/preview.jpg"))
    add("--photos", type=Path, default=Path("samples"), help="to compare and calibrate on")


def run(arguments: argparse.Namespace) -> int:
    """Convert, print the report; 1 where the file is refused."""
    import logging
    import warnings

    from models.conversion.convert import convert
    from models.conversion.options import Options
    from models.conversion.pickles import RefusedError
    from models.conversion.text import plain

    logging.disable(logging.WARNING)  # of the quantiser, which advises on what is done already
    warnings.simplefilter("ignore")  # of torch's exporter; the comparison shows what it did
    if arguments.no_sandbox and not arguments.trust:
        print("--no-sandbox is for files that run: add --trust, or leave it out", file=sys.stderr)
        return 2
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
        output=arguments.output,
        factory=arguments.factory,
        inert=frozenset(arguments.inert),
        trust=arguments.trust,
        sandbox=not arguments.no_sandbox,
        int8=arguments.int8,
        memory=arguments.memory,
        preview=arguments.preview,
    )
    try:
        report = convert(arguments.file, arguments.to, options, arguments.photos)
    except RefusedError as reason:
        print(plain(f"{arguments.file}: {reason}", 1200), file=sys.stderr)
        return 1
    print(report)
    return 0


def _number(text: str) -> float:
    with suppress(ValueError):
        if math.isfinite(value := float(text)):
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")


def _positive(text: str) -> int:
    if not (text.isdecimal() and 0 < int(text) < 1_000_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _side(text: str) -> int:
    if (side := _positive(text)) < MIN_SIDE:
        raise argparse.ArgumentTypeError(f"photos are drawn from {MIN_SIDE} pixels on")
    return side


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.partition("x")
    size = _positive(height), _positive(width or height)
    _side(str(max(size)))
    return size


def _numbers(*counts: int) -> Callable[[str], tuple[float, ...]]:
    def read(text: str) -> tuple[float, ...]:
        found = tuple(map(_number, text.split(",")))
        if len(found) not in counts:
            raise argparse.ArgumentTypeError(f"{text} has {len(found)} numbers, not {counts[-1]}")
        return found

    return read


def _colours(text: str) -> tuple[float, ...]:
    found = _numbers(1, 3)(text)
    return found * 3 if len(found) == 1 else found


def _deviations(text: str) -> tuple[float, ...]:
    found = _colours(text)
    if min(found) <= 0:
        raise argparse.ArgumentTypeError(f"{text} has a number that is not above 0")
    return found


def _range(text: str) -> tuple[float, ...]:
    low, high = _numbers(2)(text)
    if low == high:
        raise argparse.ArgumentTypeError(f"{text}: black and white are the same")
    return low, high
