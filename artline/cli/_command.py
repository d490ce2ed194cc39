"""`artline PHOTO...`: what it does, from its arguments to its exit status."""

from __future__ import annotations

import errno
import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path

from PIL import Image

from ..drawing.art import EXISTS, names_a_file
from ..errors import ArtLineError, OptionError, SaveError, reason
from . import CLOSED, INTERRUPTED
from ._arguments import Arguments, parse
from ._artists import artist, endpoint
from ._batch import Batch
from ._display import Display, OutputError, complain

FAILED, MISUSED = 1, 2
"""Exit statuses: a photo failed, and wrong arguments."""


def run(words: list[str]) -> int:
    """Runs the command with these arguments; the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a photo's name may hold what cannot be printed
    # The user names the photo, so a large one is no attack; past twice the size Pillow refuses.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    try:
        return _draw(parse(words))
    except KeyboardInterrupt:
        complain("Interrupted: the same command again continues from here.")
        return INTERRUPTED
    except BrokenPipeError:
        # As `| head` does. Python would write what is left, and complain, as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED
    except OptionError as error:
        complain(f"artline: {error}")
        return MISUSED
    except ArtLineError as error:
        complain(f"artline: {error}")
        return FAILED
    except OutputError as error:
        complain(f"artline: standard output cannot be written: {error}")
        return FAILED
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        complain(f"artline: {where}{error.strerror or error}")
        return FAILED


def _draw(arguments: Arguments) -> int:
    at, why = endpoint(arguments)
    if why and not arguments.quiet:
        complain(f"{why} on this machine, as --local does.")
    if arguments.to_stdout and sys.stdout is None:
        raise OutputError("it is closed")
    if not arguments.to_stdout:
        _check_place(arguments)
    display = Display(
        results=not arguments.to_stdout, as_json=arguments.json, quiet=arguments.quiet
    )
    with artist(at, arguments) as who, display:
        batch = Batch(who, arguments, display)
        batch.run()
    return FAILED if batch.failed else 0


def _check_place(arguments: Arguments) -> None:
    output = Path(arguments.output)
    is_a_file = names_a_file(output)
    directory = output.parent if is_a_file else output
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise SaveError(f"{directory} cannot be made a directory: {reason(error)}") from error
    # Before anything is drawn, which may cost money.
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SaveError(f"{directory} cannot be written: {os.strerror(errno.EACCES)}")
    try:
        is_there = is_a_file and output.is_file()
    except OSError as error:
        raise SaveError(f"{output} cannot be written: {reason(error)}") from error
    if is_there:
        raise SaveError(EXISTS.format(output))
