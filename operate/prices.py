"""AWS's list prices in US dollars, before taxes and free tiers.

From https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/api-gateway/pricing/,
https://aws.amazon.com/ecr/pricing/, https://aws.amazon.com/cloudwatch/pricing/,
https://aws.amazon.com/s3/pricing/, https://aws.amazon.com/sqs/pricing/ and
https://aws.amazon.com/ec2/pricing/on-demand/ (out to the internet). They change: look them up
before you rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

DATE: Final = "2026-11"
REGION: Final = "us-east-1"


@dataclass(frozen=True, slots=True)
class Price:
    """`dollars` for `units` of something, of which an account has `free` ones each month.

    Only what is always free counts, not what a new account has for a year.
    """

    dollars: float
    units: int = 1
    free: float = 0.0

    def __str__(self) -> str:
        cents, _, rest = f"{self.dollars:.10f}".partition(".")
        each = f"{cents}.{rest.rstrip('0'):0<2}"
        return each if self.units == 1 else f"{each} / {self.units:,}"

    def of(self, quantity: float) -> float:
        """What `quantity` costs, in dollars."""
        return quantity * self.dollars / self.units


@dataclass(frozen=True, slots=True)
class Prices:
    """The prices of one region and architecture; by default those of us-east-1 and x86_64."""

    region: str = REGION
    duration: Price = Price(0.0000166667, free=400_000)
    """A GB-second that a function runs, its start included."""
    request: Price = Price(0.20, units=1_000_000, free=1_000_000)
    """A call of a function."""
    provisioned: Price = Price(0.0000041667)
    """A GB-second that a provisioned environment is kept ready, at work or not."""
    provisioned_duration: Price = Price(0.0000097222)
    """A GB-second that it is at work, in addition."""
    snapshot: Price = Price(0.0000015046)
    """A GB-second that SnapStart's snapshot of one version is kept."""
    restore: Price = Price(0.0001397998)
    """A GB restored from it, once a start."""
    api: Price = Price(1.00, units=1_000_000)
    """A request to an HTTP API."""
    out: Price = Price(0.09, free=100)
    """A GB out to the internet."""
    stored_image: Price = Price(0.10)
    """A GB in ECR, a month."""
    alarm: Price = Price(0.10, free=10)
    """An alarm, a month."""
    metric: Price = Price(0.30, free=10)
    """A metric of the function's own, a month; of a part of the month, that part."""
    message: Price = Price(0.40, units=1_000_000, free=1_000_000)
    """A request to a queue, even one that finds it empty."""
    put: Price = Price(5.00, units=1_000_000)
    """A write to a bucket, or a listing of it."""
    get: Price = Price(0.40, units=1_000_000)
    """A read from a bucket."""
    stored: Price = Price(0.023)
    """A GB in a bucket, a month."""


ARM: Final = 0.8
"""What a GB-second of an arm64 function costs of one of an x86_64 function."""

ELSEWHERE: Final[dict[str, dict[str, float]]] = {
    "us-east-1": {},
    "us-east-2": {},
    "us-west-2": {},
    "eu-west-1": {"api": 1.11, "provisioned": 0.0000046460, "provisioned_duration": 0.0000108407},
    "eu-central-1": {
        "api": 1.20,
        "put": 5.40,
        "get": 0.43,
        "stored": 0.0245,
        "provisioned": 0.0000050147,
        "provisioned_duration": 0.0000117011,
    },
    "ap-northeast-1": {
        "api": 1.29,
        "out": 0.114,
        "put": 4.70,
        "get": 0.37,
        "stored": 0.025,
        "provisioned": 0.0000053835,
        "provisioned_duration": 0.0000125615,
    },
    "ap-southeast-2": {
        "api": 1.29,
        "out": 0.114,
        "put": 5.50,
        "get": 0.44,
        "stored": 0.025,
        "provisioned": 0.0000052360,
        "provisioned_duration": 0.0000122173,
    },
}
"""Regions with the prices of us-east-1 but for these. SnapStart's are taken for the same."""


def of(region: str, architecture: str = "x86_64") -> Prices:
    """The prices in `region`; those of us-east-1, which they name, where it is not listed here."""
    prices = Prices(region=region if region in ELSEWHERE else REGION)
    changes = {
        name: replace(getattr(prices, name), dollars=dollars)
        for name, dollars in ELSEWHERE.get(region, {}).items()
    }
    if architecture == "arm64":
        for name in ("duration", "provisioned", "provisioned_duration"):
            price: Price = changes.get(name) or getattr(prices, name)
            changes[name] = replace(price, dollars=round(price.dollars * ARM, 10))
    return replace(prices, **changes)
