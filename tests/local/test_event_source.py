"""Between queue and function as Lambda is: batches in, only the done deleted."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from local.environments import CrashedError, Environments, ExpiredError, ThrottledError
from local.event_source import EventSource, Poller, event, succeeded
from local.program import Resource, declared
from tests.jobs.stage import Stage

MESSAGES = [
    {"MessageId": name, "ReceiptHandle": name, "Body": "", "MD5OfBody": ""} for name in "abc"
]


class Scripted(Environments):
    """A function without environments: it answers, or raises, what it is told."""

    def __init__(self, answer: Callable[[list[dict[str, Any]]], dict[str, Any]]) -> None:
        super().__init__({}, memory=128, timeout=1, concurrency=2)
        self.answer = answer
        self.batches: list[list[dict[str, Any]]] = []

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        self.batches.append(event["Records"])
        return self.answer(event["Records"])


def eventually(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def send(stage: Stage, *bodies: str) -> None:
    for body in bodies:
        stage.sqs.send_message(QueueUrl=stage.source.queue_url, MessageBody=body)


def test_the_event_is_lambda_s(stage: Stage) -> None:
    send(stage, "{}")
    messages = stage.receive()
    (record,) = event(messages, stage.source.queue_arn)["Records"]
    assert record.keys() == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody",
        "eventSource", "eventSourceARN", "awsRegion",
    }  # fmt: skip
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert (record["eventSource"], record["awsRegion"]) == ("aws:sqs", "us-east-1")


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({}, "abc"),
        ({"batchItemFailures": None}, "abc"),
        ({"batchItemFailures": []}, "abc"),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, "ac"),
        ({"batchItemFailures": [{"itemIdentifier": name} for name in "abc"]}, ""),
        ({"batchItemFailures": [{"itemIdentifier": "of no message"}]}, ""),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, ""),
        ({"batchItemFailures": [{}]}, ""),
    ],
)
def test_which_messages_an_answer_leaves_to_be_deleted(answer: dict[str, Any], left: str) -> None:
    assert [each["MessageId"] for each in succeeded(MESSAGES, answer)] == list(left)


def test_what_failed_comes_again_and_nothing_else(stage: Stage) -> None:
    send(stage, *"abc")

    def fail_b_once(records: list[dict[str, Any]]) -> dict[str, Any]:
        failed = [
            {"itemIdentifier": each["messageId"]}
            for each in records
            if each["body"] == "b" and each["attributes"]["ApproximateReceiveCount"] == "1"
        ]
        return {"batchItemFailures": failed}

    function = Scripted(fail_b_once)
    with Poller(stage.cloud, stage.source, function):
        eventually(lambda: sum(map(len, function.batches)) == 4)
        time.sleep(2)  # twice the visibility timeout: what was not deleted would come again
    bodies = [record["body"] for batch in function.batches for record in batch]
    assert sorted(bodies) == ["a", "b", "b", "c"]


@pytest.mark.parametrize("failure", [CrashedError, ThrottledError, ExpiredError])
def test_a_function_that_gives_no_answer_leaves_all_in_the_queue(
    stage: Stage, failure: type[Exception]
) -> None:
    send(stage, "a")

    def fail_once(records: list[dict[str, Any]]) -> dict[str, Any]:
        if records[0]["attributes"]["ApproximateReceiveCount"] == "1":
            raise failure
        return {}

    function = Scripted(fail_once)
    with Poller(stage.cloud, stage.source, function):
        eventually(lambda: len(function.batches) == 2)


def test_a_queue_that_is_not_made_yet_is_waited_for(stage: Stage) -> None:
    url = f"{stage.source.queue_url}-later"
    source = EventSource(**{**stage.source.__dict__, "queue_url": url})
    function = Scripted(lambda _: {})
    with Poller(stage.cloud, source, function):
        time.sleep(0.5)
        stage.sqs.create_queue(QueueName=url.rpartition("/")[2])
        stage.sqs.send_message(QueueUrl=url, MessageBody="a")
        eventually(lambda: len(function.batches) == 1)


def test_batches_are_as_large_and_as_many_as_declared(stage: Stage) -> None:
    send(stage, *map(str, range(30)))
    together = threading.Barrier(stage.source.concurrency, timeout=60)

    def meet(_: list[dict[str, Any]]) -> dict[str, Any]:
        together.wait()
        return {}

    function = Scripted(meet)
    source = EventSource(**{**stage.source.__dict__, "batch_size": 3})
    with Poller(stage.cloud, source, function):
        eventually(lambda: sum(map(len, function.batches)) == 30)
    assert max(map(len, function.batches)) == 3


def test_what_the_program_declares(resources: list[Resource]) -> None:
    source = EventSource.read(resources)
    assert source is not None
    assert source.environment["JOBS_BUCKET"]
    assert source.queue_arn.endswith(source.queue_url.rpartition("/")[2])
    assert EventSource.read(declared({"jobs": "false"})) is None
