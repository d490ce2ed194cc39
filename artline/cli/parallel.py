"""Many photos at once, until all are done or Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def outcomes(
    items: Sequence[T], work: Callable[[T], R], *, at_once: int
) -> Iterator[tuple[T, R | BaseException]]:
    """Each item with what `work` made of it, or raised, as soon as there is one.

    Must run in the main thread. Ctrl-C raises `KeyboardInterrupt` from this iterator and nowhere
    else, so that whoever saves the outcomes is never stopped half way. What is done by then is
    given out first, and what is under way is left behind.
    """
    todo: SimpleQueue[T] = SimpleQueue()
    done: SimpleQueue[tuple[T, R | BaseException] | None] = SimpleQueue()
    for item in items:
        todo.put(item)

    def worker() -> None:
        while True:
            try:
                item = todo.get_nowait()
            except Empty:
                return
            done.put((item, _attempt(work, item)))

    previous = signal.signal(signal.SIGINT, lambda *_: done.put(None))
    try:
        for _ in range(min(at_once, len(items))):
            # A thread that waits for an answer cannot be stopped; a daemon can be left behind.
            Thread(target=worker, daemon=True).start()
        for _ in items:
            outcome = done.get()
            if outcome is None:
                raise KeyboardInterrupt
            yield outcome
    finally:
        signal.signal(signal.SIGINT, previous)


def _attempt(work: Callable[[T], R], item: T) -> R | BaseException:
    try:
        return work(item)
    except BaseException as error:  # it is the reader's to raise or to show
        return error
