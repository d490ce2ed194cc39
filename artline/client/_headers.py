"""The two response headers that need parsing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 1e9
"""Seconds: what is longer is as long."""

# Possessive, so that no header takes long.
NAME = r"[!#$%&'*+\-.^_`|~\w]++"
PARAMETER = rf';\s*+({NAME})\s*+(?:=\s*+({NAME}|"(?:[^"\\]|\\.)*+"))?+\s*+'
METRIC = re.compile(rf"\s*+({NAME})\s*+((?:{PARAMETER})*+)(?:,|$)", re.ASCII)


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks to wait; None where it says nothing usable.

    A moment is counted from `date`, the answer's own `Date`, so that it means the same on a machine
    whose clock is wrong.

    >>> retry_after("7")
    7.0
    >>> retry_after("Mon, 23 Nov 2026 10:00:05 GMT", "Mon, 23 Nov 2026 10:00:00 GMT")
    5.0
    """
    value = (value or "").strip()
    if value.isascii() and value.isdecimal():
        return min(float(value), LONGEST)
    then = _moment(value)
    if then is None:
        return None
    return max(0.0, (then - (_moment(date or "") or datetime.now(UTC))).total_seconds())


def server_timing(value: str) -> dict[str, dict[str, str]]:
    """The metrics of a `Server-Timing` header: each one's parameters, by its name.

    >>> server_timing('decode;dur=12.5, start;desc="cold, of course"')
    {'decode': {'dur': '12.5'}, 'start': {'desc': 'cold, of course'}}
    """
    metrics, at = {}, 0
    while at < len(value):
        if metric := METRIC.match(value, at):
            metrics[metric[1]] = _parameters(metric[2])
        # After what is no metric, the next may be one.
        at = metric.end() if metric else (value.find(",", at) + 1 or len(value))
    return metrics


def _parameters(text: str) -> dict[str, str]:
    found = re.findall(PARAMETER, text, re.ASCII)
    # The specification: of a parameter that is given twice, the first counts.
    return {name: _unquoted(value) for name, value in reversed(found)}


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value


def _moment(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
