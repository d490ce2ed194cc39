"""A check, and running a list of them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
Status = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check: a sentence, and where it is not ok the command that fixes it."""

    status: Status
    found: str
    fix: str | None = None


def ok(found: str) -> Finding:
    return Finding("ok", found)


def warning(found: str, fix: str) -> Finding:
    return Finding("warning", found, fix)


def failed(found: str, fix: str) -> Finding:
    return Finding("failed", found, fix)


@dataclass(frozen=True, slots=True)
class Check(Generic[T]):
    """`run` looks at one thing, for at most `seconds`; it is skipped unless `needs` is ok.

    None means that there is nothing to look at, as before the first deployment.
    """

    name: str
    run: Callable[[T], Finding | None]
    needs: str | None = None
    seconds: float = 30.0


def examine(checks: Iterable[Check[T]], subject: T) -> Iterator[tuple[str, Finding]]:
    """Each check's name and its result, as soon as it is known. Skipped checks are left out."""
    fine = set()
    for check in checks:
        if check.needs and check.needs not in fine:
            continue
        finding = _guarded(check, subject)
        if finding is None:
            continue
        if finding.status == "ok":
            fine.add(check.name)
        yield check.name, finding


def _guarded(check: Check[T], subject: T) -> Finding | None:
    """What `check` finds; where it raises an error or does not end, that."""
    findings: list[Finding | None] = []

    def run() -> None:
        try:
            findings.append(check.run(subject))
        except Exception as error:
            # Its type alone: the text of an unexpected error may hold a secret.
            findings.append(failed(f"cannot be checked: {type(error).__name__}", AGAIN))

    # A daemon thread: a check that hangs must not keep the command from ending.
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(check.seconds)
    return findings[0] if findings else failed(f"no answer within {check.seconds:.0f} s", AGAIN)


AGAIN = "make doctor"
