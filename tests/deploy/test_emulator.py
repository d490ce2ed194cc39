"""The story of a deployment, from nothing to nothing, with the declared resources as declared."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest

from local.program import Resource, declared

from .apply import MAKERS, Emulator
from .checks import NOTHING, calling, draws, left


def test_a_deployment_from_nothing_to_nothing(
    emulator: Emulator, next_image: str, face: bytes
) -> None:
    resources = declared()
    outputs = emulator.up(resources)
    with calling(outputs["endpoint"]) as client:
        draws(client, face)
        _takes_over(client, emulator, resources, next_image)
    alias = emulator.client("lambda").get_alias(FunctionName=outputs["functionName"], Name="live")
    assert alias["FunctionVersion"] == "2"
    emulator.destroy()
    assert left(emulator) == NOTHING


def _takes_over(
    client: httpx.Client, emulator: Emulator, resources: Sequence[Resource], image: str
) -> None:
    old = client.get("/health").json()["version"]
    emulator.image = image
    with _callers(client) as answers:
        emulator.up(resources)
        assert client.get("/health").json()["version"] == "9.9.9"
    assert [answer for answer in answers if answer[0] != 200] == []
    assert {version for _, version in answers} == {old, "9.9.9"}


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
        {"auth": "token", "apiToken": "hunter2", "alarmEmail": "owner@example.com"},
        {"warm": "ping", "warmCopies": "2", "reservedConcurrency": "5"},
        {"warm": "provisioned", "auth": "iam"},
        {"jobs": "false", "corsOrigins": "[]"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_every_setting_can_be_made_and_removed(
    emulator: Emulator, settings: dict[str, str]
) -> None:
    resources = declared(settings)
    emulator.up(resources)
    kinds = {each.type for each in resources if each.type in MAKERS}
    assert {resource.type for resource, *_ in emulator.standing.values()} == kinds
    assert left(emulator) != NOTHING
    emulator.destroy()
    assert left(emulator) == NOTHING
