"""What is looked at after a deployment, however it was made."""

import io
from urllib.parse import urlsplit

import httpx
from PIL import Image

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
