"""What is looked at after a deployment, however it was made."""

import io
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from artline import Client

from .apply import Emulator

NOTHING: dict[str, list[str]] = {}


def calling(url: str) -> httpx.Client:
    """Calls an exported URL, which is the emulator's to resolve, by way of loopback.

    The emulator has the API under a path too, where its own `/health` does not stand in the way.
    """
    parts = urlsplit(url)
    api = (parts.hostname or "").partition(".")[0]
    base = f"http://127.0.0.1:{parts.port}/_aws/execute-api/{api}/$default"
    return httpx.Client(base_url=base, timeout=60)


def draws(client: httpx.Client, face: bytes) -> None:
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


def draws_by_way_of_the_queue(client: httpx.Client, face: bytes) -> None:
    """A photo of 20 megapixels, as large as the model draws."""
    file = io.BytesIO()
    with Image.open(io.BytesIO(face)) as photo:
        photo.resize((5477, 3652)).save(file, "JPEG")
    with Client(str(client.base_url)) as artline:
        art = artline.draw(file.getvalue(), via="jobs", full_size=True)
        side = artline.limits.max_side
    with Image.open(io.BytesIO(art.data)) as drawn:
        assert drawn.size == (side, round(side * 3652 / 5477))


def asks_for_a_token(client: httpx.Client, face: bytes, *tokens: str) -> None:
    """Takes any of `tokens`, and none but these."""

    def call(headers: dict[str, str]) -> int:
        return client.post("/transform", content=face, headers=headers).status_code

    assert call({}) == 401
    assert call({"authorization": "Bearer other"}) == 401
    assert {call({"authorization": f"Bearer {token}"}) for token in tokens} == {200}
    assert client.post("/jobs", json={}).status_code == 401
    assert client.get("/health").status_code == 200


def asks_for_a_signature(client: httpx.Client, face: bytes, keys: Mapping[str, str]) -> None:
    """Takes a call that is signed, and is open to others for what costs nothing."""
    for path in ("/transform", "//transform", "/transform/", "/jobs", "/jobs/1", "/nothing"):
        assert client.post(path, content=face).status_code == 403
    with pytest.MonkeyPatch.context() as environment:
        for name, value in keys.items():
            environment.setenv(name, value)
        with Client(str(client.base_url), sign=True) as artline:
            assert artline.transform(face).data.startswith(b"\xff\xd8")
    assert client.get("/health").status_code == 200
    preflight = client.options(
        "/transform",
        headers={
            "origin": "https://example.com",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,x-amz-date",
        },
    )
    assert preflight.status_code in (200, 204)
    assert "x-amz-date" in preflight.headers["access-control-allow-headers"]


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
