"""Outcomes as they come, and Ctrl-C between them."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from artline.cli._parallel import WAITING, outcomes


def test_every_item_has_its_outcome() -> None:
    found = list(outcomes(range(20), lambda n: (n, 60 // n), at_once=7))
    (failed,) = [each for each in found if isinstance(each, BaseException)]
    assert isinstance(failed, ZeroDivisionError)
    assert dict(each for each in found if not isinstance(each, BaseException)) == {
        n: 60 // n for n in range(1, 20)
    }


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    for count, _ in enumerate(outcomes(items(), abs, at_once=2), start=1):
        assert len(taken) <= count + 2 * WAITING + 2
    assert len(taken) == 1000


def test_items_that_cannot_be_taken() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    one, broken = outcomes(items(), abs, at_once=1)
    assert one == 1
    assert isinstance(broken, ZeroDivisionError)


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
        for item in outcomes(range(5), work, at_once=1):
            os.kill(os.getpid(), signal.SIGINT)
            dealt_with.append(item)
    assert dealt_with in ([0], [0, 1])  # what was done by then, and none that hangs
    assert signal.getsignal(signal.SIGINT) is before
    release.set()
