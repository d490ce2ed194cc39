"""What Lambda does between a queue and a function: receive, invoke, delete what was done.

Source: AWS, "Using Lambda with Amazon SQS".
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from .cloud import Cloud
from .environments import CrashedError, Environments, ExpiredError, ThrottledError
from .program import Resource

WAIT_SECONDS = 20
"""How long an empty queue is listened to: the longest that SQS allows."""

PAUSE_SECONDS = 1.0
"""Before a queue is asked again that did not answer, or is not made yet."""

Message = Mapping[str, Any]


@dataclass(frozen=True)
class EventSource:
    """An event source mapping as the program declares it, with the function that it calls."""

    queue_url: str
    queue_arn: str
    batch_size: int
    concurrency: int
    memory: int
    """MB, of the function."""
    timeout: float
    """Seconds, of the function."""
    environment: dict[str, str]
    """The function's variables."""

    @classmethod
    def read(cls, resources: Sequence[Resource]) -> EventSource | None:
        """The one in `resources`, None where jobs are off."""
        mappings = _find(resources, "aws:lambda/eventSourceMapping:EventSourceMapping")
        if not mappings:
            return None
        properties = mappings[0].properties
        arn = properties["eventSourceArn"]
        (queue,) = _find(resources, "aws:sqs/queue:Queue", arn=arn)
        (alias,) = _find(resources, "aws:lambda/alias:Alias", arn=properties["functionName"])
        name = alias.properties["functionName"]
        (function,) = _find(resources, "aws:lambda/function:Function", name=name)
        return cls(
            queue_url=queue.outputs["url"],
            queue_arn=arn,
            batch_size=properties["batchSize"],
            concurrency=properties["scalingConfig"]["maximumConcurrency"],
            memory=function.properties["memorySize"],
            timeout=function.properties["timeout"],
            environment=dict(function.properties["environment"]["variables"]),
        )


class Poller:
    """Hands the queue's messages to `function`, several batches at once, until it is left.

    What the function reports as failed, and all that it had when it crashed or ran out of time, is
    left in the queue, which delivers it again after its visibility timeout.
    """

    def __init__(self, cloud: Cloud, source: EventSource, function: Environments) -> None:
        self._cloud = cloud
        self._source = source
        self._function = function
        self._stopped = threading.Event()
        self._threads = [
            threading.Thread(target=self._poll, daemon=True) for _ in range(source.concurrency)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()  # each thread ends with the batch, or the wait, that it is in

    def _poll(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

        sqs = self._cloud.client("sqs")
        while not self._stopped.is_set():
            try:
                self._take(sqs)
            except (BotoCoreError, ClientError):
                self._stopped.wait(PAUSE_SECONDS)

    def _take(self, sqs: Any) -> None:
        """One batch, from the queue through the function to its end."""
        messages = sqs.receive_message(
            QueueUrl=self._source.queue_url,
            MaxNumberOfMessages=self._source.batch_size,
            WaitTimeSeconds=WAIT_SECONDS,
            AttributeNames=["All"],
        ).get("Messages", [])
        if not messages or self._stopped.is_set():
            return
        try:
            answer = self._function.invoke(event(messages, self._source.queue_arn))
        except (CrashedError, ThrottledError, ExpiredError):
            return
        done = succeeded(messages, answer)
        if done:
            sqs.delete_message_batch(
                QueueUrl=self._source.queue_url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(done)
                ],
            )


def event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """The event that a function gets for `messages`, as SQS gave them."""
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message.get("Attributes", {}),
                "messageAttributes": {},
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": queue_arn.split(":")[3],
            }
            for message in messages
        ]
    }


def succeeded(messages: Sequence[Message], answer: Mapping[str, Any]) -> list[Message]:
    """The messages that a partial batch response leaves to be deleted."""
    failed = {failure.get("itemIdentifier") for failure in answer.get("batchItemFailures") or ()}
    if not failed <= {message["MessageId"] for message in messages}:
        return []  # Lambda takes an answer that makes no sense for one that all failed
    return [message for message in messages if message["MessageId"] not in failed]


def _find(resources: Sequence[Resource], type_: str, **outputs: str) -> list[Resource]:
    return [
        each for each in resources if each.type == type_ and outputs.items() <= each.outputs.items()
    ]
