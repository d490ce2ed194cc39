"""Many photos at once, until all are done or Ctrl-C."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from queue import SimpleQueue
from threading import BoundedSemaphore, Lock, Thread
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

WAITING = 2
"""Outcomes of each worker that may wait to be given out: more would fill the memory."""


def outcomes(
    items: Iterable[T], work: Callable[[T], R], *, at_once: int
) -> Iterator[R | BaseException]:
    """What `work` made of each item, or raised, as soon as there is one.

    `items` are taken one at a time, when there is a worker for it, and each in a worker's thread.

    Must run in the main thread. Ctrl-C raises `KeyboardInterrupt` from this iterator and nowhere
    else, so that saving an outcome is never stopped half way. What is done by then is
    given out first, and what is under way is left behind.
    """
    todo, taking = iter(items), Lock()
    done: SimpleQueue[tuple[R | BaseException] | KeyboardInterrupt | None] = SimpleQueue()
    room = BoundedSemaphore(WAITING * at_once)

    def worker() -> None:
        while True:
            room.acquire()
            try:
                with taking:
                    item = next(todo)
            except StopIteration:
                break
            except BaseException as error:
                done.put((error,))
                break
            done.put((_attempt(work, item),))
        done.put(None)

    previous = signal.getsignal(signal.SIGINT)
    if previous is not signal.SIG_IGN:  # as it is for a job in the background of a script
        signal.signal(signal.SIGINT, lambda *_: done.put(KeyboardInterrupt()))
    try:
        for _ in range(at_once):
            # A thread that waits for an answer cannot be stopped; a daemon can be left behind.
            Thread(target=worker, daemon=True).start()
        working = at_once
        while working:
            outcome = done.get()
            if isinstance(outcome, KeyboardInterrupt):
                raise outcome
            if outcome is None:
                working -= 1
                continue
            yield outcome[0]
            room.release()
    finally:
        signal.signal(signal.SIGINT, previous)


def _attempt(work: Callable[[T], R], item: T) -> R | BaseException:
    try:
        return work(item)
    except BaseException as error:  # it is the reader's to raise or to show
        return error
