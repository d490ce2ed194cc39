"""The service, as an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from types import TracebackType
from typing import Any, Final, Literal, Self, TypeVar, Unpack

import httpx

from ..drawing.art import LineArt
from ..errors import (
    AnswerError,
    NoJobsError,
    PhotoTooLargeError,
    ProblemError,
    ServiceError,
    TimedOutError,
)
from ..options import MEDIA_TYPES, RequestOptions
from ._answers import Health, Job, Limits, line_art
from ._auth import BODY_HASH, Bearer, SigV4
from ._endpoint import find
from ._photo import Photo, Source, prepare
from ._wire import Clock, Progress, Upload, Wire, backoff

T = TypeVar("T")
Via = Literal["auto", "transform", "jobs"]

REQUEST_SECONDS: Final = 30.0
"""How long `auto` puts up with a service that has no capacity before it queues the photo."""

JOB_SECONDS: Final = 900.0
"""How long a queued photo is waited for: time for a worker to fail and the queue to try again."""

POLL_SECONDS: Final = 5.0
"""The longest pause between two looks at a job, where the service names none."""

FINISHED: Final = ("done", "failed")


def _quiet(doing: str, part: float | None) -> None:
    """The progress of one who does not watch."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A photo, and what is to be made of it."""

    photo: Photo
    options: RequestOptions
    until: float
    progress: Progress


class Client:
    """A connection to one ArtLine service, safe to share between threads.

    `endpoint` is its base URL; where it is left out, `ARTLINE_ENDPOINT` and the Pulumi stack of the
    working directory are asked. `token` is what a stack with `auth: token` asks for; `sign` signs
    the requests, for one with `auth: iam`, with the AWS credentials of this machine. `timeout` is
    the seconds that one photo may take on the request path, every repeat and every wait for a cold
    start or for throttling included. Proxies are taken from the environment, as httpx does.

    >>> with Client("http://127.0.0.1:8080") as client:
    ...     art = client.transform("samples/rotated.jpg")
    ...     art.image.size, round(art.timings["inference"]), art.model
    ((682, 1024), 187, 'artline/1.0.0')

    Every method raises the errors of `artline.errors`, and nothing else.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        sign: bool = False,
        timeout: float = 120.0,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        if token and sign:
            raise ValueError("a request carries a token or a signature, not both")
        self.endpoint = find(endpoint)
        self._auth = SigV4(self.endpoint) if sign else Bearer(token) if token else None
        self._timeout = timeout
        self._wire = Wire(transport, clock or Clock())
        self._asking = Lock()
        self._limits: Limits | None = None
        self._jobs: bool | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._wire.close()

    def health(self, *, progress: Progress = _quiet) -> Health:
        """What runs at the endpoint, and what it takes."""
        health = self._wire.ask(
            "GET",
            f"{self.endpoint}/health",
            Health.from_response,
            until=self._wire.deadline(self._timeout),
            progress=progress,
        )
        self._limits, self._jobs = health.limits, health.jobs
        return health

    @property
    def limits(self) -> Limits:
        """What the service takes; asked once, and the contract's where it has no `/health`."""
        with self._asking:
            if self._limits is None:
                try:
                    self.health()
                except ProblemError as error:
                    if error.status not in (404, 405):
                        raise
                    self._limits = Limits()
        return self._limits or Limits()

    def draw(
        self,
        photo: Source,
        *,
        via: Via = "auto",
        full_size: bool = False,
        progress: Progress = _quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """Draws `photo`, a path, an image file's bytes or a Pillow image, as line art.

        The photo is shrunk first to what will be drawn, `max_side` pixels or the service's default.
        With `full_size` it is sent as it is, and drawn as large as the model can.

        `via="auto"` makes one request of it, and queues it as a job where it is too large for that,
        or where the service has no capacity or no time for it.

        >>> client.draw("photo.jpg", progress=print).save("out")
        sending 0.31
        drawing None
        PosixPath('out/20261123101500.jpg')
        """
        order = self._order(photo, options, full_size=full_size, progress=progress)
        if via == "jobs":
            return self._queue(order)
        if via == "transform" or self._jobs is False:
            return self._transform(order)
        try:
            return self._transform(order, capacity_until=self._wire.deadline(REQUEST_SECONDS))
        except (PhotoTooLargeError, ServiceError) as error:
            if not _worth_queueing(error):
                raise
        try:
            return self._queue(order)
        except NoJobsError:
            return self._transform(order)

    def transform(
        self,
        photo: Source,
        *,
        progress: Progress = _quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """Draws `photo` in one request.

        >>> client.transform(photo_bytes, format="png", max_side=512).content_type
        'image/png'
        """
        return self._transform(self._order(photo, options, progress=progress))

    def submit(
        self,
        photo: Source,
        *,
        full_size: bool = False,
        progress: Progress = _quiet,
        **options: Unpack[RequestOptions],
    ) -> Job:
        """Queues `photo`: asks for a job and uploads the file, unless the service has it already.

        The same photo with the same options is the same job, so that asking twice is safe.

        >>> job = client.submit("panorama.jpg", full_size=True)
        >>> client.wait(job).save("out")
        PosixPath('out/20261123101500.jpg')
        """
        return self._submit(self._order(photo, options, full_size=full_size, progress=progress))

    def job(self, job: Job) -> Job:
        """The job as it is now."""
        return self._poll(job, self._wire.deadline(self._timeout), _quiet)

    def delete(self, job: Job) -> None:
        """Deletes the job's photo and its line art. Raises `ProblemError` 404 where they are gone.

        >>> client.delete(job)
        """
        self._ask(
            "DELETE",
            self._absolute(job.url),
            lambda _: None,
            until=self._wire.deadline(self._timeout),
            progress=_quiet,
        )

    def wait(
        self, job: Job, *, timeout: float = JOB_SECONDS, progress: Progress = _quiet
    ) -> LineArt:
        """The job's result, waited for at most `timeout` seconds.

        Raises `ProblemError` where the photo could not be drawn, `TimedOutError` where it was not
        drawn in time; it is still in the queue then, and the same call later gets it.
        """
        until = self._wire.deadline(timeout)
        if job.status in FINISHED:
            job = self._poll(job, until, progress)  # for a link that has not expired
        attempt = 0
        while job.status not in FINISHED:
            progress(job.status, None)
            pause = min(POLL_SECONDS, backoff(attempt))
            if not self._wire.pause(pause if job.retry_after is None else job.retry_after, until):
                raise TimedOutError(f"job {job.id} was still {job.status} after {timeout:.0f} s")
            job = self._poll(job, until, progress)
            attempt += 1
        if job.status == "failed":
            raise job.error or ProblemError(500, "Failed", f"job {job.id} failed")
        if not job.result_url:
            raise AnswerError(f"job {job.id} is done and has no result")
        progress("fetching", None)
        return self._wire.ask(
            "GET",
            self._absolute(job.result_url),
            line_art,
            until=until,
            progress=progress,
            follow_redirects=True,
        )

    def _order(
        self,
        source: Source,
        options: RequestOptions,
        *,
        full_size: bool = False,
        progress: Progress,
    ) -> _Order:
        limits = self.limits
        if full_size:
            options = {"max_side": limits.max_side, **options}
        progress("shrinking", None)
        side = None if full_size else options.get("max_side", limits.default_side)
        photo = prepare(source, side=side, limits=limits)
        if len(photo.data) > limits.upload_bytes:
            raise PhotoTooLargeError(
                f"the photo is {_megabytes(len(photo.data))}, over the"
                f" {_megabytes(limits.upload_bytes)} that the service takes: send it without"
                " --full-size"
            )
        return _Order(photo, options, self._wire.deadline(self._timeout), progress)

    def _transform(self, order: _Order, capacity_until: float | None = None) -> LineArt:
        size, limit = len(order.photo.data), self.limits.image_bytes
        if size > limit:
            raise PhotoTooLargeError(
                f"the photo is {_megabytes(size)}, over the {_megabytes(limit)} that one request"
                " holds: send it without --full-size, or by way of jobs"
            )
        headers = {
            "content-type": order.photo.media_type,
            "accept": MEDIA_TYPES[order.options.get("format", "jpeg")],
        }
        if isinstance(self._auth, SigV4):
            headers[BODY_HASH] = order.photo.sha256
        return self._ask(
            "POST",
            f"{self.endpoint}/transform",
            line_art,
            until=order.until,
            capacity_until=capacity_until,
            progress=order.progress,
            content=Upload(order.photo.data, order.progress),
            params=dict(order.options),
            headers=headers,
        )

    def _queue(self, order: _Order) -> LineArt:
        return self.wait(self._submit(order), progress=order.progress)

    def _submit(self, order: _Order) -> Job:
        try:
            job = self._ask(
                "POST",
                f"{self.endpoint}/jobs",
                Job.from_response,
                until=order.until,
                progress=order.progress,
                json={
                    "sha256": order.photo.sha256,
                    "size": len(order.photo.data),
                    "type": order.photo.media_type,
                    **order.options,
                },
            )
        except ProblemError as error:
            if error.status not in (404, 405):
                raise
            self._jobs = False
            raise NoJobsError("this service has no jobs path: use --via transform") from error
        if job.status == "waiting" and job.upload_url:
            self._upload(job.upload_url, job.upload_fields, order)
            # It is in the bucket now: the upload's link has served.
            job = replace(job, status="queued", upload_url=None, upload_fields={})
        return job

    def _upload(self, url: str, fields: Mapping[str, str], order: _Order) -> None:
        """A presigned POST: the signed fields in their order, the file last, and no token."""
        file = Upload(order.photo.data, order.progress)
        self._wire.ask(
            "POST",
            self._absolute(url),
            lambda _: None,
            until=order.until,
            progress=order.progress,
            data=dict(fields),
            files={"file": ("photo", file, order.photo.media_type)},
            follow_redirects=True,  # a new bucket's own region is learnt by a redirect
        )

    def _poll(self, job: Job, until: float, progress: Progress) -> Job:
        url = self._absolute(job.url)
        ours = url == self.endpoint or url.startswith(f"{self.endpoint}/")
        ask = self._ask if ours else self._wire.ask
        latest = ask("GET", url, Job.from_response, until=until, progress=progress)
        return replace(latest, url=url)

    def _ask(self, method: str, url: str, read: Callable[[httpx.Response], T], **options: Any) -> T:
        """Asks the service itself, who may want to know who calls."""
        try:
            return self._wire.ask(method, url, read, auth=self._auth, **options)
        except ProblemError as error:
            # The function never says this, but API Gateway does where a signature is not right.
            if error.status != 403 or error.detail != "Forbidden":
                raise
            raise ProblemError(403, error.title, _forbidden(self._auth)) from error

    def _absolute(self, url: str) -> str:
        # A path is the service's own, which may itself live below one: a stage's name, say.
        return str(httpx.URL(f"{self.endpoint}/").join(url.lstrip("/")))


def _worth_queueing(error: Exception) -> bool:
    """Whether the queue can do what the request path could not: more bytes, more time."""
    if isinstance(error, ProblemError):
        return error.status in (413, 502, 503, 504)
    return isinstance(error, PhotoTooLargeError | TimedOutError)


def _forbidden(auth: httpx.Auth | None) -> str:
    if isinstance(auth, SigV4):
        return (
            "Forbidden: the AWS user who signs needs execute-api:Invoke on the API, and this"
            " machine the right time"
        )
    return "Forbidden: this service takes signed requests, --sign or Client(sign=True)"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
