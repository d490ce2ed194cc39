"""How many photos a minute a stack draws: the environments it takes, and the limits on the way.

An environment draws one photo at a time, so photos a second, times the seconds of one photo, are
the environments at work (Little's law).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .estimate import JOB_REQUESTS

MINUTE: Final = 60

MEASURED: Final = 0.15
"""Seconds of one photo of 1024 pixels with 2048 MB, warm: bench/RESULTS.md, A photo's way."""

NEW_ACCOUNT, STANDARD_ACCOUNT = 10, 1000
"""Quotas of concurrent executions: a new account's, and the standard one."""

GROWTH, GROWTH_SECONDS = 1000, 10
"""Environments that Lambda adds to a function at most, and in how many seconds."""

API_RATE: Final = 10_000
"""Requests a second of all APIs of an account in a region."""

ENVIRONMENT_RATE: Final = 10
"""Requests a second that Lambda gives one environment, however soon it answers."""

BUCKET_WRITES: Final = 3_500
"""Writes a second to one prefix of a bucket."""

UPLOAD_WRITES: Final = 2
"""Writes of one job under `uploads/`: its id, and the photo."""

SETTING: Final = "the setting"
"""What raises a limit that is named after the setting."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """The limits of a stack and its account, and the seconds of one photo."""

    seconds: float = MEASURED
    throttle_rate: int = 10
    reserved: int | None = None
    job_concurrency: int = 5
    account: int = STANDARD_ACCOUNT


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on photos a minute."""

    name: str
    photos: float
    """Photos a minute at which it is reached."""
    lifted_by: str


def environments(photos: float, seconds: float) -> int:
    """Execution environments at work for `photos` a minute."""
    return math.ceil(round(photos / MINUTE * seconds, 9))


def growth(count: int) -> float:
    """Seconds until Lambda has added `count` environments to a function that had none."""
    return GROWTH_SECONDS * max(0, math.ceil(count / GROWTH) - 1)


def request_limits(capacity: Capacity) -> list[Limit]:
    """What limits `POST /transform`, the first that is met before the others."""
    return sorted(_requests(capacity), key=lambda limit: limit.photos)


def job_limits(capacity: Capacity) -> list[Limit]:
    """What limits `POST /jobs`, the first that is met before the others."""
    return sorted(_jobs(capacity), key=lambda limit: limit.photos)


def _requests(capacity: Capacity) -> Iterator[Limit]:
    yield Limit("throttleRate", capacity.throttle_rate * MINUTE, SETTING)
    if capacity.reserved:
        photos = capacity.reserved * MINUTE * min(ENVIRONMENT_RATE, 1 / capacity.seconds)
        yield Limit("reservedConcurrency", photos, SETTING)
    yield _account(capacity)
    yield Limit("API Gateway's rate", API_RATE * MINUTE, "quota L-8A5B8E43")


def _jobs(capacity: Capacity) -> Iterator[Limit]:
    drawn = capacity.job_concurrency * MINUTE / capacity.seconds
    yield Limit("jobConcurrency", drawn, SETTING)
    asked = capacity.throttle_rate * MINUTE / JOB_REQUESTS
    yield Limit("throttleRate", asked, SETTING)
    if capacity.reserved:
        # Requests of jobs take milliseconds of the function; their photos are the worker's.
        asked = capacity.reserved * MINUTE * ENVIRONMENT_RATE / JOB_REQUESTS
        yield Limit("reservedConcurrency", asked, SETTING)
    yield _account(capacity)
    yield Limit("API Gateway's rate", API_RATE * MINUTE / JOB_REQUESTS, "quota L-8A5B8E43")
    written = BUCKET_WRITES * MINUTE / UPLOAD_WRITES
    yield Limit("S3's writes a prefix", written, "more than one stack")


def _account(capacity: Capacity) -> Limit:
    photos = capacity.account * MINUTE * min(ENVIRONMENT_RATE, 1 / capacity.seconds)
    return Limit("the account's concurrency", photos, "quota L-B99A9384")
