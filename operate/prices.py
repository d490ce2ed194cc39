"""What AWS asks, of x86_64 functions, in US dollars, before taxes and free tiers.

Looked up at https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/api-gateway/pricing/,
https://aws.amazon.com/ecr/pricing/, https://aws.amazon.com/cloudwatch/pricing/,
https://aws.amazon.com/sqs/pricing/ and https://aws.amazon.com/ec2/pricing/on-demand/ (out to the
internet). A region has its own: look yours up before you rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass
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


DURATION: Final = Price(0.0000166667, free=400_000)
"""A GB-second that a function runs, its start included."""
REQUEST: Final = Price(0.20, units=1_000_000, free=1_000_000)
"""A call of a function."""
PROVISIONED: Final = Price(0.0000041667)
"""A GB-second that a provisioned copy is kept ready, at work or not."""
PROVISIONED_DURATION: Final = Price(0.0000097222)
"""A GB-second that it is at work, beside that."""
SNAPSHOT: Final = Price(0.0000015046)
"""A GB-second that SnapStart's snapshot is kept."""
RESTORE: Final = Price(0.0001397998)
"""A GB restored from it, once a start."""

API: Final = Price(1.00, units=1_000_000)
"""A request to an HTTP API."""
OUT: Final = Price(0.09, free=100)
"""A GB out to the internet."""
STORED_IMAGE: Final = Price(0.10)
"""A GB in ECR, a month."""
ALARM: Final = Price(0.10, free=10)
"""An alarm, a month."""
DASHBOARD: Final = Price(3.00)
"""A dashboard, a month, after an account's first three, which are the stack's one as a rule."""
MESSAGE: Final = Price(0.40, units=1_000_000, free=1_000_000)
"""A request to a queue: also one that finds it empty."""
