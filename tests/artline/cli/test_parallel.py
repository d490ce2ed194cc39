"""Outcomes as they come, and Ctrl-C between them."""

import os
import signal
import threading

import pytest

from artline.cli.parallel import outcomes


def test_every_item_has_its_outcome() -> None:
    found = dict(outcomes(range(20), lambda n: 60 // n, at_once=7))
    assert isinstance(found.pop(0), ZeroDivisionError)
    assert found == {n: 60 // n for n in range(1, 20)}


def test_no_more_at_once_than_asked() -> None:
    running: list[int] = []
    most: list[int] = []
    together = threading.Barrier(3)

    def work(item: int) -> None:
        running.append(item)
        together.wait(60)
        most.append(len(running))
        together.wait(60)
        running.remove(item)

    assert len(list(outcomes(range(9), work, at_once=3))) == 9
    assert set(most) == {3}


def test_ctrl_c_waits_until_an_outcome_is_dealt_with() -> None:
    before = signal.getsignal(signal.SIGINT)
    release = threading.Event()
    dealt_with = []

    def work(item: int) -> int:
        if item > 1:
            release.wait(60)
        return item

    with pytest.raises(KeyboardInterrupt):  # noqa: PT012  where in the loop it comes is the point
        for item, _ in outcomes(range(5), work, at_once=1):
            os.kill(os.getpid(), signal.SIGINT)
            dealt_with.append(item)
    assert dealt_with in ([0], [0, 1])  # what was done by then, and none that hangs
    assert signal.getsignal(signal.SIGINT) is before
    release.set()
