"""What is said: results on stdout, errors on stderr, progress on a terminal and nowhere else."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from ..client import Progress
    from ._progress import Bars

UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that a terminal obeys instead of showing: controls, line ends, turns of direction."""


def printable(text: str) -> str:
    r"""The text, with an escape for each character that a terminal would obey.

    >>> print(printable("a\nb"))
    a\nb
    """
    return UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def complain(line: str) -> None:
    """A line on standard error, unless that cannot be written: what is drawn matters more."""
    with suppress(OSError):
        print(printable(line), file=sys.stderr, flush=True)


class OutputError(Exception):
    """Standard output cannot be written, and why."""


@contextmanager
def writing() -> Iterator[None]:
    """Tells an error of standard output from those of files. A closed pipe is none."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from error


class Display:
    """Where the outcome of each photo is told. `results` is whether stdout is for lines at all."""

    def __init__(self, *, results: bool = True, as_json: bool = False, quiet: bool = False) -> None:
        self._lines = results and not as_json and not quiet
        self._json = as_json
        self._bars: Bars | None = None
        if sys.stderr.isatty() and not quiet:
            from ._progress import Bars

            self._bars = Bars()

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, line: str, **facts: Any) -> None:
        """A result: the line, or the facts as JSON."""
        with writing():
            if self._json and facts:
                print(json.dumps(facts), flush=True)
            elif self._lines:
                print(printable(line), flush=True)

    def fail(self, photo: str, error: Exception) -> None:
        """What went wrong with a photo."""
        if self._json:
            facts = {
                "photo": photo,
                "status": "failed",
                "file": None,
                "error": type(error).__name__,
                "detail": str(error),
            }
            with writing():
                print(json.dumps(facts), flush=True)
        complain(f"{photo}: {error}")

    def expect(self, photos: int) -> None:
        """Says how many photos there are."""
        if self._bars:
            self._bars.expect(photos)

    def advance(self) -> None:
        """Says that one of them is done."""
        if self._bars:
            self._bars.advance()

    @contextmanager
    def line(self, name: str) -> Iterator[Progress]:
        """A line that begins with `name`, while it lasts; what is yielded sets the rest."""
        if self._bars is None:
            yield _nothing
            return
        with self._bars.line(printable(name)) as show:
            yield show


def _nothing(doing: str, part: float | None) -> None:
    """The progress where there is no terminal."""
