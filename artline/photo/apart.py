"""Decoding in a process of its own, for decoders that nothing else can stop.

Those of AVIF, HEIF, JPEG 2000 and TIFF run in C from the first byte to the last, and files of a few
hundred bytes keep them busy for minutes, or have them take gigabytes. The system ends a process
that takes too much, and the service goes on. A crash of a decoder ends there as well.
"""

from __future__ import annotations

import faulthandler
import math
import os
import pickle
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from ..errors import DamagedPhotoError, PhotoError, PhotoTooLargeError

T = TypeVar("T")

MEMORY: Final = 1_500_000_000
"""Bytes that a decoder may take: 50 megapixels in 16 bits and four channels, three times over."""

CRASHES: Final = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE})

IS_POSSIBLE: Final = hasattr(os, "fork")


def apart(work: Callable[[], T], seconds: float) -> T:
    """What `work` gives in a copy of this process, or the `PhotoError` that it raises there.

    Raises `PhotoTooLargeError` where it takes more than `seconds` of CPU time, in whole seconds, or
    over `MEMORY` bytes, and `DamagedPhotoError` where it crashes.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        _answer(work, theirs, seconds)
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as answer:
            data = answer.read()
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        _, status = os.waitpid(child, 0)
    if status == 0 and data:
        done, given = pickle.loads(data)  # noqa: S301  of our own process
        if done:
            result: T = given
            return result
        raise given
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in CRASHES:
        raise DamagedPhotoError(
            "The photo is damaged: use another copy, or open it and save it anew."
        )
    raise PhotoTooLargeError(
        "The photo takes too long or too much memory to decode: send a smaller one, or a JPEG."
    )


def _answer(work: Callable[[], object], pipe: int, seconds: float) -> None:
    """Never returns: nothing of the process that this is a copy of may run twice."""
    status = 1
    faulthandler.disable()  # the parent tells of a crash
    try:
        _limit(seconds)
        try:
            done: tuple[bool, object] = True, work()
        except PhotoError as error:
            done = False, error
        with os.fdopen(pipe, "wb") as answer:
            pickle.dump(done, answer, protocol=5)
        status = 0
    finally:
        os._exit(status)


def _limit(seconds: float) -> None:
    import resource

    longest = math.ceil(seconds)
    resource.setrlimit(resource.RLIMIT_CPU, (longest, longest + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY, taken + MEMORY))
