"""The story of a deployment, from nothing to nothing, with the declared resources as declared."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from artline.version import __version__
from local.program import Resource, declared
from stack import release

from .apply import MAKERS, DeploymentFailedError, Emulator
from .checks import (
    NOTHING,
    asks_for_a_signature,
    asks_for_a_token,
    calling,
    draws,
    draws_by_way_of_the_queue,
    left,
)
from .conftest import bridge

ROOT = Path(__file__).parents[2]


def test_a_deployment_from_nothing_to_nothing(
    emulator: Emulator, image: str, next_image: str, broken_image: str, face: bytes, tmp_path: Path
) -> None:
    resources = declared()
    outputs = emulator.up(resources)
    with calling(outputs["endpoint"]) as client:
        draws(client, face)
        _takes_over(client, emulator, resources, next_image)
        _stays(client, emulator, resources, broken_image)
        _goes_back_at_once(client, emulator, outputs, tmp_path)
        _goes_back_for_good(client, emulator, image)
    emulator.destroy()
    assert left(emulator) == NOTHING


def _takes_over(
    client: httpx.Client, emulator: Emulator, resources: Sequence[Resource], image: str
) -> None:
    """A new version does, with no caller refused."""
    emulator.image = image
    with _callers(client) as answers:
        emulator.up(resources)
        assert client.get("/health").json()["version"] == "9.9.9"
    assert [answer for answer in answers if answer[0] != 200] == []
    assert __version__ in {version for _, version in answers} <= {__version__, "9.9.9"}


def _stays(
    client: httpx.Client, emulator: Emulator, resources: Sequence[Resource], image: str
) -> None:
    """The version that serves does, where the new one cannot draw: twice, as who tries again."""
    emulator.image = image
    with _callers(client) as answers:
        for _ in range(2):
            with pytest.raises(DeploymentFailedError, match=r"model\.onnx cannot be served"):
                emulator.up(resources)
    assert set(answers) == {(200, "9.9.9")}


def _goes_back_at_once(
    client: httpx.Client, emulator: Emulator, outputs: dict[str, Any], folder: Path
) -> None:
    """Both functions do, in one command, past the versions that failed their updates."""
    lambda_ = emulator.client("lambda")
    with _callers(client) as answers:
        said = roll_back(emulator, outputs, folder)
        assert client.get("/health").json()["version"] == __version__
    assert set(answers) <= {(200, "9.9.9"), (200, __version__)}
    for name in ("functionName", "workerName"):
        assert f"{outputs[name]}: live moved from version 2 to 1" in said
        alias = lambda_.get_alias(FunctionName=outputs[name], Name="live")
        assert alias["FunctionVersion"] == "1"


def roll_back(emulator: Emulator, outputs: dict[str, Any], folder: Path) -> str:
    """What the command prints, with a `pulumi` that knows these outputs."""
    program = folder / "bin" / "pulumi"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\ncat <<END\n{json.dumps(outputs)}\nEND\n")
    program.chmod(0o755)
    return subprocess.run(
        [sys.executable, "-m", "operate", "rollback"],
        cwd=ROOT,
        env={
            **os.environ,
            **emulator.keys,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": emulator.endpoint,
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout


def _goes_back_for_good(client: httpx.Client, emulator: Emulator, image: str) -> None:
    """The stack does, to an image that it had before."""
    emulator.up(declared({"imageUri": image}))
    assert client.get("/health").json()["version"] == __version__


def test_a_photo_of_20_megapixels_goes_through_bucket_queue_and_alias(
    emulator: Emulator, face: bytes
) -> None:
    if not bridge():
        pytest.skip("functions find the emulator by a name, which S3 puts the bucket's before")
    outputs = emulator.up(declared())
    with calling(outputs["endpoint"]) as client:
        draws_by_way_of_the_queue(client, face)
    emulator.destroy()
    assert left(emulator) == NOTHING


def test_a_change_of_settings_reaches_who_calls(emulator: Emulator, face: bytes) -> None:
    outputs = emulator.up(declared())
    with calling(outputs["endpoint"]) as client:
        draws(client, face)
        assert client.get("/health").json()["auth"] == "none"
        emulator.up(declared({"auth": "token", "apiToken": "secret"}))
        asks_for_a_token(client, face, "secret")
        assert client.get("/health").json()["auth"] == "token"


def test_a_snapshot_is_waited_for_and_then_called(emulator: Emulator, face: bytes) -> None:
    outputs = emulator.up(declared({"warm": "snapstart", "jobs": "false"}))
    alias = emulator.client("lambda").get_function_configuration(
        FunctionName=outputs["functionName"], Qualifier="live"
    )
    assert alias["State"] == "Active"
    assert alias["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
    with calling(outputs["endpoint"]) as client:
        draws(client, face)


def test_old_versions_are_deleted_and_the_live_one_stays(emulator: Emulator) -> None:
    name = emulator.up(declared({"jobs": "false"}))["functionName"]
    lambda_ = emulator.client("lambda")
    for memory in range(1024, 1036):
        lambda_.update_function_configuration(FunctionName=name, MemorySize=memory)
        lambda_.publish_version(FunctionName=name)
    release.prune(lambda_, name)
    versions = lambda_.list_versions_by_function(FunctionName=name)["Versions"]
    assert [each["Version"] for each in versions] == ["$LATEST", "1", *map(str, range(4, 14))]


@contextmanager
def _callers(client: httpx.Client) -> Iterator[list[tuple[int, str]]]:
    """Calls without a pause, for as long as the context lasts."""
    answers: list[tuple[int, str]] = []
    done = threading.Event()

    def call() -> None:
        while not done.is_set():
            answer = client.get("/health")
            answers.append((answer.status_code, answer.json().get("version", answer.text)))

    caller = threading.Thread(target=call)
    caller.start()
    try:
        yield answers
    finally:
        done.set()
        caller.join()


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": "token", "apiToken": "old new", "alarmEmail": "owner@example.com"},
        {"warm": "ping", "warmCopies": "2", "reservedConcurrency": "5"},
        {"warm": "provisioned", "auth": "iam"},
        {"jobs": "false", "corsOrigins": "[]"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_can_be_made_called_and_removed(
    emulator: Emulator, settings: dict[str, str], face: bytes
) -> None:
    resources = declared(settings)
    outputs = emulator.up(resources)
    kinds = {each.type for each in resources if each.type in MAKERS}
    assert {resource.type for resource, *_ in emulator.standing.values()} == kinds
    assert left(emulator) != NOTHING
    with calling(outputs["endpoint"]) as client:
        if settings.get("auth") == "token":
            asks_for_a_token(client, face, *settings["apiToken"].split())
        elif settings.get("auth") == "iam":
            keys = {**emulator.keys, "AWS_REGION": emulator.region}
            asks_for_a_signature(client, face, keys)
        else:
            draws(client, face)
    emulator.destroy()
    assert left(emulator) == NOTHING
