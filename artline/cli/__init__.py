"""The command line."""

from __future__ import annotations

import sys
from typing import Final

INTERRUPTED: Final = 130
"""128 and SIGINT's number, as shells have it."""


def main() -> None:
    """`artline`, from the shell. What it takes to start is imported here, where Ctrl-C is met."""
    try:
        from ._command import run

        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
