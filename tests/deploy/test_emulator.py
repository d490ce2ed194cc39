"""The story of a deployment, from nothing to nothing, with the declared resources as declared."""

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from local.program import Resource, declared

from .apply import MAKERS, Emulator

NOTHING: dict[str, list[str]] = {}


def calling(url: str) -> httpx.Client:
    """Calls an exported URL, which is the emulator's to resolve, by way of loopback.

    The emulator has the API under a path too, where its own `/health` does not stand in the way.
    """
    parts = urlsplit(url)
    api = (parts.hostname or "").partition(".")[0]
    base = f"http://127.0.0.1:{parts.port}/_aws/execute-api/{api}/$default"
    return httpx.Client(base_url=base, timeout=60)


def test_a_deployment_from_nothing_to_nothing(
    emulator: Emulator, next_image: str, face: bytes
) -> None:
    resources = declared()
    outputs = emulator.up(resources)
    with calling(outputs["endpoint"]) as client:
        _draws(client, face)
        _takes_over(client, emulator, resources, next_image)
    alias = emulator.client("lambda").get_alias(FunctionName=outputs["functionName"], Name="live")
    assert alias["FunctionVersion"] == "2"
    emulator.destroy()
    assert left(emulator) == NOTHING


def _draws(client: httpx.Client, face: bytes) -> None:
    health = client.get("/health")
    assert health.status_code == 200, health.text
    drawn = client.post("/transform", content=face, headers={"content-type": "image/jpeg"})
    assert drawn.status_code == 200, drawn.text
    with Image.open(io.BytesIO(drawn.content)) as art, Image.open(io.BytesIO(face)) as photo:
        assert art.format == "JPEG"
        assert (art.width < art.height) == (photo.width < photo.height)
    missing = client.get("/nothing/here")
    assert missing.status_code == 404
    assert missing.headers["content-type"] == "application/problem+json"


def _takes_over(
    client: httpx.Client, emulator: Emulator, resources: Sequence[Resource], image: str
) -> None:
    old = client.get("/health").json()["version"]
    emulator.image = image
    with _callers(client) as answers:
        emulator.up(resources)
        assert client.get("/health").json()["version"] == "9.9.9"
    assert {status for status, _ in answers} == {200}
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


def left(emulator: Emulator) -> dict[str, list[str]]:
    """What stands in the emulator, by kind."""
    of = emulator.client
    aliased = of("lambda").list_functions()["Functions"]
    found = {
        "APIs": [each["ApiId"] for each in of("apigatewayv2").get_apis()["Items"]],
        "functions": [each["FunctionName"] for each in aliased],
        "mappings": [
            each["UUID"]
            for each in of("lambda").list_event_source_mappings()["EventSourceMappings"]
        ],
        "log groups": [
            each["logGroupName"] for each in of("logs").describe_log_groups()["logGroups"]
        ],
        "roles": [
            each["RoleName"]
            for each in of("iam").list_roles()["Roles"]
            if not each["Path"].startswith("/aws-service-role/")
        ],
        "repositories": [
            each["repositoryName"] for each in of("ecr").describe_repositories()["repositories"]
        ],
        "buckets": [each["Name"] for each in of("s3").list_buckets()["Buckets"]],
        "queues": of("sqs").list_queues().get("QueueUrls", []),
        "parameters": [each["Name"] for each in of("ssm").describe_parameters()["Parameters"]],
        "rules": [each["Name"] for each in of("events").list_rules()["Rules"]],
        "topics": [each["TopicArn"] for each in of("sns").list_topics()["Topics"]],
        "alarms": [
            each["AlarmName"] for each in of("cloudwatch").describe_alarms()["MetricAlarms"]
        ],
        "dashboards": [
            each["DashboardName"] for each in of("cloudwatch").list_dashboards()["DashboardEntries"]
        ],
    }
    return {kind: names for kind, names in found.items() if names}


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
