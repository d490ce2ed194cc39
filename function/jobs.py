"""`/jobs`: photos too large or too slow for one request, uploaded to S3 and drawn from a queue.

`POST /jobs` issues an id and the form to upload its photo with; the upload puts a message into the
queue, and the worker draws what the message names. A job's state is which objects the bucket holds.

Where the caller gives the photo's SHA-256, the id follows from that, the options and the model, so
that the same photo is drawn once. Whoever knows a photo's hash is taken to have the photo, and may
see its line art; another photo is refused under that hash, by S3 and again by the worker. All other
ids are random.
"""

import base64
import hashlib
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from artline import limits
from artline.options import OPTIONS, Options, parsed, refuse_unknown

from . import model, store
from .events import Reply, Request
from .problem import ProblemError
from .telemetry import logger

UPLOAD_LIFE: Final = timedelta(hours=1)
"""How long the upload form is valid. A photo still queued after that met a fault: send it again."""

RESULT_LIFE: Final = timedelta(minutes=15)
"""How long a result's URL is valid. `GET /jobs/{id}` gives a new one."""

POLL_SECONDS: Final = 2

OWN: Final = ("sha256", "size", "type")
"""The fields of `POST /jobs` that describe the photo, beside the request options."""

ID = re.compile("[0-9a-f]{64}")
SHA256 = re.compile("[0-9A-Fa-f]{64}")
MEDIA_TYPE: Final = "image/[0-9A-Za-z_.+-]+"


@contextmanager
def _answering() -> Iterator[None]:
    """Answers 503 with Retry-After where S3 cannot be reached."""
    from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        logger.exception("no answer from S3")
        raise ProblemError(
            503, "Jobs cannot be reached now: try again.", retry_after="5"
        ) from error


@_answering()
def create(request: Request) -> Reply:
    """`POST /jobs`: issues a job, or answers with the state of the same job, issued before."""
    order = Order.read(request.body, request.query)
    job = order.id()
    # Behind a base path, a relative reference is right wherever the caller resolves it.
    url = f"jobs/{job}" if request.prefix else f"/jobs/{job}"
    return _reply(201, job, _settled(job) or _issue(job, order), job_url=url)


@_answering()
def look(_: Request, id: str) -> Reply:  # noqa: A002  the route's own name for it
    """`GET /jobs/{id}`: the state of the job."""
    return _reply(200, id, _state(id))


@_answering()
def delete(_: Request, id: str) -> Reply:  # noqa: A002  the route's own name for it
    """`DELETE /jobs/{id}`: deletes the photo, the line art and the error."""
    _state(id)
    # The photo goes first: a worker that is drawing it deletes its own result if the photo is gone.
    for key in (store.upload(id), store.result(id), store.error(id)):
        store.delete(key)
    return Reply(204, "", "", {"cache-control": "no-store"})


def _state(job: str) -> dict[str, Any]:
    """The job's state. Raises `ProblemError` 404 where there is no such job."""
    state = (_settled(job) or _pending(job)) if ID.fullmatch(job) else None
    if state is None:
        raise ProblemError(
            404, "There is no such job, or it has expired: POST /jobs makes a new one."
        )
    return state


def _reply(status: int, job: str, state: Mapping[str, Any], **more: str) -> Reply:
    headers = {"cache-control": "no-store"}
    if state["status"] in ("waiting", "queued"):
        headers["retry-after"] = str(POLL_SECONDS)
    return Reply(status, json.dumps({"id": job, **state, **more}), "application/json", headers)


@dataclass(frozen=True, slots=True)
class Order:
    """A photo to draw, and the request options."""

    media_type: str
    """The photo's, for S3. The worker reads the bytes themselves."""
    sha256: str | None
    """The photo's, in lower-case hexadecimal."""
    options: Options

    @classmethod
    def read(cls, body: bytes, query: Mapping[str, str]) -> "Order":
        """The order in a request's JSON, with the options of its query, which wins.

        Raises `OptionError` and `ProblemError`.
        """
        try:
            asked = json.loads(body or b"{}")
        except (ValueError, RecursionError) as error:
            raise _refusal("The body is no JSON") from error
        if not isinstance(asked, dict):
            raise _refusal("The body is no JSON object")
        refuse_unknown(asked, {*OWN, *OPTIONS})
        if own := next((name for name in OWN if name in query), None):
            raise ProblemError(400, f"{own} goes into the JSON body, not into the query.")
        refuse_unknown(query, OPTIONS)
        options = {k: v for k, v in asked.items() if k in OPTIONS} | parsed(query)
        _check_size(asked.get("size", 1))
        return cls(
            _media_type(asked.get("type", "image/jpeg")),
            _sha256(asked["sha256"]) if "sha256" in asked else None,
            Options.read(options, model.load()),
        )

    def id(self) -> str:
        """The job's id: random where the photo's hash is not known."""
        if self.sha256 is None:
            return secrets.token_hex(32)
        parts = (self.sha256, *self.options.texts().values(), model.load().sha256)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def fields(self) -> dict[str, str]:
        """The signed fields of the upload form, which S3 stores as the photo's metadata."""
        fields = {f"x-amz-meta-{key}": value for key, value in metadata(self.options).items()}
        if self.sha256:
            digest = base64.b64encode(bytes.fromhex(self.sha256)).decode()
            fields |= {"x-amz-meta-sha256": self.sha256, "x-amz-checksum-sha256": digest}
        return fields


def metadata(options: Options) -> dict[str, str]:
    """The options as S3 keeps them with the photo, whose names take no underscore."""
    return {name.replace("_", "-"): text for name, text in options.texts().items()}


def options(metadata: Mapping[str, str]) -> Options:
    """The options that `metadata` kept with the photo.

    An option that is newer than the upload has its default. Raises `OptionError`, and `LookupError`
    where there are none at all: `POST /jobs` did not issue that upload.
    """
    texts = {name: metadata.get(name.replace("_", "-")) for name in OPTIONS}
    kept = {name: text for name, text in texts.items() if text is not None}
    if not kept:
        raise LookupError("the upload has no options")
    return Options.parse(kept, model.load())


def _check_size(size: object) -> None:
    if isinstance(size, float) and size.is_integer():  # JSON's 512.0 is an integer, too
        size = int(size)
    if type(size) is not int or size < 1:
        raise _refusal("size must be the photo's number of bytes")
    if size > limits.UPLOAD_BYTES:
        most = f"{limits.UPLOAD_BYTES:,}"
        raise ProblemError(
            413, f"The photo is {size:,} bytes, over the {most} of a job: shrink it."
        )


def _media_type(given: object) -> str:
    if isinstance(given, str) and re.fullmatch(MEDIA_TYPE, given):
        return given
    raise ProblemError(415, "type must be the photo's media type, as image/jpeg: send an image.")


def _sha256(given: object) -> str:
    if isinstance(given, str) and SHA256.fullmatch(given):
        return given.lower()
    raise _refusal("sha256 must be the photo's SHA-256 in 64 hexadecimal digits")


def _refusal(detail: str) -> ProblemError:
    return ProblemError(400, f"{detail}: /openapi.json shows what to send.")


def _settled(job: str) -> dict[str, Any] | None:
    """The state of a job that is done or failed, else None."""
    if store.head(store.result(job)):
        return {"status": "done", "result_url": store.link(store.result(job), RESULT_LIFE)}
    if error := store.get(store.error(job)):
        return {"status": "failed", "error": json.load(error["Body"])}
    return None


def _pending(job: str) -> dict[str, Any] | None:
    """The state of a job that is waiting or queued, else None."""
    upload = store.head(store.upload(job))
    if upload and upload["ContentLength"]:
        return {"status": "queued"}
    return {"status": "waiting"} if upload and store.age(upload) < UPLOAD_LIFE else None


def _issue(job: str, order: Order) -> dict[str, Any]:
    """Marks the id as issued and gives the form for its photo, unless the photo is there."""
    key = store.upload(job)
    upload = store.head(key)
    if upload and upload["ContentLength"] and store.age(upload) < UPLOAD_LIFE:
        return {"status": "queued"}
    store.clear(key, upload)
    fields = order.fields()
    conditions = [
        ["content-length-range", 1, limits.UPLOAD_BYTES],
        ["starts-with", "$Content-Type", "image/"],
        *({name: value} for name, value in fields.items()),
    ]
    expires = datetime.now(UTC) + UPLOAD_LIFE
    return {
        "status": "waiting",
        "upload": store.form(
            key, UPLOAD_LIFE, {"Content-Type": order.media_type, **fields}, conditions
        ),
        "expires_at": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
    }
