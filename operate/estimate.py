"""A month's cost, line by line, for each way of avoiding cold starts. `prices` has the prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from .prices import Price, Prices

Warm = Literal["none", "ping", "snapstart", "provisioned"]
WAYS: Final[tuple[Warm, ...]] = get_args(Warm)

US_EAST_1: Final = Prices()

DAYS: Final = 30
DAY: Final = 86_400

IDLE: Final = 600.0
"""Seconds after which Lambda removes an idle environment, as observed: AWS promises no number."""

PING_EVERY: Final = 300
"""Seconds between two calls of `warm: ping`."""
PING_SECONDS: Final = 0.01
"""What such a call is billed."""

POLLS: Final = 648_000
"""Requests to an empty queue a month: five pollers of the event source mapping, every 20 s each."""
IMAGE_GB: Final = 0.1
"""The image in ECR, compressed."""
REQUEST_ALARMS, JOB_ALARMS = 4, 4
METRICS, PHOTO_METRICS, JOB_METRICS = 2, 3, 3
"""Custom metrics of any request, of a photo that it draws, and of a job that the worker draws:
billed for the hours in which they are sent."""
HOURS: Final = 24 * DAYS

JOB_REQUESTS: Final = 3
"""API requests of one job: one to create it, two to poll its status."""
JOB_REQUEST_SECONDS: Final = 0.02
JOB_PUTS, JOB_GETS = 3, 12
"""Requests of one job to the bucket: its id, the photo and the line art are written; each question
about it looks for several objects, and the photo and the line art are read."""
JOB_MESSAGES: Final = 3
"""Of one job: sent, received and deleted."""
JOB_PHOTO_KILOBYTES: Final = 10_000
"""The size of a photo that takes this path."""
UPLOAD_DAYS: Final = 1
"""Days that a photo is kept in the bucket."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a stack is used for: photos a day, and how it draws them.

    `seconds` is a photo's billed duration when warm, `cold_seconds` what a cold start adds to it.
    `ready` environments are kept ready by ping or provisioned; `kilobytes` is the size of the line
    art. Of the photos, the share `queued` (0 to 1) goes through `POST /jobs`, all others through
    `POST /transform`. With SnapStart, `versions` have a snapshot each.
    """

    photos_per_day: float
    memory: int = 2048
    seconds: float = 1.0
    cold_seconds: float = 2.0
    ready: int = 1
    kilobytes: float = 150.0
    jobs: bool = True
    queued: float = 0.0
    result_days: float = 7.0
    versions: int = 1

    @property
    def photos(self) -> float:
        """Photos a month."""
        return self.photos_per_day * DAYS

    @property
    def direct(self) -> float:
        """Photos a month that one request each draws."""
        return self.photos * (1 - self.queued)

    @property
    def drawn_jobs(self) -> float:
        """Photos a month that go through the queue."""
        return self.photos * self.queued

    @property
    def at_once(self) -> float:
        """Photos that are drawn at once, on average over the day."""
        return self.photos_per_day * self.seconds / DAY

    @property
    def gigabytes(self) -> float:
        """Memory, as it is billed."""
        return self.memory / 1024


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a bill: the product of `factors`, a quantity, times a unit price."""

    what: str
    factors: tuple[tuple[float, str], ...]
    price: Price

    @property
    def arithmetic(self) -> str:
        """As it would be written by hand: `3,000 x 1 s x 2 GB x 0.0000166667`."""
        factors = [f"{number(count)} {unit}".strip() for count, unit in self.factors]
        return " x ".join([*factors, str(self.price)])

    @property
    def quantity(self) -> float:
        return math.prod(count for count, _ in self.factors)

    @property
    def dollars(self) -> float:
        return self.price.of(self.quantity)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A month with one way of avoiding cold starts."""

    warm: Warm
    lines: tuple[Line, ...]
    cold_starts: float
    """Photos that wait for an environment to start, or to be restored."""
    cold_seconds: float | None
    """For how long each; None where it is not known."""

    @property
    def dollars(self) -> float:
        return sum(line.dollars for line in self.lines)

    @property
    def free(self) -> float:
        """What AWS's free tier takes off, where nothing else in the account uses it up."""
        used: defaultdict[Price, float] = defaultdict(float)
        for line in self.lines:
            used[line.price] += line.quantity
        return sum(price.of(min(quantity, price.free)) for price, quantity in used.items())


def number(value: float) -> str:
    """With the digits that a calculation needs: `2,592,000`, `1,498.055`, `0.00015`."""
    return f"{value:,.3f}".rstrip("0").rstrip(".") if value >= 1000 else f"{value:.7g}"


def estimate(warm: Warm, use: Use, prices: Prices = US_EAST_1) -> Estimate:
    """What a month costs."""
    cold = cold_starts(warm, use)
    lines = (
        *drawing(warm, use, prices),
        *starting(warm, use, cold, prices),
        *keeping(warm, use, prices),
        *queueing(use, prices),
        *measuring(use, prices),
        *standing(use, prices),
    )
    # How long a restore takes is for the user to measure: AWS allows it ten seconds.
    return Estimate(warm, lines, cold, None if warm == "snapstart" else use.cold_seconds)


def cold_starts(warm: Warm, use: Use) -> float:
    """Photos a month that find no environment ready, if they come one at a time and at random.

    Then the pauses between them are exponentially distributed, and a pause is longer than `IDLE`
    with the probability exp(-IDLE x photos a second). Photos that overlap need more environments
    and meet more cold starts; AWS replaces environments now and then, of which it gives no number.
    """
    if warm in ("ping", "provisioned"):
        return 0.0
    return use.direct * math.exp(-IDLE * use.photos_per_day * (1 - use.queued) / DAY)


def drawing(warm: Warm, use: Use, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of each photo that one request draws."""
    photos = (use.direct, "")
    duration = prices.provisioned_duration if warm == "provisioned" else prices.duration
    yield Line("Lambda, duration", (photos, (use.seconds, "s"), (use.gigabytes, "GB")), duration)
    yield Line("Lambda, requests", (photos,), prices.request)
    yield Line("HTTP API", (photos,), prices.api)
    yield Line("out to the internet", (photos, (use.kilobytes / 1e6, "GB")), prices.out)


def starting(warm: Warm, use: Use, cold: float, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of cold starts."""
    if warm == "none":
        factors = ((cold, ""), (use.cold_seconds, "s"), (use.gigabytes, "GB"))
        yield Line("cold starts", factors, prices.duration)
    elif warm == "snapstart":
        yield Line("restores", ((cold, ""), (use.gigabytes, "GB")), prices.restore)


def keeping(warm: Warm, use: Use, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of keeping environments warm, with photos or without."""
    month, memory = (DAYS * DAY, "s"), (use.gigabytes, "GB")
    if warm == "ping":
        calls = (use.ready * DAYS * DAY / PING_EVERY, "")
        yield Line("pings, duration", (calls, (PING_SECONDS, "s"), memory), prices.duration)
        yield Line("pings, requests", (calls,), prices.request)
    elif warm == "snapstart":
        yield Line("snapshots", ((use.versions, ""), month, memory), prices.snapshot)
    elif warm == "provisioned":
        yield Line("kept ready", ((use.ready, ""), month, memory), prices.provisioned)


def queueing(use: Use, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of each photo that goes through the queue."""
    if not use.drawn_jobs:
        return
    jobs, memory = (use.drawn_jobs, ""), (use.gigabytes, "GB")
    asked = (JOB_REQUESTS, "")
    art, photo = (use.kilobytes / 1e6, "GB"), (JOB_PHOTO_KILOBYTES / 1e6, "GB")
    yield Line("jobs, duration", (jobs, (use.seconds, "s"), memory), prices.duration)
    yield Line(
        "jobs, API duration", (jobs, asked, (JOB_REQUEST_SECONDS, "s"), memory), prices.duration
    )
    yield Line("jobs, requests", (jobs, (JOB_REQUESTS + 1, "")), prices.request)
    yield Line("jobs, HTTP API", (jobs, asked), prices.api)
    yield Line("jobs, messages", (jobs, (JOB_MESSAGES, "")), prices.message)
    yield Line("jobs, writes", (jobs, (JOB_PUTS, "")), prices.put)
    yield Line("jobs, reads", (jobs, (JOB_GETS, "")), prices.get)
    yield Line("photos, kept", (jobs, photo, (UPLOAD_DAYS / DAYS, "months")), prices.stored)
    yield Line("line art, kept", (jobs, art, (use.result_days / DAYS, "months")), prices.stored)
    yield Line("jobs, out", (jobs, art), prices.out)


def measuring(use: Use, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of the function's own metrics, in the hours that have a photo."""
    for name, count, sent in (
        ("metrics", METRICS, use.direct + JOB_REQUESTS * use.drawn_jobs),
        ("photos, metrics", PHOTO_METRICS, use.direct),
        ("jobs, metrics", JOB_METRICS, use.drawn_jobs),
    ):
        if months := -math.expm1(-sent / HOURS):
            yield Line(name, ((count, ""), (months, "months")), prices.metric)


def standing(use: Use, prices: Prices = US_EAST_1) -> Iterable[Line]:
    """The costs of a month without photos."""
    alarms = REQUEST_ALARMS + (JOB_ALARMS if use.jobs else 0)
    yield Line("image in ECR", ((IMAGE_GB, "GB"),), prices.stored_image)
    yield Line("alarms", ((alarms, ""),), prices.alarm)
    if use.jobs:
        yield Line("polling the queue", ((POLLS, ""),), prices.message)
