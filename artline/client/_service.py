"""The client's protocol as flows that perform no I/O: what to send, and how to read the answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import TIMEOUT_MAX
from typing import Any, Final, Literal, TypeAlias, TypeVar, cast, get_args
from urllib.parse import quote

import httpx

from ..drawing.art import LineArt
from ..errors import (
    AnswerError,
    ArtLineError,
    NoJobsError,
    OptionError,
    PhotoTooLargeError,
    ProblemError,
    TimedOutError,
)
from ..options import MEDIA_TYPES, RequestOptions
from ..photo.source import PhotoSource
from ._answers import Health, Job, line_art, refusal, stranger
from ._auth import BODY_HASH, SigV4, authentication
from ._endpoint import find
from ._photo import Photo, prepare
from ._wire import (
    FIRST_PAUSE,
    LEAST_SECONDS,
    Clock,
    Flow,
    Progress,
    Upload,
    Work,
    ask,
    backoff,
    pause,
)

T = TypeVar("T")
Via: TypeAlias = Literal["auto", "transform", "jobs"]

REQUEST_SECONDS: Final = 30.0
"""How long `auto` waits for a service that has no capacity before it queues the photo."""

JOB_SECONDS: Final = 900.0
"""How long a queued photo is waited for: time for a worker to fail and the queue to try again."""

POLL_SECONDS: Final = 5.0
"""The longest pause between two looks at a job, where the service names none."""

FINISHED: Final = ("done", "failed")


def quiet(doing: str, part: float | None) -> None:
    """The progress of one who does not watch."""


@dataclass(frozen=True, slots=True)
class Order:
    """A photo, and what is to be made of it."""

    photo: Photo
    options: RequestOptions
    limit: int
    """Bytes that one request holds."""
    until: float
    progress: Progress


class Service:
    """One service, as its clients know it. `known` is what it said of itself, None before."""

    def __init__(
        self, endpoint: str | None, token: str | None, *, sign: bool, timeout: float, clock: Clock
    ) -> None:
        if not isinstance(timeout, int | float) or not timeout >= 0:
            raise OptionError("timeout must be a number of seconds.")
        self.endpoint = find(endpoint)
        self.known: Health | None = None
        self._auth = authentication(self.endpoint, token, sign=sign)
        self._timeout = timeout
        self._clock = clock

    def deadline(self, seconds: float | None = None) -> float:
        """The moment that ends what begins now, after `seconds` or the client's timeout."""
        return self._clock.now() + (self._timeout if seconds is None else seconds)

    def left(self, until: float) -> float:
        """Seconds from now to the moment `until`, as many as a lock can be waited for."""
        return max(LEAST_SECONDS, min(until - self._clock.now(), TIMEOUT_MAX))

    def health(self, progress: Progress, until: float | None = None) -> Flow[Health]:
        try:
            health = yield from ask(
                self._clock,
                "GET",
                f"{self.endpoint}/health",
                Health.from_response,
                until=self.deadline() if until is None else until,
                progress=progress,
            )
        except ProblemError as error:
            if error.status not in (404, 405, 501):
                raise
            raise stranger(self.endpoint) from error
        self.known = health
        return health

    def draw(
        self,
        source: PhotoSource,
        options: RequestOptions,
        *,
        via: Via,
        full_size: bool,
        until: float,
        progress: Progress,
    ) -> Flow[LineArt]:
        if via not in get_args(Via):
            raise OptionError(
                f"via must be {', '.join(get_args(Via)[:-1])} or {get_args(Via)[-1]}."
            )
        order = yield from self._order(
            source, options, full_size=full_size, until=until, progress=progress
        )
        if via == "jobs":
            return (yield from self._queue(order))
        if via == "transform" or (self.known and self.known.jobs is False):
            return (yield from self._transform(order))
        try:
            return (yield from self._transform(order, self.deadline(REQUEST_SECONDS)))
        except ArtLineError as error:
            if not _worth_queueing(error):
                raise
        try:
            return (yield from self._queue(order))
        except NoJobsError:
            return (yield from self._transform(order))

    def submit(
        self,
        source: PhotoSource,
        options: RequestOptions,
        *,
        full_size: bool,
        until: float,
        progress: Progress,
    ) -> Flow[Job]:
        order = yield from self._order(
            source, options, full_size=full_size, until=until, progress=progress
        )
        return (yield from self._submit(order))

    def look(
        self, job: Job | str, until: float | None = None, progress: Progress = quiet
    ) -> Flow[Job]:
        """The job as it is now."""
        url = self._job_url(job)
        latest = yield from (self._ask if self._is_own(url) else self._ask_other)(
            "GET",
            url,
            Job.from_response,
            until=self.deadline() if until is None else until,
            progress=progress,
        )
        return replace(latest, url=url)

    def delete(self, job: Job | str) -> Flow[None]:
        url = self._job_url(job)
        yield from (self._ask if self._is_own(url) else self._ask_other)(
            "DELETE",
            url,
            lambda _: None,
            until=self.deadline(),
            progress=quiet,
            done=(404,),
        )

    def wait(self, job: Job | str, timeout: float, progress: Progress) -> Flow[LineArt]:
        until = self.deadline(timeout)
        if isinstance(job, str) or job.status in FINISHED:
            job = yield from self.look(job, until, progress)  # for a link that has not expired
        attempt = 0
        while job.status not in FINISHED:
            progress(job.status, None)
            seconds = min(POLL_SECONDS, backoff(attempt))
            if job.retry_after is not None:
                seconds = max(FIRST_PAUSE, job.retry_after)
            if not (yield from pause(self._clock, seconds, until)):
                raise TimedOutError(f"job {job.id} was still {job.status} after {timeout:.0f} s")
            job = yield from self.look(job, until, progress)
            attempt += 1
        if job.status == "failed":
            raise refusal(job.error or ProblemError(500, "Failed", f"job {job.id} failed"))
        if not job.result_url:
            raise AnswerError(f"job {job.id} is done and has no result")
        progress("fetching", None)
        return (
            yield from self._ask_other(
                "GET",
                self._absolute(job.result_url),
                line_art,
                until=until,
                progress=progress,
                follow_redirects=True,
            )
        )

    def _order(
        self,
        source: PhotoSource,
        options: RequestOptions,
        *,
        full_size: bool,
        until: float,
        progress: Progress,
    ) -> Flow[Order]:
        health = self.known or (yield from self.health(progress, until))
        limits = health.limits
        if full_size:
            options = {"max_side": limits.max_side, **options}
        checked = health.check(options)  # before anything is sent
        options = cast(RequestOptions, {name: getattr(checked, name) for name in options})
        progress("shrinking", None)
        side = None if full_size else options.get("max_side", limits.default_side)
        photo = yield Work(lambda: prepare(source, side=side, limits=limits))
        if len(photo.data) > limits.upload_bytes:
            raise PhotoTooLargeError(
                f"the photo is {_megabytes(len(photo.data))}, over the"
                f" {_megabytes(limits.upload_bytes)} that the service takes: send it without"
                " full_size (--full-size)"
            )
        return Order(photo, options, limits.image_bytes, until, progress)

    def _transform(self, order: Order, capacity_until: float | None = None) -> Flow[LineArt]:
        size, limit = len(order.photo.data), order.limit
        if size > limit:
            raise PhotoTooLargeError(
                f"the photo is {_megabytes(size)}, over the {_megabytes(limit)} that one request"
                " holds: send it without full_size (--full-size), or by way of jobs"
            )
        headers = {
            "content-type": order.photo.media_type,
            "content-length": str(size),
            "accept": MEDIA_TYPES[order.options.get("format", "jpeg")],
        }
        if isinstance(self._auth, SigV4):
            headers[BODY_HASH] = order.photo.sha256
        try:
            return (
                yield from self._ask(
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
            )
        except ProblemError as error:
            raise refusal(error) from error

    def _queue(self, order: Order) -> Flow[LineArt]:
        # The request path may have taken all of its own time.
        job = yield from self._submit(replace(order, until=self.deadline()))
        return (yield from self.wait(job, JOB_SECONDS, order.progress))

    def _submit(self, order: Order) -> Flow[Job]:
        try:
            job = yield from self._ask(
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
                raise refusal(error) from error
            if self.known:
                self.known = replace(self.known, jobs=False)
            raise NoJobsError(
                'this service has no jobs path: use via="transform" (--via transform)'
            ) from error
        if job.status == "waiting" and job.upload_url:
            yield from self._upload(job.upload_url, job.upload_fields, order)
            # It is in the bucket now: the upload's link has served.
            job = replace(job, status="queued", upload_url=None, upload_fields={})
        return job

    def _upload(self, url: str, fields: Mapping[str, str], order: Order) -> Flow[None]:
        """A presigned POST: the signed fields in their order, the file last, and no token."""
        file = Upload(order.photo.data, order.progress)
        yield from self._ask_other(
            "POST",
            self._absolute(url),
            lambda _: None,
            until=order.until,
            progress=order.progress,
            data=dict(fields),
            files={"file": ("photo", file, order.photo.media_type)},
            follow_redirects=True,  # a new bucket's own region is learnt by a redirect
        )

    def _ask(
        self, method: str, url: str, read: Callable[[httpx.Response], T], **options: Any
    ) -> Flow[T]:
        """Asks the service itself, who may want to know who calls."""
        try:
            return (yield from self._ask_other(method, url, read, auth=self._auth, **options))
        except ProblemError as error:
            # The function never says this, but API Gateway does where a signature is not right.
            if error.status != 403 or error.detail != "Forbidden":
                raise
            raise ProblemError(403, error.title, _forbidden(self._auth)) from error

    def _ask_other(
        self, method: str, url: str, read: Callable[[httpx.Response], T], **options: Any
    ) -> Flow[T]:
        """Asks the service, or the bucket that it names, without saying who calls."""
        return (yield from ask(self._clock, method, url, read, **options))

    def _job_url(self, job: Job | str) -> str:
        return self._absolute(job.url if isinstance(job, Job) else f"/jobs/{quote(job, safe='')}")

    def _is_own(self, url: str) -> bool:
        """Whether the service itself answers there, and not the bucket or somebody else."""
        return url == self.endpoint or url.startswith(f"{self.endpoint}/")

    def _absolute(self, url: str) -> str:
        # A path is the service's own, which may itself live below one: a stage's name, say.
        try:
            return str(httpx.URL(f"{self.endpoint}/").join(url.lstrip("/")))
        except (httpx.InvalidURL, ValueError) as error:
            raise AnswerError("the service names an address that is no URL") from error


def _worth_queueing(error: ArtLineError) -> bool:
    """Whether the queue can do what the request path could not: more bytes, more time."""
    if isinstance(error, ProblemError):
        return error.status in (502, 503, 504)
    return isinstance(error, PhotoTooLargeError | TimedOutError)


def _forbidden(auth: httpx.Auth | None) -> str:
    if isinstance(auth, SigV4):
        return (
            "Forbidden: the signing AWS identity needs execute-api:Invoke on the API, and this"
            " machine's clock must be right"
        )
    return "Forbidden: this service requires signed requests: --sign or Client(sign=True)"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
