"""The arithmetic of a month's bill."""

import dataclasses
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.program import declared
from operate import prices, throughput
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
    measuring,
    queueing,
    standing,
)

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
US = prices.of("us-east-1")

ways = st.sampled_from(WAYS)
uses = st.builds(
    Use,
    photos_per_day=st.floats(0, 1e6),
    memory=st.integers(128, 10240),
    seconds=st.floats(0, 60),
    cold_seconds=st.floats(0, 20),
    ready=st.integers(1, 20),
    kilobytes=st.floats(0, 5000),
    jobs=st.booleans(),
    queued=st.floats(0, 1),
    versions=st.integers(1, 11),
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


def test_every_region_and_architecture_has_its_prices() -> None:
    assert prices.of("eu-central-1").api.dollars == 1.20
    assert prices.of("eu-central-1").duration == US.duration
    assert prices.of("eu-central-1", "arm64").duration.dollars == pytest.approx(0.0000133334, 1e-4)
    assert prices.of("us-east-1", "arm64").snapshot == US.snapshot
    assert prices.of("ap-northeast-1").out.dollars == 0.114
    assert prices.of("sa-east-1").region == "us-east-1"


@given(uses)
def test_a_photo_takes_one_path(use: Use) -> None:
    assert use.direct + use.drawn_jobs == pytest.approx(use.photos)
    assert dollars(queueing(dataclasses.replace(use, queued=0))) == 0
    everything = dataclasses.replace(use, queued=1)
    assert dollars(drawing("none", everything)) == pytest.approx(0)


@given(st.integers(1, 11))
def test_each_versions_snapshot_is_billed(versions: int) -> None:
    one = dollars(keeping("snapstart", Use(0)))
    assert one == pytest.approx(7.80, abs=0.01)
    many = dollars(keeping("snapstart", Use(0, versions=versions)))
    assert many == pytest.approx(versions * one)


def test_metrics_are_billed_by_the_hours_that_have_a_photo() -> None:
    assert dollars(measuring(Use(0))) == 0
    assert dollars(measuring(Use(1e6))) == pytest.approx(5 * 0.30)
    assert dollars(measuring(Use(24))) == pytest.approx(5 * 0.30 * (1 - math.exp(-1)))
    assert dollars(measuring(Use(1e6, queued=1))) == pytest.approx(5 * 0.30)
    assert dollars(measuring(Use(1e6, queued=0.5))) == pytest.approx(8 * 0.30)


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
    assert 0 <= cold <= use.direct
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
    off = US.duration.of(400_000) + US.request.of(300_000 + 8_640) + US.alarm.of(4)
    off += dollars(measuring(use))  # fewer metrics than ten
    assert estimate("ping", use).free == pytest.approx(off)


@given(ways, uses)
def test_the_arithmetic_gives_the_dollars(warm: Warm, use: Use) -> None:
    for line in estimate(warm, use).lines:
        assert calculated(line.arithmetic) == pytest.approx(line.dollars, rel=1e-5, abs=1e-9)


def calculated(arithmetic: str) -> float:
    """The result of the arithmetic, read as a person would."""
    total = 1.0
    for part in arithmetic.replace(",", "").split(" x "):
        number, _, divisor = part.partition(" / ")
        total *= float(number.split()[0]) / float(divisor or 1)
    return total


def test_a_line() -> None:
    line = Line("it", ((3000, ""), (1.5, "s"), (2.0, "GB")), US.duration)
    assert line.arithmetic == "3,000 x 1.5 s x 2 GB x 0.0000166667"
    assert line.dollars == pytest.approx(0.1500003)


def test_a_provisioned_second_at_work_costs_less_than_one_that_is_not_provisioned() -> None:
    use = Use(photos_per_day=DAY, seconds=1, kilobytes=0)  # one environment, busy all day
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


def test_the_page_shows_what_is_calculated_here() -> None:
    use = Use(1000 / DAYS, memory=2048, seconds=1, kilobytes=150)
    drawn, stood = list(drawing("none", use)), list(standing(use))
    queued = list(queueing(dataclasses.replace(use, queued=1)))
    photos, jobs, month, kept = tables()
    assert list(photos) == [line.what for line in drawn] + ["together"]
    assert list(jobs) == [line.what for line in queued] + ["together"]
    assert list(kept) == ["ping", "snapstart", "provisioned"]
    expected = [
        *zip(photos.values(), [line.dollars for line in drawn] + [dollars(drawn)], strict=True),
        *zip(jobs.values(), [line.dollars for line in queued] + [dollars(queued)], strict=True),
        (month["image in ECR"], stood[0].dollars),
        (month["eight alarms"], stood[1].dollars),
        (month["polling the queue"], stood[2].dollars),
        (month["together"], dollars(stood)),
        *((shown, dollars(keeping(warm, use))) for warm, shown in kept.items()),  # type: ignore[arg-type]
    ]
    for shown, right in expected:
        decimals = len(shown.partition(".")[2])
        assert f"{right:.{decimals}f}" == shown


def test_provisioned_environments_cost_more_elsewhere() -> None:
    """The share is the same kept ready and at work; an arm64 one costs a fifth less of either."""
    use = Use(0)
    here, there, arm = (
        dollars(keeping("provisioned", use, prices.of(*where)))
        for where in (("us-west-2",), ("eu-central-1",), ("eu-central-1", "arm64"))
    )
    assert here == pytest.approx(21.60, abs=0.01)
    assert there == pytest.approx(26.00, abs=0.01)
    assert arm == pytest.approx(0.8 * there, rel=1e-4)
    for region in prices.ELSEWHERE:
        price = prices.of(region)
        share = price.provisioned.dollars / US.provisioned.dollars
        assert (
            price.provisioned_duration.dollars / US.provisioned_duration.dollars
            == pytest.approx(share, rel=1e-3)
        )


def test_the_page_names_the_same_prices() -> None:
    section = PAGE.read_text().partition("## What it costs")[2].partition("\n## ")[0]
    assert prices.REGION in section
    assert "November 2026" in section
    assert prices.DATE == "2026-11"
    named = (US.duration, US.provisioned, US.snapshot, US.restore, US.out, US.request, US.api)
    for price in (*named, US.message, US.stored_image, US.metric, US.put, US.get, US.stored):
        assert str(price) in section


@pytest.mark.parametrize(
    ("photos", "seconds", "count"),
    [(10, 0.15, 1), (1_000, 0.15, 3), (100_000, 0.15, 250), (100_000, 1, 1_667), (0, 1, 0)],
)
def test_environments_follow_from_the_rate_and_the_time(
    photos: float, seconds: float, count: int
) -> None:
    assert throughput.environments(photos, seconds) == count


@given(st.floats(1, 1e6), st.floats(0.01, 60))
def test_environments_are_enough_and_not_one_too_many(photos: float, seconds: float) -> None:
    count = throughput.environments(photos, seconds)
    assert count * 60 / seconds >= photos * (1 - 1e-6)
    assert (count - 1) * 60 / seconds <= photos * (1 + 1e-6)


@pytest.mark.parametrize(("count", "seconds"), [(0, 0), (1000, 0), (1001, 10), (3500, 30)])
def test_lambda_adds_a_thousand_environments_every_ten_seconds(count: int, seconds: float) -> None:
    assert throughput.growth(count) == seconds


@pytest.mark.parametrize(
    ("capacity", "requests", "jobs"),
    [
        (throughput.Capacity(), "throttleRate", "throttleRate"),
        (throughput.Capacity(throttle_rate=9000), "the account's concurrency", "jobConcurrency"),
        (
            throughput.Capacity(throttle_rate=5000, reserved=100),
            "reservedConcurrency",
            "jobConcurrency",
        ),
        (
            throughput.Capacity(throttle_rate=20_000, account=100_000, job_concurrency=1000),
            "API Gateway's rate",
            "S3's writes a prefix",
        ),
        (throughput.Capacity(throttle_rate=5000, account=10, job_concurrency=1000),)
        + ("the account's concurrency",) * 2,
    ],
)
def test_the_first_limit_is_the_lowest(
    capacity: throughput.Capacity, requests: str, jobs: str
) -> None:
    for limits, first in (
        (throughput.request_limits(capacity), requests),
        (throughput.job_limits(capacity), jobs),
    ):
        assert limits[0].name == first
        assert [each.photos for each in limits] == sorted(each.photos for each in limits)
        assert all(each.lifted_by for each in limits)


def test_the_defaults_are_those_of_the_stack() -> None:
    resources = declared()
    capacity = throughput.Capacity()
    (stage,) = (each for each in resources if each.type == "aws:apigatewayv2/stage:Stage")
    throttle = stage.properties["defaultRouteSettings"]
    assert throttle["throttlingRateLimit"] == capacity.throttle_rate
    (mapping,) = (each for each in resources if each.type.endswith(":EventSourceMapping"))
    assert mapping.properties["scalingConfig"]["maximumConcurrency"] == capacity.job_concurrency


def test_what_a_load_run_measured_is_what_the_arithmetic_says() -> None:
    """bench/LOAD.md: photos a second are callers, up to the environments, over the median."""
    page = (PAGE.parents[1] / "bench" / "LOAD.md").read_text()
    count = int(re.findall(r"^(\d+) (?:containers|environments)", page, re.M)[0])
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \| (\d+) ms \|", page, re.M)
    assert len(rows) > 3
    for callers, rate, median in rows:
        expected = min(int(callers), count) / (int(median) / 1000)
        assert float(rate) == pytest.approx(expected, rel=0.1)
