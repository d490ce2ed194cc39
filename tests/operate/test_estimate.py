"""The arithmetic of a month's bill."""

import dataclasses
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.program import declared
from operate import prices
from operate.estimate import (
    DAY,
    DAYS,
    IDLE,
    JOB_ALARMS,
    PING_EVERY,
    REQUEST_ALARMS,
    WAYS,
    Line,
    Use,
    Warm,
    cold_starts,
    drawing,
    estimate,
    keeping,
    standing,
)

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"

ways = st.sampled_from(WAYS)
uses = st.builds(
    Use,
    photos_per_day=st.floats(0, 1e6),
    memory=st.integers(128, 10240),
    seconds=st.floats(0, 60),
    cold_seconds=st.floats(0, 20),
    copies=st.integers(1, 20),
    kilobytes=st.floats(0, 5000),
    jobs=st.booleans(),
)
more = st.floats(1, 100)


def dollars(lines: object) -> float:
    return sum(line.dollars for line in lines)  # type: ignore[attr-defined]


@given(ways, uses)
def test_no_photos_cost_what_stands_and_is_kept(warm: Warm, use: Use) -> None:
    idle = estimate(warm, dataclasses.replace(use, photos_per_day=0))
    assert idle.dollars == pytest.approx(dollars(standing(use)) + dollars(keeping(warm, use)))
    assert idle.cold_starts == 0
    assert idle.dollars > 0


@given(ways, uses, more)
def test_more_photos_cost_more(warm: Warm, use: Use, times: float) -> None:
    # Apart from the cold starts, of which more photos mean fewer in the end.
    use = dataclasses.replace(use, cold_seconds=0)
    many = dataclasses.replace(use, photos_per_day=use.photos_per_day * times)
    assert dollars(drawing(warm, many)) >= dollars(drawing(warm, use))
    if warm != "snapstart":
        assert estimate(warm, many).dollars >= estimate(warm, use).dollars - 1e-9


@given(ways, uses, st.integers(0, 4096))
def test_more_memory_costs_more(warm: Warm, use: Use, added: int) -> None:
    large = dataclasses.replace(use, memory=use.memory + added)
    assert estimate(warm, large).dollars >= estimate(warm, use).dollars - 1e-9


@given(ways, uses, st.floats(0, 60))
def test_more_seconds_cost_more(warm: Warm, use: Use, added: float) -> None:
    slow = dataclasses.replace(use, seconds=use.seconds + added)
    slow_to_start = dataclasses.replace(use, cold_seconds=use.cold_seconds + added)
    assert estimate(warm, slow).dollars >= estimate(warm, use).dollars
    assert estimate(warm, slow_to_start).dollars >= estimate(warm, use).dollars


@given(ways, uses)
def test_cold_starts_are_some_of_the_photos(warm: Warm, use: Use) -> None:
    cold = cold_starts(warm, use)
    assert 0 <= cold <= use.photos
    assert cold == 0 or warm in ("none", "snapstart")


def test_cold_starts_as_they_come_out_of_a_simulation() -> None:
    # The pauses of a Poisson process, by inverting its distribution at even steps.
    rate = 100 / DAY
    steps = 100_000
    pauses = (-math.log((n + 0.5) / steps) / rate for n in range(steps))
    cold = sum(pause > IDLE for pause in pauses) / steps
    assert cold_starts("none", Use(100)) / Use(100).photos == pytest.approx(cold, abs=1e-4)


@given(ways, uses)
def test_the_free_tier_takes_off_no_more_than_there_is(warm: Warm, use: Use) -> None:
    bill = estimate(warm, use)
    assert 0 <= bill.free <= bill.dollars + 1e-9


def test_the_free_tier_is_shared_by_lines_of_one_price() -> None:
    # 9 GB-s a photo: half of them would be free with the pings beside, were each free by itself.
    use = Use(10_000, memory=3072, seconds=3, jobs=False, kilobytes=0)
    off = prices.DURATION.of(400_000) + prices.REQUEST.of(300_000 + 8_640) + prices.ALARM.of(4)
    assert estimate("ping", use).free == pytest.approx(off)


@given(ways, uses)
def test_the_arithmetic_gives_the_dollars(warm: Warm, use: Use) -> None:
    for line in estimate(warm, use).lines:
        assert reckon(line.arithmetic) == pytest.approx(line.dollars, rel=1e-5, abs=1e-9)


def reckon(arithmetic: str) -> float:
    """What the arithmetic comes to, read as a person would."""
    total = 1.0
    for part in arithmetic.replace(",", "").split(" x "):
        number, _, divisor = part.partition(" / ")
        total *= float(number.split()[0]) / float(divisor or 1)
    return total


def test_a_line() -> None:
    line = Line("it", ((3000, ""), (1.5, "s"), (2.0, "GB")), prices.DURATION)
    assert line.arithmetic == "3,000 x 1.5 s x 2 GB x 0.0000166667"
    assert line.dollars == pytest.approx(0.1500003)


def test_a_provisioned_second_at_work_costs_less_than_one_that_is_not_provisioned() -> None:
    use = Use(photos_per_day=DAY, seconds=1, kilobytes=0)  # one copy, at work all day
    at_work = dollars(line for line in drawing("provisioned", use) if "duration" in line.what)
    together = at_work + dollars(keeping("provisioned", use))
    assert together == pytest.approx(DAYS * DAY * 2 * (0.0000041667 + 0.0000097222))
    assert together < DAYS * DAY * 2 * 0.0000166667


def test_what_is_counted_is_what_the_program_declares() -> None:
    def alarms(**settings: str) -> int:
        kind = "aws:cloudwatch/metricAlarm:MetricAlarm"
        return sum(resource.type == kind for resource in declared(settings))

    assert alarms() == REQUEST_ALARMS + JOB_ALARMS
    assert alarms(jobs="false") == REQUEST_ALARMS
    rules = [
        resource.properties["scheduleExpression"]
        for resource in declared({"warm": "ping", "warmCopies": "3"})
        if resource.type == "aws:cloudwatch/eventRule:EventRule"
    ]
    assert rules == [f"rate({PING_EVERY // 60} minutes)"]


def tables() -> list[dict[str, str]]:
    """The tables of the page's section on cost: each row's first cell, and its last."""
    section = PAGE.read_text().partition("## What it costs")[2].partition("\n## ")[0]
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", section, re.M):
        cells = [line.strip().strip("|").split("|") for line in block.splitlines()[2:]]
        found.append({row[0].strip(" `*"): row[-1].strip(" *") for row in cells})
    return found


def test_the_page_shows_what_is_reckoned_here() -> None:
    use = Use(1000 / DAYS, memory=2048, seconds=1, kilobytes=150)
    drawn, stood = list(drawing("none", use)), list(standing(use))
    photos, month, kept = tables()
    assert list(photos) == [line.what for line in drawn] + ["together"]
    assert list(kept) == ["ping", "snapstart", "provisioned"]
    expected = [
        *zip(photos.values(), [line.dollars for line in drawn] + [dollars(drawn)], strict=True),
        (month["image in ECR"], stood[0].dollars),
        (month["eight alarms"], stood[1].dollars),
        (month["the queue, looked at by its worker's mapping"], stood[2].dollars),
        (month["together"], dollars(stood)),
        *((shown, dollars(keeping(warm, use))) for warm, shown in kept.items()),  # type: ignore[arg-type]
    ]
    for shown, reckoned in expected:
        decimals = len(shown.partition(".")[2])
        assert f"{reckoned:.{decimals}f}" == shown


def test_the_page_names_the_same_prices() -> None:
    section = PAGE.read_text().partition("## What it costs")[2].partition("\n## ")[0]
    assert prices.REGION in section
    assert "November 2026" in section
    assert prices.DATE == "2026-11"
    named = (prices.DURATION, prices.PROVISIONED, prices.SNAPSHOT, prices.RESTORE, prices.OUT)
    for price in (*named, prices.REQUEST, prices.API, prices.MESSAGE, prices.STORED_IMAGE):
        assert str(price) in section
