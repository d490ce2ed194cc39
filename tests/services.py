"""A service whose every answer is written by the test, on a real socket; and the command."""

import io
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from artline import AsyncClient, Client
from artline.client._wire import Clock

if TYPE_CHECKING:
    from local.cloud import Cloud

ROOT = Path(__file__).parents[1]
CONCURRENCY = 200
"""The concurrent executions of the emulated AWS account."""
HEALTH = {
    "status": "ok",
    "model": {"name": "scripted", "version": "1"},
    "version": "0",
    "start": "warm",
    "limits": {"image_bytes": 4_718_592, "max_side": 2048, "default_side": 1024},
}


@dataclass
class Asked:
    """A request that came."""

    key: str
    path: str
    headers: Message
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Requests: noted, then answered by the next step of the script."""

    protocol_version = "HTTP/1.1"
    server: "Scripted"

    def serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        with self.server.lock:
            key = f"{self.command} {self.path.partition('?')[0]}"
            self.server.requests.append(Asked(key, self.path, self.headers, body))
            any_last = f"{key.rpartition('/')[0]}/*"
            script = self.server.script
            steps = script.get(key) or script.get(any_last) or [answer(404)]
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        self.body = body
        step(self)

    do_GET = do_POST = do_DELETE = serve  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests have no log."""


Step = Callable[[Handler], None]


class Scripted(ThreadingHTTPServer):
    """Answers each `METHOD /path` with its steps in turn; the last one is for all that follow.

    A path may end in `/*`.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[Asked] = []
        self.script: dict[str, list[Step]] = {"GET /health": [answer(200, json=HEALTH)]}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def on(self, key: str, *steps: Step) -> None:
        self.script[key] = list(steps)

    def asked(self, key: str) -> list[Asked]:
        return [request for request in self.requests if request.key == key]

    def handle_error(self, request: object, address: object) -> None:
        """A client that goes away is what some tests are about."""


def answer(status: int, body: bytes = b"", json: object = None, **headers: str) -> Step:
    """Answers; `json` becomes a JSON body, and `retry_after` the header Retry-After."""

    def step(handler: Handler) -> None:
        content = body if json is None else dumps(json)
        kind = "image/jpeg" if body else "application/json"
        handler.send_response_only(status)
        sent = {"content-type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
        for name, value in sent.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return step


def dumps(value: object) -> bytes:
    return json.dumps(value).encode()


def drop(handler: Handler) -> None:
    """Resets the connection, with no answer."""
    linger = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    handler.close_connection = True
    # The files hold the socket open: it is reset when the last of them is closed.
    handler.rfile.close()
    handler.connection.close()


def truncate(body: bytes) -> Step:
    """Promises `body`, sends half of it and hangs up."""

    def step(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "image/jpeg")
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2])
        handler.close_connection = True

    return step


class FakeClock(Clock):
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.time += seconds

    async def wait(self, seconds: float) -> None:
        self.sleep(seconds)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    with Scripted() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    """The time that every client of the test goes by."""
    clock = FakeClock()
    monkeypatch.setattr(Client, "_clock", clock)
    monkeypatch.setattr(AsyncClient, "_clock", clock)
    return clock


@pytest.fixture
def client(scripted: Scripted, clock: FakeClock) -> Iterator[Client]:
    with Client(scripted.url) as client:
        yield client


@pytest.fixture(scope="session")
def drawing() -> bytes:
    """What a scripted service answers: a whole JPEG."""
    file = io.BytesIO()
    Image.linear_gradient("L").save(file, "JPEG")
    return file.getvalue()


class Steps:
    """What a scripted service can do, for the tests to name."""

    answer = staticmethod(answer)
    drop = staticmethod(drop)
    truncate = staticmethod(truncate)


@pytest.fixture
def steps() -> type[Steps]:
    return Steps


@pytest.fixture
def artline(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The command, in a process and a directory of its own, with none of the caller's settings."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("ARTLINE_")}
        return subprocess.run(
            [sys.executable, "-m", "artline", *map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(ROOT), "COLUMNS": "100"} | environment,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def account() -> "Iterator[Cloud]":
    """An account in an emulator that checks signatures and rights."""
    pytest.importorskip("ministack", reason="MiniStack is not installed: pip install ministack")
    from local import cloud

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(cloud.SETTINGS, "SERVICES", "sts,iam,lambda,ecr,apigateway,apigatewayv2")
        patch.setitem(cloud.SETTINGS, "LAMBDA_ACCOUNT_CONCURRENCY", str(CONCURRENCY))
        running = cloud.Cloud()
    with running:
        yield running
