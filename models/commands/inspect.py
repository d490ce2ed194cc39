"""Says what a learner's file would import and call, without doing it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("file", type=Path, help="of fastai, torch.save, torch.jit or torch.export")


def run(arguments: argparse.Namespace) -> int:
    """Print what it holds; 0 only where nothing in it is strange or unknown."""
    from models.conversion import inspection
    from models.conversion.pickles import RefusedError
    from models.conversion.text import plain

    try:
        found = inspection.look(arguments.file)
    except RefusedError as reason:
        print(plain(f"{arguments.file}: {reason}", 1200), file=sys.stderr)
        return 1
    print(found)
    return 0 if found.verdict == inspection.SAFE else 1
