"""The service, as an object: two ways to do the I/O of the same flows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from typing import Any, Generic, Self, TypeVar, Unpack

import anyio
import httpx

from ..drawing.art import LineArt
from ..errors import ServiceError, TimedOutError
from ..options import RequestOptions
from ..photo.source import PhotoSource
from ..version import __version__
from ._answers import Health, Job, Limits
from ._proxy import certificates, proxy
from ._service import JOB_SECONDS, Service, Via, quiet
from ._wire import Clock, Flow, Pause, Progress, Send, Step, failure, origin

T = TypeVar("T")
H = TypeVar("H")


_ours: ContextVar[bool] = ContextVar("ours", default=False)
"""Whether a request of this package's is under way."""


class _WithoutKeys(logging.Filter):
    """Keeps passwords, and presigned queries, which are keys, out of httpx's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _ours.get() and isinstance(record.args, tuple):
            record.args = tuple(
                each.copy_with(username=None, password=None, query=None)
                if isinstance(each, httpx.URL)
                else each
                for each in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutKeys())


class _Connections(Generic[H]):
    """The HTTP clients of `kind`: one for each proxy, and one that goes by none."""

    def __init__(self, kind: Callable[..., H]) -> None:
        self._kind = kind
        self._certificates = certificates()
        self._by_proxy: dict[str | None, H] = {}
        self._closed = False
        self._opening = Lock()

    def to(self, url: str) -> H:
        """The client for requests to `url`. Raises `ServiceError` after `close`."""
        with self._opening:
            if self._closed:
                raise closed()
            by = proxy(url)
            if by not in self._by_proxy:
                self._by_proxy[by] = self._kind(
                    proxy=by,
                    trust_env=False,  # what the environment says of proxies was read already
                    verify=self._certificates,
                    headers={"user-agent": f"artline/{__version__}"},
                    # With a limit, threads would wait for a free connection without a timeout.
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
                )
            return self._by_proxy[by]

    def close(self) -> list[H]:
        """Opens no more; what there is remains to be closed."""
        with self._opening:
            self._closed = True
        return list(self._by_proxy.values())

    @contextmanager
    def sending(self, step: Send) -> Iterator[None]:
        """Around a request: httpx's errors become this package's, and its log holds no keys."""
        ours = _ours.set(True)
        try:
            yield
        except Exception as error:
            known = closed() if self._closed else failure(error, step, proxy(step.url))
            if known:
                raise known from error
            raise
        finally:
            _ours.reset(ours)


def closed() -> ServiceError:
    return ServiceError("this client is closed")


def unmet(endpoint: str) -> TimedOutError:
    return TimedOutError(f"{origin(endpoint)} did not answer in time")


class Client:
    """A connection to one ArtLine service, safe to share between threads.

    `endpoint` is its base URL; where it is left out, `ARTLINE_ENDPOINT` and the Pulumi stack of the
    working directory are asked. `token` is what a stack with `auth: token` asks for, by default
    that of `ARTLINE_TOKEN`; `sign` signs the requests instead, for a stack with `auth: iam`, with
    the AWS credentials of this machine. `timeout` is the seconds that one photo may take on the
    request path, every repeat and every wait for a cold start or for throttling included. Each
    answer is waited for 2 seconds at least, and one that keeps arriving, however slowly, is read to
    its end. Proxies are those of `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.

    >>> with artline.Client("http://127.0.0.1:8080") as client:
    ...     art = client.transform("samples/rotated.jpg")
    ...     art.image.size, round(art.timings["inference"]), art.model
    ((682, 1024), 187, 'artline/2.0.0')

    Every method raises the errors of `artline.errors`, and nothing else but for an argument of a
    wrong type.
    """

    _clock: Clock = Clock()

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        sign: bool = False,
        timeout: float = 120.0,
    ) -> None:
        self._service = Service(endpoint, token, sign=sign, timeout=timeout, clock=self._clock)
        self._connections = _Connections(httpx.Client)
        self._asking = Lock()

    @property
    def endpoint(self) -> str:
        """The service's base URL."""
        return self._service.endpoint

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections. Requests fail then; one that waits in another thread does so
        when its answer comes, or its time is over.
        """
        for each in self._connections.close():
            each.close()

    def health(self, *, progress: Progress = quiet) -> Health:
        """What runs at the endpoint, and what it takes."""
        return self._take(self._service.health(progress))

    @property
    def limits(self) -> Limits:
        """What the service takes; asked once."""
        return self._meet(self._service.deadline(), quiet).limits

    def draw(
        self,
        photo: PhotoSource,
        *,
        via: Via = "auto",
        full_size: bool = False,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """Draws `photo` as line art.

        `photo` is a path, an image file's bytes, an open file, a Pillow image or a uint8 array. It
        is shrunk first to what will be drawn, `max_side` pixels or the service's default. With
        `full_size` it is sent as it is, and drawn as large as the model can.

        `via="auto"` makes one request of it, and queues it as a job where it is too large for that,
        or where the service has no capacity or no time for it.

        >>> client.draw("photo.jpg", progress=print).save("out")
        sending 0.31
        drawing None
        PosixPath('out/20261123101500.jpg')
        """
        until = self._service.deadline()
        self._meet(until, progress)
        return self._take(
            self._service.draw(
                photo, options, via=via, full_size=full_size, until=until, progress=progress
            )
        )

    def transform(
        self,
        photo: PhotoSource,
        *,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """Draws `photo` in one request.

        >>> client.transform(photo_bytes, format="png", max_side=512).content_type
        'image/png'
        """
        return self.draw(photo, via="transform", progress=progress, **options)

    def submit(
        self,
        photo: PhotoSource,
        *,
        full_size: bool = False,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> Job:
        """Queues `photo`: asks for a job and uploads the file, unless the service has it already.

        The same photo with the same options is the same job, so that asking twice is safe.

        >>> job = client.submit("panorama.jpg", full_size=True)
        >>> client.wait(job.id).save("out")
        PosixPath('out/20261123101500.jpg')
        """
        until = self._service.deadline()
        self._meet(until, progress)
        return self._take(
            self._service.submit(
                photo, options, full_size=full_size, until=until, progress=progress
            )
        )

    def job(self, job: Job | str) -> Job:
        """The job as it is now, by itself or its id."""
        return self._take(self._service.look(job))

    def delete(self, job: Job | str) -> None:
        """Deletes the job's photo and its line art. Raises `ProblemError` 404 where they are gone.

        >>> client.delete(job)
        """
        self._take(self._service.delete(job))

    def wait(
        self, job: Job | str, *, timeout: float = JOB_SECONDS, progress: Progress = quiet
    ) -> LineArt:
        """The result of the job, or of the job of that id, waited for at most `timeout` seconds.

        Raises `PhotoError` or `ProblemError` where the photo could not be drawn, `TimedOutError`
        where it was not drawn in time; it is still in the queue then, and the same call later gets
        it.
        """
        return self._take(self._service.wait(job, timeout, progress))

    def _meet(self, until: float, progress: Progress) -> Health:
        """The service's health, asked for by one thread while the others wait, until `until`."""
        if not self._asking.acquire(timeout=self._service.left(until)):
            raise unmet(self.endpoint)
        try:
            return self._service.known or self._take(self._service.health(progress, until))
        finally:
            self._asking.release()

    def _take(self, flow: Flow[T]) -> T:
        came: Any = None
        raised: Exception | None = None
        while True:
            try:
                step = flow.send(came) if raised is None else flow.throw(raised)
            except StopIteration as done:
                result: T = done.value
                return result
            came, raised = None, None
            try:
                came = self._do(step)
            except Exception as error:
                raised = error

    def _do(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return self._clock.sleep(step.seconds)
        if not isinstance(step, Send):
            return step.function()
        http = self._connections.to(step.url)
        with self._connections.sending(step):
            return http.request(
                step.method,
                step.url,
                content=step.content,
                timeout=step.timeout,
                **step.options,
            )


class AsyncClient:
    """`Client`, to be awaited, under asyncio or trio: the same arguments, answers and errors.

    One is for one event loop, which it is closed in too.

    >>> async with artline.AsyncClient("http://127.0.0.1:8080") as client:
    ...     art = await client.draw("photo.jpg")
    """

    _clock: Clock = Clock()

    def __init__(
        self,
        endpoint: str | None = None,
        token: str | None = None,
        *,
        sign: bool = False,
        timeout: float = 120.0,
    ) -> None:
        self._service = Service(endpoint, token, sign=sign, timeout=timeout, clock=self._clock)
        self._connections = _Connections(httpx.AsyncClient)
        self._asking = anyio.Lock()

    @property
    def endpoint(self) -> str:
        """The service's base URL."""
        return self._service.endpoint

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Closes the connections. Requests fail then, those under way too."""
        for each in self._connections.close():
            await each.aclose()

    async def health(self, *, progress: Progress = quiet) -> Health:
        """As `Client.health`."""
        return await self._take(self._service.health(progress))

    async def limits(self) -> Limits:
        """As `Client.limits`."""
        return (await self._meet(self._service.deadline(), quiet)).limits

    async def draw(
        self,
        photo: PhotoSource,
        *,
        via: Via = "auto",
        full_size: bool = False,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """As `Client.draw`. The photo is read and shrunk in a thread."""
        until = self._service.deadline()
        await self._meet(until, progress)
        return await self._take(
            self._service.draw(
                photo, options, via=via, full_size=full_size, until=until, progress=progress
            )
        )

    async def transform(
        self,
        photo: PhotoSource,
        *,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> LineArt:
        """As `Client.transform`."""
        return await self.draw(photo, via="transform", progress=progress, **options)

    async def submit(
        self,
        photo: PhotoSource,
        *,
        full_size: bool = False,
        progress: Progress = quiet,
        **options: Unpack[RequestOptions],
    ) -> Job:
        """As `Client.submit`."""
        until = self._service.deadline()
        await self._meet(until, progress)
        return await self._take(
            self._service.submit(
                photo, options, full_size=full_size, until=until, progress=progress
            )
        )

    async def job(self, job: Job | str) -> Job:
        """As `Client.job`."""
        return await self._take(self._service.look(job))

    async def delete(self, job: Job | str) -> None:
        """As `Client.delete`."""
        await self._take(self._service.delete(job))

    async def wait(
        self, job: Job | str, *, timeout: float = JOB_SECONDS, progress: Progress = quiet
    ) -> LineArt:
        """As `Client.wait`."""
        return await self._take(self._service.wait(job, timeout, progress))

    async def _meet(self, until: float, progress: Progress) -> Health:
        """The service's health, asked for by one task while the others wait, until `until`."""
        with anyio.move_on_after(self._service.left(until)) as waiting:
            await self._asking.acquire()
        if waiting.cancelled_caught:
            raise unmet(self.endpoint)
        try:
            if self._service.known:
                return self._service.known
            return await self._take(self._service.health(progress, until))
        finally:
            self._asking.release()

    async def _take(self, flow: Flow[T]) -> T:
        came: Any = None
        raised: Exception | None = None
        while True:
            try:
                step = flow.send(came) if raised is None else flow.throw(raised)
            except StopIteration as done:
                result: T = done.value
                return result
            came, raised = None, None
            try:
                came = await self._do(step)
            except Exception as error:
                raised = error

    async def _do(self, step: Step) -> Any:
        if isinstance(step, Pause):
            return await self._clock.wait(step.seconds)
        if not isinstance(step, Send):
            return await anyio.to_thread.run_sync(step.function)
        http = self._connections.to(step.url)
        content = step.content and step.content.chunks()
        with self._connections.sending(step):
            return await http.request(
                step.method, step.url, content=content, timeout=step.timeout, **step.options
            )
