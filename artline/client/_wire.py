"""HTTP requests with retries. This module decides what to do and performs no I/O.

A flow is a generator that yields the steps it needs, and is sent what came of each: `Send` an
HTTP response, `Pause` nothing, `Work` what its function returns. `Client` takes the steps with
blocking calls, `AsyncClient` with awaited ones.
"""

from __future__ import annotations

import io
import itertools
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Generator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

import anyio
import httpx

from ..errors import (
    AnswerError,
    ArtLineError,
    ConnectError,
    ProblemError,
    ServiceError,
    TimedOutError,
)
from ._answers import problem

T = TypeVar("T")
Progress: TypeAlias = Callable[[str, float | None], None]
"""Told what is being done, and which part of it is done where that can be known."""

THROTTLED: Final = 429

REPEATED: Final = frozenset({THROTTLED, 502, 503, 504})
"""Throttled, a bad gateway, no capacity, timed out: a retry may succeed."""

BREAKS: Final = 4
"""Broken connections that end a request: a service that is down stays down for longer."""

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0

ANSWER_SECONDS: Final = 35.0
"""How long one answer is waited for: API Gateway gives up after 30."""

CONNECT_SECONDS: Final = 10.0

LEAST_SECONDS: Final = 2.0
"""How long an answer is waited for where less time than this is left."""

CHUNK: Final = 64 * 1024

ERRNO: Final = re.compile(r"\[Errno -?\d+\] ")


class Clock:
    """The time and the waiting for it, both in seconds."""

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    async def wait(self, seconds: float) -> None:
        """`sleep`, awaited."""
        await anyio.sleep(seconds)


class Upload(io.BytesIO):
    """A body that tells how much of it was sent."""

    def __init__(self, data: bytes, progress: Progress) -> None:
        super().__init__(data)
        self.size = len(data)
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        sent = self.tell()
        if sent < self.size:
            self._progress("sending", sent / self.size)
        elif chunk:
            self._progress("drawing", None)
        return chunk

    async def chunks(self) -> AsyncIterator[bytes]:
        while chunk := self.read(CHUNK):
            yield chunk


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP request. `options` are those of `httpx.Client.request`."""

    method: str
    url: str
    content: Upload | None = None
    options: dict[str, Any] = field(default_factory=dict)
    seconds: float = ANSWER_SECONDS
    """How long its answer is waited for."""

    @property
    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.seconds, connect=min(CONNECT_SECONDS, self.seconds), pool=None)


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds to wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Work:
    """Something that keeps a processor busy for a while."""

    function: Callable[[], Any]


Step: TypeAlias = Send | Pause | Work
Flow: TypeAlias = Generator[Step, Any, T]


def pause(clock: Clock, seconds: float, until: float) -> Flow[bool]:
    """Waits, unless that would pass the moment `until`; says whether it has waited."""
    if clock.now() + seconds > until:
        return False
    yield Pause(seconds)
    return True


def ask(
    clock: Clock,
    method: str,
    url: str,
    read: Callable[[httpx.Response], T],
    *,
    until: float,
    capacity_until: float | None = None,
    progress: Progress,
    content: Upload | None = None,
    done: Collection[int] = (),
    **options: Any,
) -> Flow[T]:
    """What `read` makes of the answer, trying again until the moment `until`.

    There is a pause after each failure that may pass, longer each time: from half a second to
    eight, with jitter, so that many callers do not come back all at once; `Retry-After` is
    honoured. The arithmetic is that of "Exponential Backoff And Jitter" (AWS Architecture Blog,
    2015).

    A lack of capacity (502, 503, 504, no answer in time) is waited out until `capacity_until`.
    After an attempt that may have done what was asked, the statuses in `done` mean that it did.
    Raises `ServiceError`: the last failure, as soon as the next try would come too late.
    """
    breaks, may_be_done = 0, False
    for attempt in itertools.count():
        if content is not None:
            content.seek(0)
        try:
            seconds = min(ANSWER_SECONDS, max(LEAST_SECONDS, until - clock.now()))
            response = yield Send(method, url, content, options, seconds)
            if not response.is_success and not (may_be_done and response.status_code in done):
                raise problem(response)
            return read(response)
        except ServiceError as error:
            failure = error
        # What was throttled never reached the function.
        may_be_done |= not (isinstance(failure, ProblemError) and failure.status == THROTTLED)
        breaks += isinstance(failure, ConnectError | AnswerError)
        if breaks == BREAKS or not _may_pass(failure):
            raise failure
        end = until
        if capacity_until is not None and _lacks_capacity(failure):
            end = min(until, capacity_until)
        seconds = backoff(attempt, failure.retry_after)
        progress(f"waiting {max(1, round(seconds))} s: {_short(failure)}", None)
        if not (yield from pause(clock, seconds, end)):
            raise failure
    raise AssertionError("the attempts never end")


def failure(error: Exception, step: Send, proxy: str | None) -> ArtLineError | None:
    """What an error of httpx's means for the request of `step`; None if it is not httpx's."""
    url = step.url
    if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout):
        return TimedOutError(f"{origin(url)} did not answer within {step.seconds:.0f} s")
    if isinstance(error, httpx.DecodingError | httpx.TooManyRedirects):
        return AnswerError(f"{origin(url)} sent a response that cannot be decoded: {error}")
    if isinstance(error, httpx.TransportError):
        why = ERRNO.sub("", str(error)) or type(error).__name__
        through = f" through the proxy {origin(proxy)}" if proxy else ""
        return ConnectError(f"cannot get an answer from {origin(url)}{through}: {why}")
    if isinstance(error, httpx.InvalidURL | UnicodeError):
        return AnswerError(f"{origin(url)} names an address that is no URL")
    return None


def backoff(attempt: int, retry_after: float | None = None) -> float:
    """Seconds to pause after the failure number `attempt`, counted from 0."""
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    if retry_after is None:
        return random.uniform(longest / 2, longest)
    return retry_after + random.uniform(0, longest / 2)


def origin(url: str) -> str:
    """The part of a URL that may be shown: a presigned query is a key, and there are passwords."""
    try:
        shown = httpx.URL(url).copy_with(
            username=None, password=None, path="/", query=None, fragment=None
        )
    except httpx.InvalidURL:
        return "the service"
    return str(shown).rstrip("/")


def _may_pass(failure: ServiceError) -> bool:
    if isinstance(failure, ProblemError):
        return failure.status in REPEATED
    return isinstance(failure, ConnectError | TimedOutError | AnswerError)


def _lacks_capacity(failure: ServiceError) -> bool:
    """Whether the service has too little room or time just now, throttling apart."""
    return isinstance(failure, TimedOutError) or (
        isinstance(failure, ProblemError) and failure.status in REPEATED - {THROTTLED}
    )


def _short(failure: ServiceError) -> str:
    if isinstance(failure, ProblemError):
        return failure.title.lower()
    if isinstance(failure, AnswerError):
        return "no usable answer"
    return "no answer" if isinstance(failure, TimedOutError) else "no connection"
