"""What docs/operate.md shows is what there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from local.program import Resource

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
    assert SHOWN


def test_the_alarms_are_those_of_the_stack(resources: list[Resource]) -> None:
    made = [
        each.name.removeprefix("artline-")
        for each in resources
        if each.type == "aws:cloudwatch/metricAlarm:MetricAlarm"
    ]
    assert sorted(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE)) == sorted(made)
