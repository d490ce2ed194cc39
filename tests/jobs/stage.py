"""The declared jobs path on MiniStack, under names of its own, and what a client does with it."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import httpx

from function.app import handler
from local.cloud import Cloud
from local.event_source import EventSource, event, succeeded
from local.program import Resource

WAIT = 20
"""Seconds that a message on its way from S3 to the queue is waited for, the most that SQS takes."""


class Stage:
    """A bucket, its queue and the dead letters'.

    They are as declared, but for a visibility timeout that a test can wait for, and the number of
    deliveries that it wants. S3's test event is taken from the queue, so that what comes next is
    the message of an upload.
    """

    def __init__(
        self,
        cloud: Cloud,
        resources: Sequence[Resource],
        *,
        visibility: int = 1,
        attempts: int = 3,
        batch_size: int = 10,
        concurrency: int = 2,
    ) -> None:
        self.cloud = cloud
        self.s3, self.sqs = cloud.client("s3"), cloud.client("sqs")
        text = json.dumps([asdict(each) for each in resources])
        declared = json.loads(text.replace("-local", f"-{secrets.token_hex(4)}"))
        for each in declared:
            _adapt(each["properties"], visibility, attempts, batch_size, concurrency)
        self.resources = [Resource(**each) for each in declared]
        cloud.make(self.resources)
        source = EventSource.read(self.resources)
        assert source is not None
        self.source = source
        self.bucket = source.environment["JOBS_BUCKET"]
        self.environment = source.environment | cloud.environment
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=source.queue_url, AttributeNames=["RedrivePolicy"]
        )["Attributes"]
        dead = json.loads(attributes["RedrivePolicy"])["deadLetterTargetArn"]
        (self.test_event,) = self.notifications(1)
        assert "TestEvent" in self.test_event["Body"]
        self.dead_url = self.sqs.get_queue_url(QueueName=dead.rpartition(":")[2])["QueueUrl"]

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def read(self, key: str) -> bytes:
        data: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return data

    def receive(self, url: str | None = None, wait: int = WAIT) -> list[dict[str, Any]]:
        """Up to ten messages of the queue, or of the one at `url`."""
        answer = self.sqs.receive_message(
            QueueUrl=url or self.source.queue_url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=wait,
            AttributeNames=["All"],
        )
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        return messages

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """Takes `count` messages of S3 from the queue."""
        found: list[dict[str, Any]] = []
        while len(found) < count:
            messages = self.receive()
            assert messages, f"{len(found)} of {count} notifications came"
            self.delete(messages)
            found += messages
        return found

    def delete(self, messages: Sequence[dict[str, Any]]) -> None:
        for each in messages:
            self.sqs.delete_message(
                QueueUrl=self.source.queue_url, ReceiptHandle=each["ReceiptHandle"]
            )

    def work(self) -> dict[str, Any]:
        """One batch through the handler, as the event source mapping would; its answer."""
        messages = self.receive()
        answer = handler(event(messages, self.source.queue_arn))
        self.delete(list(succeeded(messages, answer)))  # type: ignore[arg-type]
        return answer


def _adapt(
    properties: dict[str, Any], visibility: int, attempts: int, batch_size: int, concurrency: int
) -> None:
    if "redrivePolicy" in properties:
        redrive = json.loads(properties["redrivePolicy"]) | {"maxReceiveCount": attempts}
        properties["redrivePolicy"] = json.dumps(redrive)
        properties["visibilityTimeoutSeconds"] = visibility
    if "eventSourceArn" in properties:
        properties["batchSize"] = batch_size
        properties["scalingConfig"] = {"maximumConcurrency": concurrency}


def request(method: str, path: str, body: object = None, **headers: str) -> dict[str, Any]:
    """A payload 2.0 event."""
    return {
        "version": "2.0",
        "rawPath": path,
        "headers": headers,
        "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
        "body": body if isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def post(**order: object) -> dict[str, Any]:
    """The job that `POST /jobs` answers `order` with."""
    answer = handler(request("POST", "/jobs", order))
    assert answer["statusCode"] == 201, answer["body"]
    job: dict[str, Any] = json.loads(answer["body"])
    return job


def look(id_: str) -> dict[str, Any]:
    """The job as `GET /jobs/{id}` tells it, or the problem."""
    answer = handler(request("GET", f"/jobs/{id_}"))
    job: dict[str, Any] = json.loads(answer["body"])
    return job


def upload(job: dict[str, Any], photo: bytes, **changes: str) -> httpx.Response:
    """Sends the form of `job`, with some of its fields changed."""
    return httpx.post(
        job["upload"]["url"],
        data=job["upload"]["fields"] | changes,
        files={"file": ("photo.jpg", photo)},
        timeout=30,
    )
