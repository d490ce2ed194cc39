"""AWS on this machine, as far as the function calls it: MiniStack as S3, SQS and SSM.

MiniStack checks signatures and the policies of presigned forms, notifies queues of uploads and
moves dead letters as AWS does. It lets nothing expire. What it holds is in its memory, and goes
with it.
"""

import asyncio
import importlib.util
import ipaddress
import multiprocessing
import os
import re
import secrets
import signal
import socket
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from multiprocessing.connection import Connection
from typing import Any, Final, Self
from urllib.parse import parse_qsl

from .program import REGION, Resource
from .resources import MAKERS, make

LOOPBACK: Final = "127.0.0.1"


def url(host: str, port: int) -> str:
    """The base URL of a server on `host`, a name or an address."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class MissingError(Exception):
    """MiniStack is not installed."""


class Cloud:
    """A MiniStack at an address of this machine, in a process of its own that ends with this one.

    It is there at once: what is asked before it has started waits. `environment` leads an AWS
    client, and so the function, to it: presigned URLs name `host` too. Other machines can upload by
    a presigned form and download by a presigned URL, and nothing else. Raises `MissingError`.
    """

    def __init__(self, host: str = LOOPBACK) -> None:
        if importlib.util.find_spec("ministack") is None:
            raise MissingError("MiniStack is not installed: pip install ministack")
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.create_server((host, 0), family=family, backlog=128) as listener:
            address, port = listener.getsockname()[:2]
            self.environment = {
                "AWS_ENDPOINT_URL": url(address, port),
                "AWS_ACCESS_KEY_ID": "local",
                "AWS_SECRET_ACCESS_KEY": secrets.token_hex(20),
                "AWS_DEFAULT_REGION": REGION,
            }
            settings = self.environment | SETTINGS | {"GATEWAY_PORT": str(port)}
            self._process = spawn.Process(
                target=_serve, args=(theirs, listener, address, settings), daemon=True
            )
            self._process.start()
        theirs.close()
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        """A boto3 client of S3, SQS or SSM here."""
        import boto3  # type: ignore[import-untyped]

        session = boto3.Session(
            self.environment["AWS_ACCESS_KEY_ID"],
            self.environment["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )
        return session.client(service, endpoint_url=self.environment["AWS_ENDPOINT_URL"])

    def make(self, resources: Iterable[Resource]) -> None:
        """Creates those of the declared resources that the function calls or is called by."""
        for resource in resources:
            if resource.type in MAKERS:
                make(self.client, resource, resource.properties)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


SETTINGS = {
    "AUTH": "true",
    "SERVICES": "s3,sqs,ssm,iam,sts",
    "LOG_LEVEL": "ERROR",
    "PERSIST_STATE": "0",
    "S3_PERSIST": "0",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
}
"""MiniStack's own. Without AUTH it believes whatever signature a form carries."""


UPLOAD: Final = re.compile(r"/[a-z0-9][a-z0-9.-]+")
RESULT: Final = re.compile(UPLOAD.pattern + r"/results/[0-9a-f]{64}\.[a-z]+")
"""Paths that other machines may ask for: a bucket, and line art in it."""

SIGNED: Final = {
    f"X-Amz-{part}"
    for part in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
}
"""The parameters of a presigned URL."""

PASSED: Final = {b"content-type", b"content-length", b"transfer-encoding", b"range", b"origin"}
PREFLIGHT: Final = b"access-control-request-"
"""The headers of other machines' requests that count. Others choose a service and say who calls."""


def passed(scope: Mapping[str, Any], here: str) -> Mapping[str, Any] | None:
    """The ASGI scope of a request that may pass, None where it may not.

    MiniStack verifies the signatures of presigned forms and URLs of S3, but not those of other
    requests. Requests from this machine, whose address is `here`, pass unchanged. Those from other
    machines pass if they upload by a presigned form or download by a presigned URL.
    """
    caller = (scope.get("client") or ("",))[0]
    if caller == here or (caller and ipaddress.ip_address(caller).is_loopback):
        return scope
    method, path, headers = scope["method"], scope["path"], dict(scope["headers"])
    query = {name for name, _ in parse_qsl(scope["query_string"].decode("latin-1"))}
    form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
    to_bucket = UPLOAD.fullmatch(path) and not scope["query_string"]
    if not (
        (method == "POST" and to_bucket and form)
        or (method == "OPTIONS" and to_bucket)
        or (method in ("GET", "HEAD") and RESULT.fullmatch(path) and query >= SIGNED)
    ):
        return None
    kept = [
        (name, value)
        for name, value in scope["headers"]
        if name in PASSED or name.startswith(PREFLIGHT)
    ]
    host, port = scope["server"]
    return {
        **scope,
        "headers": [*kept, (b"host", url(host, port).removeprefix("http://").encode())],
    }


def guarded(app: Any, here: str) -> Any:
    """An ASGI application that answers 403 to what may not pass."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
        elif given := passed(scope, here):
            await app(given, receive, send)
        else:
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    return answer


def _serve(
    pipe: Connection, listener: socket.socket, here: str, settings: Mapping[str, str]
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, to end all in order
    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    os.environ.update(settings)  # which MiniStack reads as it is imported
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from ministack.app import app  # type: ignore[import-untyped]

    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = settings["LOG_LEVEL"]
    asyncio.run(serve(guarded(app, here), config))


def _end_with_parent(pipe: Connection) -> None:
    """Even a parent that is killed closes its end of the pipe."""
    pipe.poll(None)
    os._exit(0)
