"""What the service answers, read into types."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

import httpx
from PIL import Image

from .errors import AnswerError, ProblemError
from .headers import retry_after, server_timing
from .save import save


@dataclass(frozen=True, slots=True)
class Limits:
    """What the service takes: bytes, pixels, and pixels of the longer side.

    The defaults are the contract's, for a service that does not say.
    """

    image_bytes: int = 4_718_592
    image_pixels: int = 50_000_000
    upload_bytes: int = 50_000_000
    default_side: int = 1024
    min_side: int = 64
    max_side: int = 2048


@dataclass(frozen=True, slots=True)
class Health:
    """What runs at the endpoint. `model` is its name and version, `model_sha256` its file's digest.

    `jobs` and `model_sha256` are None where the service does not say.
    """

    status: str
    model: str
    version: str
    cold: bool
    limits: Limits
    jobs: bool | None = None
    model_sha256: str | None = None

    @classmethod
    def from_response(cls, response: httpx.Response) -> Self:
        """Reads `GET /health`. Raises `AnswerError` where another service answered."""
        document = mapping(response)
        model, limits = document.get("model"), document.get("limits")
        if not isinstance(model, dict) or not isinstance(limits, dict):
            raise AnswerError(f"{response.url} is not the health of an ArtLine service")
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
        )


@dataclass(frozen=True, slots=True)
class LineArt:
    """A drawing: an image file's bytes and media type, and how it was made.

    `timings` are the service's own, in milliseconds: decode, inference, encode. `model` is a name
    and version. A job's result carries neither.
    """

    data: bytes = field(repr=False)
    content_type: str
    timings: Mapping[str, float] = field(default_factory=dict)
    model: str | None = None
    cold: bool = False

    @classmethod
    def from_response(cls, response: httpx.Response) -> Self:
        """Reads a drawing. Raises `AnswerError` where it is none, or is cut short."""
        content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not content_type.startswith("image/"):
            given = content_type or "no type"
            raise AnswerError(f"{response.url.copy_with(query=None)} gave {given}, not a picture")
        try:
            Image.open(io.BytesIO(response.content)).load()
        except Exception as error:  # Pillow's decoders raise whatever a broken file led them to
            raise AnswerError("the line art arrived cut short or corrupt") from error
        metrics = server_timing(response.headers.get("server-timing", ""))
        return cls(
            data=response.content,
            content_type=content_type,
            timings={k: float(v["dur"]) for k, v in metrics.items() if is_number(v.get("dur"))},
            model=response.headers.get("x-model"),
            cold=metrics.get("start", {}).get("desc") == "cold",
        )

    @property
    def image(self) -> Image.Image:
        """The drawing as a Pillow image."""
        return Image.open(io.BytesIO(self.data))

    def save(self, directory: str | Path = ".") -> Path:
        """Saves it in `directory` as `yyyyMMddHHmmss.jpg` or the like, and says where.

        Never over another file: the second of one second is `yyyyMMddHHmmss-1.jpg`.
        """
        return save(self.data, self.content_type, Path(directory))


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
    upload_fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    result_url: str | None = field(default=None, repr=False)
    error: ProblemError | None = None
    retry_after: float | None = None

    @classmethod
    def from_response(cls, response: httpx.Response) -> Self:
        """Reads the answer of `POST /jobs` or `GET /jobs/{id}`."""
        document = mapping(response)
        if not {"id", "status"} <= document.keys():
            raise AnswerError(f"{response.url} is not a job of an ArtLine service")
        upload, error = document.get("upload") or {}, document.get("error")
        return cls(
            id=str(document["id"]),
            status=str(document["status"]),
            url=str(document.get("job_url") or response.url),
            upload_url=upload.get("url"),
            upload_fields=upload.get("fields", {}),
            result_url=document.get("result_url"),
            error=ProblemError.from_document(error) if isinstance(error, dict) else None,
            retry_after=retry_after(
                response.headers.get("retry-after"), response.headers.get("date")
            ),
        )


def mapping(response: httpx.Response) -> dict[str, Any]:
    """The JSON object in `response`. Raises `AnswerError` where there is none."""
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise AnswerError(f"{response.url} does not answer as an ArtLine service does")
    return document


def is_number(text: str | None) -> bool:
    try:
        return float(text or "") >= 0
    except ValueError:
        return False
