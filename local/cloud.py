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
    client, and so the function, to it: links that the function signs name `host` too. Callers from
    other machines may upload by a form and fetch by a signed link, and nothing else. Raises
    `MissingError`.
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


def may_pass(scope: Mapping[str, Any], here: str) -> bool:
    """Whether a request of that ASGI scope is for this machine's own, or what others may do.

    MiniStack checks the signatures of S3's forms and links. Its other services, and its own routes,
    believe whoever asks. `here` is the address that it is reached at.
    """
    caller = (scope.get("client") or ("",))[0]
    if caller == here or (caller and ipaddress.ip_address(caller).is_loopback):
        return True
    path, headers = scope["path"], dict(scope["headers"])
    if scope["method"] == "POST":
        form = headers.get(b"content-type", b"").startswith(b"multipart/form-data")
        return form and bool(re.fullmatch(r"/[a-z0-9][a-z0-9.-]+/?", path))
    signed = b"X-Amz-Signature=" in scope["query_string"]
    return scope["method"] in ("GET", "HEAD") and signed and path.count("/") > 1


def guarded(app: Any, here: str) -> Any:
    """An ASGI application that answers 403 where `may_pass` says no."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not may_pass(scope, here):
            await send({"type": "http.response.start", "status": 403, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

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
