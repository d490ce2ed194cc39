import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from local import program
from local.program import Resource

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def declared() -> list[program.Resource]:
    return program.declared({"auth": "token", "apiToken": "hunter2", "reservedConcurrency": "5"})


def test_a_deployment_is_what_the_program_declares(declared: list[program.Resource]) -> None:
    deployment = program.deployment(declared)
    assert set(deployment.routes) == {
        "GET /",
        "GET /health",
        "GET /sw.js",
        "GET /page/{version}/{name}",
        "GET /openapi.json",
        "POST /transform",
        "POST /jobs",
        "GET /jobs/{id}",
        "DELETE /jobs/{id}",
        "$default",
    }
    assert deployment.cors is not None
    assert deployment.cors.allow_origins == ("*",)
    assert deployment.cors.expose_headers == ("server-timing", "x-model", "retry-after", "etag")
    assert deployment.timeout == 29
    assert deployment.integration_timeout == 30
    assert deployment.memory == 2048
    assert deployment.concurrency == 5
    assert (deployment.throttle_rate, deployment.throttle_burst) == (10, 20)
    assert deployment.environment["API_TOKEN_PARAMETER"] == "artline-token-local"


def test_the_defaults_are_those_of_pulumi_yaml() -> None:
    deployment = program.deployment()
    assert deployment.concurrency is None
    assert "API_TOKEN_PARAMETER" not in deployment.environment


def test_without_origins_there_is_no_cors() -> None:
    assert program.deployment(program.declared({"corsOrigins": "[]"})).cors is None


def test_a_setting_that_does_not_fit_is_refused_in_the_programs_own_sentence() -> None:
    sentence = "artline:memory is 64: it may be a whole number from 128 to 10240."
    with pytest.raises(program.SettingsError, match=f"^{re.escape(sentence)}$"):
        program.declared({"artline:memory": "64"})


def test_the_tree_shows_each_resource_below_its_own_and_no_secret(
    declared: list[program.Resource],
) -> None:
    tree = program.tree(declared)
    lines = tree.splitlines()
    assert "Jobs artline-jobs" in lines
    assert "    Function artline-jobs-worker" in lines
    assert "        Alias artline-jobs-worker" in lines
    assert "outputs" in lines
    assert "hunter2" not in tree
    for each in declared:
        assert f"{each.type.rpartition(':')[2]} {each.name}" in tree or each.type == program.STACK


def test_what_changes_in_the_stack_changes_here(tmp_path: Path) -> None:
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("artline", "function", "image", "local", "stack"):
        shutil.copytree(ROOT / name, tmp_path / name)
    api = tmp_path / "stack" / "api.py"
    api.write_text(api.read_text().replace('"POST /transform"', '"POST /draw"'))
    tree = subprocess.run(
        [sys.executable, "-m", "local.program"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "routeKey: POST /draw" in tree
    assert "routeKey: POST /transform" not in tree


def test_a_payload_format_that_is_not_served_here_is_refused(resources: list[Resource]) -> None:
    changed = [
        replace(each, properties={**each.properties, "payloadFormatVersion": "1.0"})
        if each.type.endswith(":Integration")
        else each
        for each in resources
    ]
    with pytest.raises(program.SettingsError, match=r"payload format 2\.0"):
        program.deployment(changed)
