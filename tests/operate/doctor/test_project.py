"""Pulumi's command line, made up, and the project's own files."""

import json
from pathlib import Path
from typing import Any

import pytest

from operate.doctor import project as checks
from operate.doctor.deployment import Deployment
from operate.doctor.stack import SettingsError, Stack


@pytest.fixture
def deployment() -> Deployment:
    return Deployment()


def test_pulumi(program: Any, deployment: Deployment) -> None:
    assert checks.pulumi(deployment).status == "failed"
    program("pulumi", error="error: broken")
    assert checks.pulumi(deployment).found == "broken"
    program("pulumi", version="v3.272.0", whoami="ada")
    assert checks.pulumi(deployment).found == "v3.272.0"
    assert checks.login(deployment).found == "as ada"


@pytest.mark.parametrize(
    ("version", "status"),
    [("v3.90.0", "failed"), ("v3.271.9", "failed"), ("v3.272.0-dev.1", "ok"), ("v4.0.0", "ok")],
)
def test_pulumi_is_as_new_as_the_project_wants(
    program: Any, project: Any, deployment: Deployment, version: str, status: str
) -> None:
    project()
    program("pulumi", version=version)
    assert checks.pulumi(deployment).status == status


@pytest.mark.parametrize("text", ["{", "name: artline"])
def test_a_project_that_does_not_say_takes_any_pulumi(
    program: Any, bare: Path, deployment: Deployment, text: str
) -> None:
    (bare / "Pulumi.yaml").write_text(text)
    program("pulumi", version="v3.90.0")
    assert checks.pulumi(deployment).status == "ok"


def test_nobody_is_logged_in(program: Any, deployment: Deployment) -> None:
    program("pulumi", error="error: PULUMI_ACCESS_TOKEN must be set for login\nmore")
    finding = checks.login(deployment)
    assert finding.status == "failed"
    assert finding.found == "PULUMI_ACCESS_TOKEN must be set for login"
    assert (finding.fix or "").startswith("pulumi login")


def test_settings_from_the_files(project: Any, deployment: Deployment) -> None:
    project(memory=3008)
    finding = checks.settings(deployment)
    assert finding.status == "ok"
    assert finding.found == (
        "region us-east-1, memory 3008, architecture x86_64, warm none, auth none"
    )
    assert deployment.stack.number("reservedConcurrency", 0) == -1
    assert deployment.stack.number("warm", 7) == 7


def test_settings_from_pulumi(project: Any, program: Any, deployment: Deployment) -> None:
    project(memory=3008)
    config = {
        "aws:region": {"value": "eu-west-1", "secret": False},
        "artline:memory": {"value": "1769", "secret": False},
        "artline:auth": {"value": "token", "secret": False},
        "artline:apiToken": {"secret": True},
        "artline:corsOrigins": {"value": '["*"]', "objectValue": ["*"], "secret": False},
    }
    program("pulumi", config_json=json.dumps(config))
    finding = checks.settings(deployment)
    assert (
        finding.found == "region eu-west-1, memory 1769, architecture x86_64, warm none, auth token"
    )
    assert deployment.stack.setting("corsOrigins") == ["*"]


def test_a_token_is_missing(project: Any, deployment: Deployment) -> None:
    project(auth="token")
    finding = checks.settings(deployment)
    assert finding.status == "failed"
    assert "--secret apiToken" in (finding.fix or "")


def test_a_token_in_plain_text(project: Any, program: Any, deployment: Deployment) -> None:
    project(auth="token", apiToken="hunter2")
    finding = checks.settings(deployment)
    assert finding.status == "failed"
    assert "hunter2" not in finding.found
    assert "--secret apiToken" in (finding.fix or "")
    config = {"artline:apiToken": {"value": "hunter2", "secret": False}}
    program("pulumi", config_json=json.dumps(config))
    assert checks.settings(Deployment()).found == "apiToken is in plain text"


def test_a_renamed_project_has_its_own_settings(project: Any, bare: Path) -> None:
    project()
    file = bare / "Pulumi.yaml"
    file.write_text(file.read_text().replace("name: artline", "name: sketches", 1))
    (bare / "Pulumi.dev.yaml").write_text("config: {sketches:memory: 512}")
    assert Stack().number("memory", 0) == 512


def test_an_encrypted_token_is_one(project: Any, deployment: Deployment) -> None:
    project(auth="token", apiToken="{secure: AAABAH}")
    finding = checks.settings(deployment)
    assert finding.status == "ok"
    assert "AAABAH" not in finding.found


def test_no_project(bare: Path, deployment: Deployment) -> None:
    finding = checks.settings(deployment)
    assert finding.status == "warning"
    assert finding.found == "no Pulumi.yaml in this directory: using the defaults"
    assert deployment.platform == "linux/amd64"


def test_which_stack(bare: Path, project: Any, deployment: Deployment) -> None:
    project()
    (bare / "Pulumi.prod.yaml").write_text("config:\n  artline:memory: 512\n")
    finding = checks.settings(deployment)
    assert finding.status == "warning"
    assert "Pulumi.dev.yaml, Pulumi.prod.yaml" in finding.found
    assert finding.fix == "make doctor ARGS='--stack NAME'"
    assert Stack("owner/artline/prod").setting("memory") == 512
    with pytest.raises(SettingsError, match=r"no Pulumi\.test\.yaml"):
        _ = Stack("test").settings


@pytest.mark.parametrize("text", ["- a\n- b", "{", "config:", ""])
def test_files_that_say_nothing(
    bare: Path, project: Any, deployment: Deployment, text: str
) -> None:
    project()
    (bare / "Pulumi.dev.yaml").write_text(text)
    assert checks.settings(deployment).status == ("warning" if text == "{" else "ok")


def test_outputs(program: Any) -> None:
    assert Stack().outputs == {}
    program("pulumi", stack_output="not JSON")
    assert Stack().outputs == {}
    program("pulumi", stack_output='{"endpoint": "https://x.example"}')
    assert Stack().outputs == {"endpoint": "https://x.example"}
