"""What the service answers, read into types."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self
from urllib.parse import unquote

import httpx
from PIL import Image

from .. import limits
from ..drawing.art import LineArt
from ..errors import (
    AnswerError,
    ArtLineError,
    DamagedPhotoError,
    OptionError,
    PhotoTooLargeError,
    ProblemError,
    UnknownFormatError,
)
from ..options import Options, RequestOptions, ServedModel
from ._headers import retry_after, server_timing

REFUSALS = {
    error.status: error
    for error in (OptionError, PhotoTooLargeError, UnknownFormatError, DamagedPhotoError)
}
"""The errors of a photo and its options, by the status that the service answers with."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service takes: bytes, pixels, and pixels of the longer side.

    The defaults are the contract's, for a service that does not say.
    """

    image_bytes: int = limits.IMAGE_BYTES
    image_pixels: int = limits.IMAGE_PIXELS
    upload_bytes: int = limits.UPLOAD_BYTES
    default_side: int = 1024
    min_side: int = 64
    max_side: int = 2048


@dataclass(frozen=True, slots=True)
class Health:
    """What runs at the endpoint. `model` is its name and version, `model_sha256` its file's digest.

    `jobs` and `model_sha256` are None, `styles` empty, where the service does not say.
    """

    status: str
    model: str
    version: str
    cold: bool
    limits: Limits
    jobs: bool | None = None
    model_sha256: str | None = None
    styles: tuple[str, ...] = ()

    def check(self, options: RequestOptions) -> Options:
        """The options as the service takes them. Raises `OptionError` where it would refuse one."""
        sides = self.limits
        default_side = min(sides.default_side, sides.max_side)
        styles = self.styles or (str(options.get("style", "default")),)
        return Options.read(options, ServedModel(sides.max_side, default_side, styles))

    @classmethod
    def from_response(cls, response: httpx.Response) -> Self:
        """Reads `GET /health`. Raises `AnswerError` where another service answered."""
        document = mapping(response)
        model, limits = document.get("model"), document.get("limits")
        if not isinstance(model, dict) or not isinstance(limits, dict):
            raise stranger(response)
        styles = model.get("styles")
        known = {each.name for each in fields(Limits)}
        jobs, digest = document.get("jobs"), model.get("sha256")
        return cls(
            status=str(document.get("status")),
            model=f"{model.get('name')}/{model.get('version')}",
            version=str(document.get("version")),
            cold=document.get("start") == "cold",
            limits=Limits(**{k: v for k, v in limits.items() if k in known and type(v) is int}),
            jobs=jobs if isinstance(jobs, bool) else None,
            model_sha256=digest if isinstance(digest, str) else None,
            styles=tuple(map(str, styles)) if isinstance(styles, list) else (),
        )


@dataclass(frozen=True, slots=True)
class Job:
    """One photo on its way through the queue.

    `status` is waiting (for the upload), queued, done or failed. `error` is set where it failed;
    `retry_after` is the seconds after which to ask again.
    """

    id: str
    status: str
    url: str
    upload_url: str | None = None
    upload_fields: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    result_url: str | None = field(default=None, repr=False)
    error: ProblemError | None = None
    retry_after: float | None = None

    @classmethod
    def from_response(cls, response: httpx.Response) -> Self:
        """Reads the answer of `POST /jobs` or `GET /jobs/{id}`."""
        document = mapping(response)
        if not {"id", "status"} <= document.keys():
            raise stranger(response)
        upload, error = document.get("upload") or {}, document.get("error")
        form = isinstance(upload, dict) and (upload.get("fields") or {})
        if not isinstance(upload, dict) or not isinstance(form, dict):
            raise stranger(response)
        upload_url, result_url = upload.get("url"), document.get("result_url")
        texts = (upload_url or "", result_url or "", *form.values())
        if not all(isinstance(text, str) for text in texts):
            raise stranger(response)
        return cls(
            id=str(document["id"]),
            status=str(document["status"]),
            url=str(document.get("job_url") or response.url),
            upload_url=upload_url,
            upload_fields=form,
            result_url=result_url,
            error=ProblemError.from_document(error) if isinstance(error, dict) else None,
            retry_after=retry_after(
                response.headers.get("retry-after"), response.headers.get("date")
            ),
        )


def line_art(response: httpx.Response) -> LineArt:
    """Reads line art. Raises `AnswerError` where it is none, or is cut short."""
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not content_type.startswith("image/"):
        given = content_type or "no type"
        url = response.url.copy_with(username=None, password=None, query=None)
        raise AnswerError(f"{url} gave {given}, not an image")
    if not _is_whole(response.content, content_type):
        raise AnswerError("the line art arrived cut short or damaged")
    metrics = server_timing(response.headers.get("server-timing", ""))
    return LineArt(
        data=response.content,
        content_type=content_type,
        timings={k: float(v["dur"]) for k, v in metrics.items() if is_number(v.get("dur"))},
        model=unquote(response.headers.get("x-model", "")) or None,
        cold=metrics.get("start", {}).get("desc") == "cold",
    )


def _is_whole(data: bytes, content_type: str) -> bool:
    if content_type == "image/svg+xml":
        return data.rstrip().endswith(b"</svg>")
    try:
        Image.open(io.BytesIO(data)).load()
    except Exception:  # Pillow's decoders raise whatever a damaged file led them to
        return False
    return True


def stranger(at: httpx.Response | str) -> AnswerError:
    """Something else than an ArtLine service answered there."""
    url = httpx.URL(at) if isinstance(at, str) else at.url.copy_with(path="/", query=None)
    shown = str(url.copy_with(username=None, password=None)).rstrip("/")
    return AnswerError(f"There is no ArtLine service at {shown}: another server answers.")


def refusal(problem: ProblemError) -> ArtLineError:
    """The error of the photo or the options that `problem` is about, or else itself."""
    error = REFUSALS.get(problem.status)
    return error(problem.detail or problem.title) if error else problem


def problem(response: httpx.Response) -> ProblemError:
    """The error in an answer of status 400 or more, by the service, a gateway or S3."""
    wait = retry_after(response.headers.get("retry-after"), response.headers.get("date"))
    document = {"status": response.status_code, **_document(response)}
    return ProblemError.from_document(document, retry_after=wait)


def _document(response: httpx.Response) -> dict[str, Any]:
    """The service's own problem, API Gateway's `{"message"}`, or S3's XML, in one form."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        # Whatever charset it names: S3's is UTF-8, and others' pages are not looked at.
        text = response.content.decode(errors="replace")
        message = re.search(r"<Message>([^<]*)</Message>", text)
        return {"detail": message[1]} if message else {}
    if not isinstance(document, dict):
        return {}
    # The status line is what was answered; a document that says otherwise is out of date.
    return {name: value for name, value in document.items() if name != "status"}


def mapping(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in `response`. Raises `AnswerError` where there is none."""
    try:
        document = response.json()
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise stranger(response)
    return document


def is_number(text: str | None) -> bool:
    try:
        return float(text or "") >= 0
    except ValueError:
        return False
