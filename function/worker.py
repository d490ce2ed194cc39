"""The worker function: S3 notifications in, line art into the bucket.

For a photo that cannot be drawn, the error is stored and the job has failed. A fault of ours is
raised: the queue delivers the message again, and after its last attempt moves it to the dead-letter
queue. A message may be delivered twice, even to two workers at once: both leave the same objects.
"""

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from aws_lambda_powertools.metrics import MetricUnit

from artline.drawing.transform import Timings, transform
from artline.errors import OptionError, PhotoError

from . import jobs, model, store
from .events import Event
from .problem import ProblemError
from .telemetry import flush, logger, metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


def work(event: Event) -> dict[str, Any]:
    """Draws the photos that an SQS batch names; the answer lists the messages that failed."""
    from aws_lambda_powertools.utilities.batch import (  # requests need none of it
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    # Where the whole batch fails, the answer lists it all: an exception would say nothing more.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    metrics.add_metric("JobMessages", MetricUnit.Count, len(event["Records"]))
    try:
        return dict(process_partial_response(dict(event), _receive, processor))
    finally:
        flush()


def _receive(record: "SQSRecord") -> None:
    try:
        for job in _uploaded(record.body):
            _draw(job)
    except Exception:
        logger.exception("fault", message_id=record.message_id)
        raise


def _uploaded(message: str) -> list[str]:
    """The jobs whose photos were uploaded, from an S3 notification."""
    notification = json.loads(message)
    if notification.get("Event") == "s3:TestEvent":  # S3 sends it when the queue is connected
        return []
    keys = [unquote_plus(record["s3"]["object"]["key"]) for record in notification["Records"]]
    return [job for job in (key.removeprefix("uploads/") for key in keys) if jobs.ID.fullmatch(job)]


def _draw(job: str) -> None:
    if store.head(store.result(job)) or store.head(store.error(job)):
        return  # a second delivery
    key = store.upload(job)
    upload = store.get(key)
    if upload is None or not upload["ContentLength"]:
        logger.warning("there is no photo to draw", job=job)  # deleted, expired, or not there yet
        return
    photo, order = upload["Body"].read(), upload["Metadata"]
    if order.get("sha256") not in (None, hashlib.sha256(photo).hexdigest()):
        logger.warning("the photo does not match its SHA-256", job=job)
        store.clear(key, upload)  # the job waits for the right one
        return
    timings = Timings()
    try:
        options = jobs.options(order)
        art = transform(photo, model.load(), options, timings)
    except (OptionError, PhotoError) as error:
        problem = ProblemError.of(error)
        document = json.dumps(problem.document()).encode()
        _finish(job, store.error(job), document, "application/problem+json")
        _record("JobFailed", job, upload, status=int(problem.status))
    else:
        _finish(job, store.result(job), art, options.media_type)
        _record("JobDone", job, upload, timing=timings.steps)


def _finish(job: str, key: str, body: bytes, content_type: str) -> None:
    """Stores a job's end, unless the job was deleted while it was drawn."""
    store.put(key, body, content_type)
    if store.head(store.upload(job)) is None:
        store.delete(key)


def _record(end: str, job: str, upload: store.Stored, **details: Any) -> None:
    age = store.age(upload).total_seconds()
    metrics.add_metric(end, MetricUnit.Count, 1)
    metrics.add_metric("JobAge", MetricUnit.Seconds, age)
    logger.info(end, job=job, age=age, bytes_in=upload["ContentLength"], **details)
