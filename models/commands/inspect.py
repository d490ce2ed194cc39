"""Says what a pickle would import and do, without doing it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path, help="a learner, or any file of torch.save or pickle")


def run(arguments: argparse.Namespace) -> int:
    """Print what it holds; 1 where it names what no learner needs, or cannot be read."""
    from models.conversion import inspection
    from models.conversion.pickles import RefusedError

    try:
        found = inspection.look(arguments.file)
    except RefusedError as reason:
        print(f"{arguments.file}: {reason}", file=sys.stderr)
        return 1
    print(found)
    return 1 if found.strange else 0
