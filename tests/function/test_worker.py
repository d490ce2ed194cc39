"""The worker with the messages that S3 and SQS really send, and with those they should not."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from PIL import Image

from artline import limits
from function.app import handler
from local.event_source import event
from tests.inplace import only_the_default
from tests.jobs.stage import Stage, look, post, upload


@pytest.fixture(scope="module")
def photo() -> bytes:
    file = io.BytesIO()
    Image.effect_mandelbrot((96, 80), (-2, -1.5, 1, 1.5), 20).save(file, "PNG")
    return file.getvalue()


def message(body: object, number: int = 0) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {
        "MessageId": f"message-{number}",
        "ReceiptHandle": "handle",
        "Body": text,
        "MD5OfBody": "",
    }


def uploaded(*keys: str) -> dict[str, Any]:
    return {"Records": [{"s3": {"object": {"key": key}}} for key in keys]}


def deliver(stage: Stage, *bodies: object) -> list[int]:
    """Which of the messages failed, by their number."""
    messages = [message(body, number) for number, body in enumerate(bodies)]
    answer = handler(event(messages, stage.source.queue_arn))
    return [
        int(each["itemIdentifier"].removeprefix("message-")) for each in answer["batchItemFailures"]
    ]


def test_the_notification_that_s3_sends(stage: Stage, photo: bytes) -> None:
    body = stage.test_event["Body"]
    assert json.loads(body)["Event"] == "s3:TestEvent"
    assert deliver(stage, body) == []
    job = post(type="image/png")
    upload(job, photo)
    (notification,) = stage.notifications(1)
    assert deliver(stage, notification["Body"]) == []
    assert look(job["id"])["status"] == "done"


def test_one_of_ten_fails(stage: Stage, photo: bytes) -> None:
    made = [post(type="image/png") for _ in range(9)]
    for job in made:
        upload(job, photo)
    bodies: list[object] = [uploaded(f"uploads/{job['id']}") for job in made]
    bodies.insert(4, "poison")
    assert deliver(stage, *bodies) == [4]
    assert {look(job["id"])["status"] for job in made} == {"done"}


def test_keys_come_encoded(stage: Stage, photo: bytes) -> None:
    job = post()
    upload(job, photo)
    assert deliver(stage, uploaded(quote(f"uploads/{job['id']}", safe=""))) == []
    assert look(job["id"])["status"] == "done"


def test_several_uploads_in_one_notification(stage: Stage, photo: bytes) -> None:
    made = [post() for _ in range(3)]
    for job in made:
        upload(job, photo)
    assert deliver(stage, uploaded(*(f"uploads/{job['id']}" for job in made))) == []
    assert {look(job["id"])["status"] for job in made} == {"done"}


@pytest.mark.parametrize(
    "key", ["uploads/", "uploads/a+b%2Fc.jpg", "results/" + "0" * 64 + ".jpg", "uploads/%FF"]
)
def test_objects_that_are_no_job_s_are_left_alone(stage: Stage, key: str) -> None:
    before = stage.keys()
    assert deliver(stage, uploaded(key)) == []
    assert stage.keys() == before


def test_a_photo_deleted_before_its_turn(stage: Stage, photo: bytes) -> None:
    job = post()
    upload(job, photo)
    stage.s3.delete_object(Bucket=stage.bucket, Key=f"uploads/{job['id']}")
    assert deliver(stage, uploaded(f"uploads/{job['id']}")) == []
    assert look(job["id"])["status"] == 404


def test_an_id_that_was_only_issued(stage: Stage) -> None:
    job = post()
    assert deliver(stage, uploaded(f"uploads/{job['id']}")) == []
    assert look(job["id"])["status"] == "waiting"


def test_a_photo_is_drawn_once_however_often_it_is_delivered(stage: Stage, photo: bytes) -> None:
    stage.s3.put_bucket_versioning(
        Bucket=stage.bucket, VersioningConfiguration={"Status": "Enabled"}
    )
    job = post()
    upload(job, photo)
    notification = uploaded(f"uploads/{job['id']}")
    assert deliver(stage, *[notification] * 3) == []
    assert deliver(stage, notification) == []
    upload(job, photo)
    assert deliver(stage, notification) == []
    listed = stage.s3.list_object_versions(Bucket=stage.bucket, Prefix="results/")
    assert len(listed["Versions"]) == 1


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "5", "{}", '{"Records": 5}', '{"Records": [{}]}', '{"Event": "other"}']
)
def test_messages_that_make_no_sense_are_given_back(stage: Stage, body: str) -> None:
    assert deliver(stage, body) == [0]


def test_a_photo_without_its_order_is_a_fault_of_ours(stage: Stage, photo: bytes) -> None:
    key = "uploads/" + "0" * 64
    stage.s3.put_object(Bucket=stage.bucket, Key=key, Body=photo)
    assert deliver(stage, uploaded(key)) == [0]
    assert not stage.keys("results/") + stage.keys("errors/")


DELIVERED = """
import json, sys
from pathlib import Path
from function.app import handler

assert handler(json.load(sys.stdin)) == {"batchItemFailures": []}
print(Path("/proc/self/status").read_text())
"""


@only_the_default
@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc to tell how much memory was used")
@pytest.mark.parametrize(
    ("mode", "colour", "name", "saved"),
    [
        ("I;16", 30_000, "PNG", {"compress_level": 1}),
        ("RGBA", (9, 8, 7, 128), "PNG", {"compress_level": 1}),
        ("RGBA", (9, 8, 7, 128), "WEBP", {"lossless": True, "method": 0, "quality": 0}),
    ],
    ids=["16 bits", "alpha", "WebP"],
)
def test_the_largest_photo_within_a_lambda_s_memory(
    stage: Stage, mode: str, colour: Any, name: str, saved: dict[str, Any]
) -> None:
    file = io.BytesIO()
    Image.new(mode, (7071, 7071), colour).save(file, name, **saved)
    data = file.getvalue().ljust(limits.UPLOAD_BYTES, b"\0")
    job = post(type="image/png", max_side=2048)
    assert upload(job, data).status_code == 204
    delivered = event([message(uploaded(f"uploads/{job['id']}"))], stage.source.queue_arn)
    child = subprocess.run(
        [sys.executable, "-c", DELIVERED],
        input=json.dumps(delivered),
        cwd=Path(__file__).parents[2],
        env=os.environ | stage.environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert look(job["id"])["status"] == "done"
    peak = next(line for line in child.stdout.splitlines() if line.startswith("VmHWM"))
    assert int(peak.split()[1]) < 1024 * 1024  # kB: half of what there is
