"""What the function writes to standard output, which CloudWatch keeps."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from function import model
from function.store import age
from local.event_source import event as batch
from tests.function.test_app import event, get
from tests.jobs.stage import Stage, post, upload

ROOT = Path(__file__).parents[2]

HANDLED = """
import json, sys
from types import SimpleNamespace
from function import auth
from function.app import handler

auth._tokens = lambda _: [b"hunter2"]
for each in json.load(sys.stdin):
    handler(each, SimpleNamespace(aws_request_id="request-1"))
"""


def written(
    *events: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> tuple[str, list[dict[str, Any]]]:
    """What `events` make a new process of the function write: the text, and each line as JSON."""
    text = subprocess.run(
        [sys.executable, "-c", HANDLED],
        input=json.dumps(events),
        env=os.environ | dict(environment or {}),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    return text, [json.loads(line) for line in text.splitlines()]


def sums(documents: list[dict[str, Any]]) -> dict[str, float]:
    """The embedded metrics, added up."""
    found: dict[str, float] = {}
    for document in documents:
        for directive in document.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "ArtLine"
            for metric in directive["Metrics"]:
                name = metric["Name"]
                found[name] = found.get(name, 0) + sum(document[name])
    return found


def test_a_request_is_one_line_that_holds_nothing_of_the_photo(face: bytes) -> None:
    photo = event("http_api", face, headers={"authorization": "Bearer hunter2"})
    text, documents = written(photo, environment={"API_TOKEN_PARAMETER": "/token"})
    (line,) = (each for each in documents if each.get("message") == "answered")
    network = model.load()
    assert line["request_id"] == "request-1"
    assert (line["method"], line["path"], line["status"]) == ("POST", "/transform", 200)
    assert line["model"] == f"{network.name}/{network.version}"
    assert line["bytes_in"] == len(face)
    assert line["bytes_out"] > 1000
    assert {"decode;dur", "inference;dur", "encode;dur", "start;desc"} == {
        each.partition("=")[0] for each in line["timing"].split(", ")
    }
    assert "hunter2" not in text
    assert base64.b64encode(face).decode()[:40] not in text
    assert max(len(each) for each in text.splitlines()) < 1500


def test_what_is_counted(face: bytes) -> None:
    no_photo = event("http_api", b"%PDF \xe2\xe3")
    _, documents = written(event("http_api", face), no_photo, get("/none"))
    found = sums(documents)
    assert (found["Answered"], found["Refused415"], found["Refused404"]) == (1, 1, 1)
    assert found["ColdStart"] == 1
    assert all(found[f"{step}Time"] > 0 for step in ("Decode", "Inference", "Encode"))


@pytest.mark.parametrize("good", [True, False])
def test_a_job_s_age_is_from_its_upload(stage: Stage, face: bytes, good: bool) -> None:
    job = post()
    upload(job, face if good else b"no photo")
    messages = stage.notifications(1)
    environment = {**stage.environment, "AWS_REGION": "us-east-1"}
    _, documents = written(batch(messages, stage.source.queue_arn), environment=environment)
    found = sums(documents)
    assert found["JobDone" if good else "JobFailed"] == 1
    key = f"uploads/{job['id']}"
    now = age(stage.s3.head_object(Bucket=stage.bucket, Key=key)).total_seconds()
    assert 0 <= found["JobAge"] <= now
