"""The command: its lines, its list, its exit status."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from operate.doctor.command import CHECKS

ROOT = Path(__file__).parents[3]


def doctor(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in the environment that the fixtures have made."""
    return subprocess.run(
        [sys.executable, "-m", "operate", "doctor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(autouse=True)
def _path(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "80")


ENGINE = "ssh://builder@localhost"
"""An engine that is taken to be there, whatever runs on this machine."""


@pytest.fixture
def well(
    aws: Any, server: str, project: Any, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a deployment takes, and a deployed service."""
    monkeypatch.setenv("DOCKER_HOST", ENGINE)
    project(reservedConcurrency=5)
    program("python3", c="[3, 13, 1]")
    program(
        "docker",
        **{
            "version format {{json": '{"Version": "29.1.0"}',
            "version format {{.Server": "linux/amd64",
            "context inspect": ENGINE,
            "info": "/",
            "image ls": "",
        },
    )
    program(
        "pulumi",
        **{"version": "v3.272.0", "whoami": "ada", "stack output endpoint": server},
    )


def test_all_is_well(well: None) -> None:
    done = doctor()
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert {line.split()[0] for line in lines if not line.startswith(" ")} == {"ok"}
    names = [line[9:25].strip() for line in lines if not line.startswith(" ")]
    order = [check.name for check in CHECKS]
    assert names == [name for name in order if name in names]
    assert {"Python", "platform", "Pulumi login", "concurrency", "photo"} <= set(names)
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in done.stdout


def test_as_a_list(well: None) -> None:
    done = doctor("--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert all(list(each) == ["name", "status", "found", "fix"] for each in found)
    assert {each["status"] for each in found} == {"ok"}
    assert {each["fix"] for each in found} == {None}


def test_a_bare_machine(bare: Path) -> None:
    done = doctor()
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert [line[:26].rstrip() for line in lines if not line.startswith(" ")] == [
        "failed   Python",
        "failed   container engine",
        "failed   Pulumi",
        "warning  settings",
        "failed   AWS credentials",
        "warning  endpoint",
    ]
    assert sum("fix: " in line for line in lines) == 6


def test_every_finding_that_is_not_ok_says_what_fixes_it(bare: Path) -> None:
    found = json.loads(doctor("--json", "--endpoint", "http://127.0.0.1:9").stdout)
    assert {each["status"] for each in found} == {"warning", "failed"}
    assert all(each["fix"] for each in found)


def test_no_secret_is_shown(
    well: None, bare: Path, project: Any, account: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(auth="token", apiToken="hunter2")
    monkeypatch.setenv("ARTLINE_TOKEN", "hunter3")
    shown = ""
    for arguments in ([], ["--json"], ["--endpoint", "http://ada:hunter4@127.0.0.1:9"]):
        done = doctor(*arguments)
        shown += done.stdout + done.stderr
    assert "hunter" not in shown
    assert account.environment["AWS_SECRET_ACCESS_KEY"] not in shown


def test_a_token_or_a_signature(bare: Path) -> None:
    done = doctor("--sign", "--token", "t")
    assert done.returncode == 2
    assert "not both" in done.stderr


def test_help(bare: Path) -> None:
    done = doctor("--help")
    assert done.returncode == 0
    for option in ("--endpoint", "--stack", "--token", "--sign", "--json"):
        assert option in done.stdout
