"""Every kind of event, answered by the image under AWS's emulator."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from image.container import Container, docker, run
from tests.function.test_fuzz import FORMATS, REFUSALS, damaged, posted

EVENTS = Path(__file__).parent.parent / "function/events"


def opened(answer: dict[str, Any]) -> Image.Image:
    assert answer["statusCode"] == 200, answer
    return Image.open(io.BytesIO(base64.b64decode(answer["body"])))


def left_behind(container: Container) -> str:
    return docker("exec", container.id, "ls", "-A", "/tmp")


@pytest.mark.parametrize("form", sorted(path.stem for path in EVENTS.iterdir()))
def test_http_events(container: Container, form: str, face: bytes) -> None:
    event = json.loads((EVENTS / f"{form}.json").read_text())
    event |= posted(face)
    answer = container.invoke(event)
    assert answer["headers"]["content-type"] == "image/jpeg"
    assert opened(answer).size == (512, 512)


def test_direct_invocation(container: Container, face: bytes) -> None:
    art = opened(container.invoke({"body": base64.b64encode(face).decode()}))
    assert art.size == (512, 512)
    levels = np.asarray(art.convert("L")).astype(int)
    assert np.ptp(levels) > 64  # line art, whatever the model, and not a blank sheet


def test_warm_up(container: Container) -> None:
    assert container.invoke({"warmup": True})["warmup"] is True


def test_a_batch_whose_photos_cannot_be_had_is_given_back(image: str) -> None:
    """There is no S3 here: the client's failure makes the queue repeat the message."""
    key = f"uploads/{'0' * 64}"
    notification = {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": key}}}]}
    message = {
        "messageId": "m1",
        "eventSource": "aws:sqs",
        "body": json.dumps(notification),
    }
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "s",
        "JOBS_BUCKET": "b",
    }
    with run(image, environment=nowhere) as container:
        answer = container.invoke({"Records": [message]})
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_read(container: Container, name: str) -> None:
    file = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(file, name)
    assert opened(container.invoke(posted(file.getvalue()))).size == (256, 256)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=damaged())
def test_damaged_images(container: Container, body: bytes) -> None:
    assert container.invoke(posted(body))["statusCode"] in REFUSALS | {200}


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        1,
        {},
        {"body": 1},
        {"body": "?"},
        {"Records": []},
    ],
    ids=repr,
)
def test_events_of_no_kind(container: Container, event: object) -> None:
    assert container.invoke(event)["statusCode"] in REFUSALS


def test_no_request_leaves_a_file_behind(container: Container, face: bytes) -> None:
    container.invoke(posted(face))
    container.invoke(posted(face[:1000]))
    assert left_behind(container) == ""
