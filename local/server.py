"""HTTP in, API Gateway event out, and back: the declared API on one machine."""

import base64
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import uvicorn
from anyio import fail_after, to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from artline.limits import GATEWAY_BYTES
from function.problem import ProblemError

from . import gateway
from .environments import CrashedError, ExpiredError, ThrottledError
from .program import Deployment

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
TOO_LARGE = ProblemError(
    413, "The request is larger than one invocation holds: shrink the photo, or use /jobs."
)


class GatewayError(Exception):
    """What API Gateway answers by itself: a status and, in JSON, one short message.

    Throttling and failures of Lambda reach the caller in this form too. There is no Retry-After. An
    unknown route and an event over Lambda's 6 MB get the service's own words, which say what to do.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Function(Protocol):
    """Whatever answers an invocation: processes here, containers in the benchmarks."""

    def invoke(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """The handler's answer. Raises the errors of `local.environments`."""


def application(deployment: Deployment, function: Function) -> Starlette:
    """The ASGI application that answers as `deployment`'s API would, with `function` behind it."""
    throttle = gateway.TokenBucket(deployment.throttle_rate, deployment.throttle_burst)

    async def endpoint(request: Request) -> Response:
        try:
            if not throttle.take():
                raise GatewayError(429, "Too Many Requests")
            event = await _event(deployment, request)
            with fail_after(deployment.integration_timeout):
                answer = await to_thread.run_sync(function.invoke, event, abandon_on_cancel=True)
            return _response(answer)
        except ProblemError as problem:
            return _refusal(problem)
        except GatewayError as error:
            return _gateway(error)
        except (ThrottledError, ExpiredError, TimeoutError):
            return _gateway(GatewayError(503, "Service Unavailable"))
        except CrashedError:
            return _gateway(GatewayError(500, "Internal Server Error"))

    cors = deployment.cors
    middleware = (
        []
        if cors is None
        else [
            Middleware(
                CORSMiddleware,
                allow_origins=cors.allow_origins,
                allow_methods=cors.allow_methods,
                allow_headers=cors.allow_headers,
                expose_headers=cors.expose_headers,
                max_age=cors.max_age,
            )
        ]
    )
    # A path's own methods are the function's to refuse.
    return Starlette(
        routes=[Route("/{path:path}", endpoint, methods=METHODS)], middleware=middleware
    )


async def _event(deployment: Deployment, request: Request) -> dict[str, Any]:
    match = gateway.route(deployment.routes, request.method, request.url.path)
    if match is None:
        raise ProblemError(404, f"There is no {request.method} {request.url.path} here.")
    event = gateway.event(
        *match,
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        headers=request.headers.items(),
        body=await _body(request),
        source_ip=request.client.host if request.client else "127.0.0.1",
        host=request.url.netloc,
    )
    if gateway.too_large(event):
        raise TOO_LARGE
    return event


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > GATEWAY_BYTES:
                raise GatewayError(413, "Request Entity Too Large")
    except ClientDisconnect as error:
        raise ProblemError(400, "The request ended before its body did.") from error
    return bytes(body)


def _response(answer: Mapping[str, Any]) -> Response:
    if gateway.too_large(answer):
        raise GatewayError(500, "Internal Server Error")
    body = answer.get("body") or ""
    return Response(
        base64.b64decode(body) if answer.get("isBase64Encoded") else body,
        status_code=answer.get("statusCode", 200),
        headers=answer.get("headers"),
    )


def _refusal(problem: ProblemError) -> Response:
    return Response(
        json.dumps(problem.document()),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def _gateway(error: GatewayError) -> Response:
    body = json.dumps({"message": str(error)}, separators=(",", ":"))
    return Response(body, status_code=error.status, media_type="application/json")


@contextmanager
def listening(api: Starlette) -> Iterator[str]:
    """Serves `api` on a free port of this machine, in a thread; yields the base URL.

    Raises RuntimeError where the server does not start.
    """
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            if not thread.is_alive():
                raise RuntimeError("the server did not start")
        host, port = server.servers[0].sockets[0].getsockname()
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join()
