"""The command line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import Final, NoReturn

INTERRUPTED: Final = 130
"""128 and SIGINT's number, as shells have it."""

CLOSED: Final = 141
"""128 and SIGPIPE's number: nobody reads standard output."""


def main() -> None:
    """`artline`, from the shell. What it takes to start is imported here, where Ctrl-C is met."""
    if sys.stderr is None:  # closed: what would be said there must not end up elsewhere
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
    interrupted = threading.Event()

    def interrupt(*_: object) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
    try:
        from ._command import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception:
        # A package that is interrupted while it is imported may raise an error of its own.
        status = INTERRUPTED if interrupted.is_set() else 1
        if status == 1:
            traceback.print_exc()
    if threading.active_count() > 1:
        _leave(status)
    sys.exit(status)


def _leave(status: int) -> NoReturn:
    """End at once: the engine aborts where Python ends while a thread is still drawing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(status)
