"""A month's cost, line by line, for each way of keeping copies warm. `prices` has the prices."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from . import prices
from .prices import Price

Warm = Literal["none", "ping", "snapstart", "provisioned"]
WAYS: Final[tuple[Warm, ...]] = get_args(Warm)

DAYS: Final = 30
DAY: Final = 86_400

IDLE: Final = 600.0
"""Seconds after which Lambda lets an idle copy go, as observed: AWS promises no number."""

PING_EVERY: Final = 300
"""Seconds between two calls of `warm: ping`."""
PING_SECONDS: Final = 0.01
"""What such a call is billed."""

POLLS: Final = 648_000
"""Looks at the queue a month: five pollers of the event source mapping, every 20 seconds each."""
IMAGE_GB: Final = 0.1
"""The image in ECR, compressed."""
REQUEST_ALARMS, JOB_ALARMS = 4, 4


@dataclass(frozen=True, slots=True)
class Use:
    """What a stack is used for: photos a day through `POST /transform`, and how it draws them.

    `seconds` is a photo's billed duration when warm, `cold_seconds` what a cold start adds to it.
    `copies` are those kept ready by ping or provisioned, `kilobytes` the size of the line art.
    """

    photos_per_day: float
    memory: int = 2048
    seconds: float = 1.0
    cold_seconds: float = 2.0
    copies: int = 1
    kilobytes: float = 150.0
    jobs: bool = True

    @property
    def photos(self) -> float:
        """Photos a month."""
        return self.photos_per_day * DAYS

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
    """One line of a bill: so many of what has a price. `factors` multiply to how many."""

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
    """A month with one way of keeping warm."""

    warm: Warm
    lines: tuple[Line, ...]
    cold_starts: float
    """Photos that wait for a copy to start, or to be restored."""
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
    """As many digits as it takes to reckon with: `2,592,000`, `1,498.055`, `0.00015`."""
    return f"{value:,.3f}".rstrip("0").rstrip(".") if value >= 1000 else f"{value:.7g}"


def estimate(warm: Warm, use: Use) -> Estimate:
    """What a month costs."""
    cold = cold_starts(warm, use)
    lines = (*drawing(warm, use), *starting(warm, use, cold), *keeping(warm, use), *standing(use))
    # How long a restore takes is for the user to measure: AWS allows it ten seconds.
    return Estimate(warm, lines, cold, None if warm == "snapstart" else use.cold_seconds)


def cold_starts(warm: Warm, use: Use) -> float:
    """Photos a month that find no copy ready, if they come one at a time and at random.

    Then the pauses between them are exponentially distributed, and a pause is longer than `IDLE`
    with the probability exp(-IDLE x photos a second). Photos that overlap need more copies than one
    and meet more; AWS replaces copies now and then, of which it gives no number.
    """
    if warm in ("ping", "provisioned"):
        return 0.0
    return use.photos * math.exp(-IDLE * use.photos_per_day / DAY)


def drawing(warm: Warm, use: Use) -> Iterable[Line]:
    """What follows the photos."""
    photos = (use.photos, "")
    duration = prices.PROVISIONED_DURATION if warm == "provisioned" else prices.DURATION
    yield Line("Lambda, duration", (photos, (use.seconds, "s"), (use.gigabytes, "GB")), duration)
    yield Line("Lambda, requests", (photos,), prices.REQUEST)
    yield Line("HTTP API", (photos,), prices.API)
    yield Line("out to the internet", (photos, (use.kilobytes / 1e6, "GB")), prices.OUT)


def starting(warm: Warm, use: Use, cold: float) -> Iterable[Line]:
    """What follows the cold starts."""
    if warm == "none":
        factors = ((cold, ""), (use.cold_seconds, "s"), (use.gigabytes, "GB"))
        yield Line("cold starts", factors, prices.DURATION)
    elif warm == "snapstart":
        yield Line("restores", ((cold, ""), (use.gigabytes, "GB")), prices.RESTORE)


def keeping(warm: Warm, use: Use) -> Iterable[Line]:
    """What keeping copies warm costs, with photos or without."""
    month, memory = (DAYS * DAY, "s"), (use.gigabytes, "GB")
    if warm == "ping":
        calls = (use.copies * DAYS * DAY / PING_EVERY, "")
        yield Line("pings, duration", (calls, (PING_SECONDS, "s"), memory), prices.DURATION)
        yield Line("pings, requests", (calls,), prices.REQUEST)
    elif warm == "snapstart":
        yield Line("snapshot", (month, memory), prices.SNAPSHOT)
    elif warm == "provisioned":
        yield Line("copies kept", ((use.copies, ""), month, memory), prices.PROVISIONED)


def standing(use: Use) -> Iterable[Line]:
    """What a month without photos costs."""
    alarms = REQUEST_ALARMS + (JOB_ALARMS if use.jobs else 0)
    yield Line("image in ECR", ((IMAGE_GB, "GB"),), prices.STORED_IMAGE)
    yield Line("alarms", ((alarms, ""),), prices.ALARM)
    if use.jobs:
        yield Line("the queue, looked at", ((POLLS, ""),), prices.MESSAGE)
