"""Requests, repeated where that is safe and worth while."""

from __future__ import annotations

import io
import itertools
import random
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import httpx

from ..errors import AnswerError, ConnectError, ProblemError, ServiceError, TimedOutError
from ..version import __version__
from ._answers import problem

T = TypeVar("T")
Progress = Callable[[str, float | None], None]
"""Told what is being done, and which part of it is done where that can be known."""

REPEATED: Final = frozenset({429, 502, 503, 504})
"""Throttled, crashed, no capacity, out of time: another try may fare better."""

BREAKS: Final = 4
"""Broken connections that end a request: a service that is down stays down for longer."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0

TIMEOUT: Final = httpx.Timeout(35.0, connect=10.0, pool=None)
"""Seconds for one answer: API Gateway gives up after 30."""


class Clock:
    """The time and the waiting for it, both in seconds."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Upload(io.BytesIO):
    """A body that tells how much of it was sent."""

    def __init__(self, data: bytes, progress: Progress) -> None:
        super().__init__(data)
        self._size = len(data)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        sent = self.tell()
        if sent < self._size:
            self._progress("sending", sent / self._size)
        elif chunk:
            self._progress("drawing", None)
        return chunk


class Wire:
    """HTTP with patience: a pause after each failure that may pass, longer each time.

    Pauses grow from half a second to eight, with jitter, so that many callers do not come back all
    at once; `Retry-After` is honoured. The arithmetic is that of "Exponential Backoff And Jitter"
    (AWS Architecture Blog, 2015).
    """

    def __init__(self, transport: httpx.BaseTransport | None, clock: Clock) -> None:
        self._http = httpx.Client(
            transport=transport,
            timeout=TIMEOUT,
            headers={"user-agent": f"artline/{__version__}"},
        )
        self._clock = clock

    def close(self) -> None:
        self._http.close()

    def deadline(self, seconds: float) -> float:
        """The moment that is `seconds` from now."""
        return self._clock.now() + seconds

    def pause(self, seconds: float, until: float) -> bool:
        """Waits, unless that would pass the moment `until`; says whether it has waited."""
        if self._clock.now() + seconds > until:
            return False
        self._clock.sleep(seconds)
        return True

    def ask(
        self,
        method: str,
        url: str,
        read: Callable[[httpx.Response], T],
        *,
        until: float,
        capacity_until: float | None = None,
        progress: Progress,
        content: Upload | None = None,
        **options: Any,
    ) -> T:
        """What `read` makes of the answer, trying again until the moment `until`.

        A lack of capacity (502, 503, 504, no answer in time) is put up with until `capacity_until`.
        Raises `ServiceError`: the last failure, as soon as the next try would come too late.
        """
        breaks = 0
        for attempt in itertools.count():
            try:
                return read(self._once(method, url, content=content, **options))
            except ServiceError as error:
                failure = error
            breaks += isinstance(failure, ConnectError | AnswerError)
            if breaks == BREAKS or not _may_pass(failure):
                raise failure
            end = until
            if capacity_until is not None and _lacks_capacity(failure):
                end = min(until, capacity_until)
            pause = backoff(attempt, failure.retry_after)
            progress(f"waiting {max(1, round(pause))} s: {_short(failure)}", None)
            if not self.pause(pause, end):
                raise failure
        raise AssertionError("the attempts never end")

    def _once(
        self, method: str, url: str, *, content: Upload | None, **options: Any
    ) -> httpx.Response:
        if content is not None:
            content.seek(0)
        try:
            response = self._http.request(method, url, content=content, **options)
        except (httpx.ReadTimeout, httpx.WriteTimeout) as error:
            raise TimedOutError(
                f"{_origin(url)} did not answer within {TIMEOUT.read:.0f} s"
            ) from error
        except (httpx.DecodingError, httpx.TooManyRedirects) as error:
            raise AnswerError(f"{_origin(url)} answered what cannot be read: {error}") from error
        except httpx.TransportError as error:
            why = str(error) or type(error).__name__
            raise ConnectError(f"cannot get an answer from {_origin(url)}: {why}") from error
        if response.is_success:
            return response
        raise problem(response)


def backoff(attempt: int, retry_after: float | None = None) -> float:
    """Seconds to pause after the failure number `attempt`, counted from 0."""
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    if retry_after is None:
        return random.uniform(longest / 2, longest)
    return retry_after + random.uniform(0, longest / 2)


def _may_pass(failure: ServiceError) -> bool:
    return not isinstance(failure, ProblemError) or failure.status in REPEATED


def _lacks_capacity(failure: ServiceError) -> bool:
    """Whether the service has too little room or time just now, throttling apart."""
    return isinstance(failure, TimedOutError) or (
        isinstance(failure, ProblemError) and failure.status in REPEATED - {429}
    )


def _short(failure: ServiceError) -> str:
    if isinstance(failure, ProblemError):
        return failure.title.lower()
    return "no answer" if isinstance(failure, TimedOutError) else "no connection"


def _origin(url: str) -> str:
    """The part of a URL that may be shown: a presigned query is a key, and there are passwords."""
    shown = httpx.URL(url).copy_with(
        username=None, password=None, path="/", query=None, fragment=None
    )
    return str(shown).rstrip("/")
