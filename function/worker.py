"""The queue's worker: S3 notifications in, line art into the bucket.

A photo that cannot be drawn has its error stored, and that is the job's end. A fault of ours is
raised: the queue delivers that message again, and at last to its dead letters. Every step may be
repeated, by a second delivery or at the same time by two, and leaves the same objects.
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
from .telemetry import logger, metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord


def work(event: Event) -> dict[str, Any]:
    """Draws the photos that an SQS batch names, and answers which messages to deliver again."""
    from aws_lambda_powertools.utilities.batch import (  # requests need none of it
        BatchProcessor,
        EventType,
        process_partial_response,
    )

    # A batch of which all fails is answered like any other: what failed is in the log.
    processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
    metrics.add_metric("JobMessages", MetricUnit.Count, len(event["Records"]))
    try:
        return dict(process_partial_response(dict(event), _receive, processor))
    finally:
        metrics.flush_metrics()


def _receive(record: "SQSRecord") -> None:
    try:
        for job in _uploaded(record.body):
            _draw(job)
    except Exception:
        logger.exception("fault", message_id=record.message_id)
        raise


def _uploaded(message: str) -> list[str]:
    """The jobs whose photos an S3 notification says have come."""
    notification = json.loads(message)
    if notification.get("Event") == "s3:TestEvent":  # S3 tries the queue when it is connected
        return []
    keys = [unquote_plus(record["s3"]["object"]["key"]) for record in notification["Records"]]
    return [job for job in (key.removeprefix("uploads/") for key in keys) if jobs.ID.fullmatch(job)]


def _draw(job: str) -> None:
    if store.head(store.result(job)) or store.head(store.error(job)):
        return  # delivered twice
    key = store.upload(job)
    upload = store.get(key)
    if upload is None or not upload["ContentLength"]:
        return  # deleted before its turn, or no photo yet
    photo, order = upload["Body"].read(), upload["Metadata"]
    if order.get("sha256") not in (None, hashlib.sha256(photo).hexdigest()):
        logger.warning("not the photo that was announced", job=job)
        store.clear(key, upload)  # the job goes on waiting for the one that was
        return
    timings = Timings()
    try:
        options = jobs.options(order)
        art = transform(photo, model.load(), options, timings)
    except (OptionError, PhotoError) as error:
        problem = ProblemError.of(error)
        document = json.dumps(problem.document()).encode()
        store.put(store.error(job), document, "application/problem+json")
        _record("JobFailed", job, upload, status=int(problem.status))
    else:
        store.put(store.result(job), art, options.media_type)
        _record("JobDone", job, upload, timing=timings.steps)


def _record(end: str, job: str, upload: store.Stored, **details: Any) -> None:
    age = store.age(upload).total_seconds()
    metrics.add_metric(end, MetricUnit.Count, 1)
    metrics.add_metric("JobAge", MetricUnit.Seconds, age)
    logger.info(end, job=job, age=age, bytes_in=upload["ContentLength"], **details)
