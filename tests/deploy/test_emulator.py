"""The story of a deployment, from nothing to nothing, with the declared resources as declared."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from artline.version import __version__
from local.program import Resource, declared

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


def test_a_deployment_from_nothing_to_nothing(
    emulator: Emulator, image: str, next_image: str, broken_image: str, face: bytes
) -> None:
    resources = declared()
    outputs = emulator.up(resources)
    with calling(outputs["endpoint"]) as client:
        draws(client, face)
        _takes_over(client, emulator, resources, next_image)
        _stays(client, emulator, resources, broken_image)
        _goes_back_at_once(client, emulator, outputs["functionName"])
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


def _goes_back_at_once(client: httpx.Client, emulator: Emulator, function: str) -> None:
    """The alias does, in one call."""
    lambda_ = emulator.client("lambda")
    with _callers(client) as answers:
        lambda_.update_alias(FunctionName=function, Name="live", FunctionVersion="1")
        assert client.get("/health").json()["version"] == __version__
    assert set(answers) <= {(200, "9.9.9"), (200, __version__)}


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
            asks_for_a_signature(client, face, emulator.keys | {"AWS_REGION": emulator.region})
        else:
            draws(client, face)
    emulator.destroy()
    assert left(emulator) == NOTHING
