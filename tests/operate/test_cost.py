"""`make cost`, as a user meets it."""

import json
from pathlib import Path
from typing import Any

import pytest

from operate.estimate import WAYS, Use, estimate

ROOT = Path(__file__).parents[2]


def test_a_table_to_choose_by(cost: Any) -> None:
    done = cost("--photos-per-day", 100)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert done.stdout.isascii()
    assert "us-east-1, 2026-11" in done.stdout
    start = next(n for n, line in enumerate(lines) if line.startswith("warm  "))
    table = [line.split(maxsplit=3) for line in lines[start + 1 : start + 5]]
    use = Use(100)
    for warm, row in zip(WAYS, table, strict=True):
        bill = estimate(warm, use)
        assert row[:3] == [warm, f"{bill.dollars:,.2f}", f"{-bill.free:,.2f}"]
    assert [row[3] for row in table] == [
        "1,498 of 3,000, 2 s each",
        "few, if at most 1 at a time",
        "1,498 of 3,000, time not known",
        "none, if at most 1 at a time",
    ]


@pytest.mark.parametrize(("photos", "known"), [(8_600, True), (8_700, False)])
def test_cold_starts_of_photos_that_overlap_are_not_known(
    cost: Any, photos: int, known: bool
) -> None:
    said = cost("--photos-per-day", photos, "--seconds", 1).stdout
    assert ("not known: many" not in said) == known


def test_every_line_of_a_bill_is_shown_once_or_under_its_way(cost: Any) -> None:
    said = cost("--photos-per-day", 100, "--no-jobs").stdout
    common, *parts = said.split("\nwarm: ")
    assert [part.splitlines()[0] for part in parts] == list(WAYS)
    for warm, part in zip(WAYS, parts, strict=True):
        shown = common + part
        for line in estimate(warm, Use(100, jobs=False)).lines:
            row = f"  {line.what:<21}{line.arithmetic} "
            assert shown.count(row) == 1
    assert "queue" not in said


def test_options_are_taken(cost: Any) -> None:
    options = {
        "--photos-per-day": 12.5,
        "--memory": 3008,
        "--seconds": 0.5,
        "--cold-seconds": 3,
        "--copies": 2,
        "--kilobytes": 80,
    }
    done = cost("--json", *(word for option in options.items() for word in option))
    document = json.loads(done.stdout)
    use = Use(12.5, 3008, 0.5, 3, 2, 80)
    assert Use(**document["use"]) == use
    assert document["prices"] == {"date": "2026-11", "region": "us-east-1", "currency": "USD"}
    assert [way["warm"] for way in document["ways"]] == list(WAYS)
    for way in document["ways"]:
        bill = estimate(way["warm"], use)
        assert way["dollars"] == pytest.approx(bill.dollars)
        assert sum(line["dollars"] for line in way["lines"]) == pytest.approx(bill.dollars)
        assert way["cold_starts"] == bill.cold_starts
        assert way["free_tier"] == bill.free
    assert [way["cold_seconds"] is None for way in document["ways"]] == [False, False, True, False]


@pytest.mark.parametrize(
    ("photos", "environments", "first", "reached"),
    [(10, 1, "throttleRate", 0), (1_000, 3, "throttleRate", 2), (100_000, 250, "throttleRate", 3)],
)
def test_a_rate_names_its_environments_and_the_limits_that_it_reaches(
    cost: Any, photos: int, environments: int, first: str, reached: int
) -> None:
    said = cost("--photos-per-minute", photos).stdout
    assert f"{photos:,} photos a minute, 0.15 s each:\n{environments} environments at work" in said
    assert said.count("  reached ") == reached
    document = json.loads(cost("--photos-per-minute", photos, "--json").stdout)["throughput"]
    assert document["environments"] == environments
    assert document["requests"][0]["name"] == document["jobs"][0]["name"] == first
    assert max(map(len, said.splitlines())) <= 80


def test_the_defaults_are_the_stacks_settings(cost: Any, tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text((ROOT / "Pulumi.yaml").read_text())
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config:\n  aws:region: eu-central-1\n  artline:architecture: arm64\n"
        '  artline:memory: "3008"\n  artline:jobConcurrency: "50"\n  artline:throttleRate: "100"\n'
        '  artline:reservedConcurrency: "7"\n  artline:jobs: "false"\n'
    )
    document = json.loads(cost("--photos-per-minute", 60, "--json").stdout)
    assert document["prices"]["region"] == "eu-central-1"
    assert document["use"]["memory"] == 3008
    assert document["use"]["jobs"] is False
    capacity = document["throughput"]["capacity"]
    assert capacity["throttle_rate"] == 100
    assert (capacity["reserved"], capacity["job_concurrency"]) == (7, 50)
    # Ten requests a second are the most for one environment; a job takes three.
    jobs = {limit["name"]: limit["photos"] for limit in document["throughput"]["jobs"]}
    assert jobs["reservedConcurrency"] == 7 * 10 * 60 / 3
    arm = [line for line in document["ways"][0]["lines"] if line["what"] == "Lambda, duration"]
    assert "0.0000133334" in arm[0]["arithmetic"]


def test_photos_that_go_through_the_queue(cost: Any) -> None:
    said = cost("--photos-per-day", 100, "--queued", 0.5).stdout
    for line in ("jobs, duration", "jobs, messages", "jobs, writes", "line art, kept"):
        assert line in said


@pytest.mark.parametrize("huge", [1e6, 0])
def test_large_and_small_numbers_keep_their_columns(cost: Any, huge: float) -> None:
    done = cost("--photos-per-day", huge, "--memory", 10240, "--seconds", 29.123)
    assert done.returncode == 0
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--photos-per-day", "-1"],
        ["--photos-per-day", "nan"],
        ["--photos-per-day", "1", "--seconds", "inf"],
        ["--photos-per-day", "1", "--memory", "64"],
        ["--photos-per-day", "1", "--queued", "1.5"],
        ["--photos-per-day", "1", "--queued", "0.5", "--no-jobs"],
        ["--photos-per-day", "1", "--architecture", "arm"],
        ["--photos-per-day", "1", "--stack", "nope"],
    ],
)
def test_wrong_use(cost: Any, arguments: list[str]) -> None:
    done = cost(*arguments)
    assert done.returncode == 2
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr
