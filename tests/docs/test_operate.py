"""What docs/operate.md shows is what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.program import Resource
from operate.throughput import MEASURED, Capacity, environments, job_limits, request_limits

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operate.md").read_text()
SHOWN = re.findall(r"^```console\n\$ (.+)\n((?:.*\n)*?)```$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("command", "output"), SHOWN)
def test_commands_print_what_is_shown(command: str, output: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    printed = subprocess.run(
        ["sh", "-c", command],
        cwd=ROOT,
        env={"PATH": path, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    assert printed == output


def test_something_is_shown() -> None:
    assert len(SHOWN) == 2


def test_the_environments_are_those_of_the_arithmetic() -> None:
    rows = re.findall(r"^\| ([\d,]+) \| (\d+) \| ", PAGE, re.MULTILINE)
    assert [int(photos.replace(",", "")) for photos, _ in rows] == [10, 1_000, 100_000]
    for photos, count in rows:
        assert environments(int(photos.replace(",", "")), MEASURED) == int(count)


def test_the_limits_are_those_of_the_arithmetic() -> None:
    section = " ".join(PAGE.partition("## Capacity and limits")[2].partition("\n## ")[0].split())
    new, standard = Capacity(account=10), Capacity()
    for limit in (*request_limits(new), *request_limits(standard), *job_limits(standard)):
        if limit.name != "API Gateway's rate" or limit.photos > 300_000:
            assert f"{limit.photos:,.0f}" in section, limit


def test_the_alarms_are_those_of_the_stack(resources: list[Resource]) -> None:
    made = [
        each.name.removeprefix("artline-")
        for each in resources
        if each.type == "aws:cloudwatch/metricAlarm:MetricAlarm"
    ]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == sorted(made)
