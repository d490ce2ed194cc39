"""The project's files, as Pulumi's command line reads and writes them."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from .conftest import read

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "Pulumi.dev.yaml").read_text()
PROJECT: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
PYTHON: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_example_is_written_as_pulumi_config_set_writes_it() -> None:
    config = yaml.safe_load(EXAMPLE)["config"]
    lines = [
        f'  {key}: "{config[key]}"'
        if re.fullmatch(r"[\d.]+|true|false", config[key])
        else f"  {key}: {config[key]}"
        for key in sorted(config)
    ]
    assert "\n".join(["config:", *lines, ""]) == EXAMPLE


def test_the_example_asks_a_new_account_for_nothing_that_it_refuses() -> None:
    config = yaml.safe_load(EXAMPLE)["config"]
    settings = read(config, region=None)
    assert settings.reserved_concurrency is None
    assert settings.warm == "none"
    assert settings.memory <= 3008


def test_pulumi_is_as_new_as_the_sdk_that_the_program_needs() -> None:
    (wanted,) = (each for each in PYTHON["optional-dependencies"]["deploy"] if "pulumi>" in each)
    least = re.findall(r">=([\d.]+)", wanted)[0]
    assert PROJECT["requiredPulumiVersion"].startswith(f">={least}")


@pytest.mark.parametrize("package", ["botocore", "pulumi", "pulumi_aws", "pulumi_policy"])
def test_pulumi_install_brings_what_the_program_and_the_policy_pack_import(package: str) -> None:
    assert re.search(r"^--editable \.\[deploy\]$", (ROOT / "requirements.txt").read_text(), re.M)
    groups = PYTHON["optional-dependencies"]
    named = [*groups["deploy"], *groups["iam"]]
    assert any(re.match(rf"{package.replace('_', '-')}\b", each) for each in named)


@pytest.mark.parametrize("page", ["README.md", "docs/deploy.md", "docs/operate.md"])
def test_nothing_is_installed_into_a_systems_python(page: str) -> None:
    for line in (ROOT / page).read_text().splitlines():
        assert not re.match(r"(sudo )?(pip3?|python3? -m pip) install", line), line
