"""`python -m models COMMAND`: makes and examines model files.

A command is a file in models/commands: a function `arguments(parser)` that declares what it takes,
and a function `run(arguments)` that does it and returns the exit status. Its line stands here, so
that `--help` need not import torch.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

COMMANDS = {
    "photos": "download the photos and have the teacher draw them",
    "train": "train the default model on them and write artline/model.onnx",
    "convert": "turn a fastai, torch or ONNX model into a model file",
    "inspect": "say what a pickle would import and call, without doing it",
    "gallery": "draw photos never trained on and lay them out beside their line art",
    "judge": "measure a model on the photos never trained on, beside other methods",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    listing = "\n".join(f"  {name:<10} {line}" for name, line in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m models",
        description="Makes and examines model files.",
        epilog=f"commands:\n{listing}\n\n`python -m models COMMAND --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    name = parser.parse_args(words[:1]).command
    command = importlib.import_module(f"models.commands.{name}")
    parser = argparse.ArgumentParser(prog=f"python -m models {name}", description=COMMANDS[name])
    command.arguments(parser)
    try:
        return int(command.run(parser.parse_args(words[1:])))
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
