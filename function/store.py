"""The jobs' bucket: which objects make up a job, and how they are read, written and linked to.

* `uploads/<id>`: empty from when the id is issued until the photo takes its place
* `results/<id>.jpg`: the line art, in the format that was asked for
* `errors/<id>.json`: what is wrong with the photo, as problem details
"""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Any

Stored = Mapping[str, Any]
"""An object as S3 answers: `ContentLength`, `LastModified`, `ETag`, `Metadata`, maybe `Body`."""

OVERTAKEN = {HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT}


def upload(job: str) -> str:
    return f"uploads/{job}"


def result(job: str) -> str:
    return f"results/{job}.jpg"


def error(job: str) -> str:
    return f"errors/{job}.json"


def enabled() -> bool:
    """Whether this stack has jobs."""
    return "JOBS_BUCKET" in os.environ


def head(key: str) -> Stored | None:
    """What is known of an object, None where there is none."""
    return _call("head_object", key, unless={HTTPStatus.NOT_FOUND})


def get(key: str) -> Stored | None:
    """An object with its `Body` to read, None where there is none."""
    return _call("get_object", key, unless={HTTPStatus.NOT_FOUND})


def put(key: str, body: bytes, content_type: str) -> None:
    # A browser would run what an SVG image holds: it is saved, not opened.
    kept = {"ContentDisposition": "attachment"} if content_type == "image/svg+xml" else {}
    _client().put_object(Bucket=_bucket(), Key=key, Body=body, ContentType=content_type, **kept)


def clear(key: str, seen: Stored | None) -> None:
    """Puts an empty object there, unless another was written since `seen` was read."""
    condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen["ETag"]}
    _call("put_object", key, unless=OVERTAKEN, **condition)


def delete(key: str) -> None:
    """Leaves no object, whether there was one or not."""
    _client().delete_object(Bucket=_bucket(), Key=key)


def link(key: str, life: timedelta) -> str:
    """A URL that gives the object to anyone who has it, for as long as `life`."""
    url: str = _client().generate_presigned_url(
        "get_object",
        Params={"Bucket": _bucket(), "Key": key},
        ExpiresIn=int(life.total_seconds()),
    )
    return url


def form(
    key: str, life: timedelta, fields: Mapping[str, str], conditions: Sequence[Any]
) -> dict[str, Any]:
    """A presigned POST to `key`: its `url`, and the `fields` to send ahead of the file."""
    presigned: dict[str, Any] = _client().generate_presigned_post(
        _bucket(),
        key,
        Fields=dict(fields),
        Conditions=list(conditions),
        ExpiresIn=int(life.total_seconds()),
    )
    return presigned


def age(stored: Stored) -> timedelta:
    since: timedelta = datetime.now(UTC) - stored["LastModified"]
    return since


def _call(operation: str, key: str, *, unless: set[HTTPStatus], **arguments: str) -> Stored | None:
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    try:
        answer: Stored = getattr(_client(), operation)(Bucket=_bucket(), Key=key, **arguments)
    except ClientError as refusal:
        if refusal.response["ResponseMetadata"]["HTTPStatusCode"] in unless:
            return None
        raise
    return answer


@cache
def _client() -> Any:
    """Made when first needed: a snapshot of the function must hold neither connection nor key."""
    import boto3  # type: ignore[import-untyped]
    from botocore.config import Config  # type: ignore[import-untyped]

    # A session of its own: the default one keeps the keys that it found first.
    return boto3.Session().client(
        "s3",
        config=Config(
            signature_version="s3v4",
            # Else links lead to the global endpoint, whose redirect ends a browser's upload.
            s3={"addressing_style": "virtual"},
            connect_timeout=2,
            read_timeout=10,
            retries={"mode": "standard", "total_max_attempts": 3},
        ),
    )


def _bucket() -> str:
    return os.environ["JOBS_BUCKET"]
