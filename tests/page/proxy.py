"""A server in front of the real one: it records what the page sends, and can be made to fail."""

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit

PASSED_ON = {
    "accept",
    "accept-encoding",
    "authorization",
    "content-type",
    "if-none-match",
    "user-agent",
}


@dataclass(frozen=True)
class Sent:
    """One request of the page's."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What the page is answered in place of the server's answer; no status: the line breaks."""

    status: int | None
    detail: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    """In place of the problem document that `detail` stands in."""
    parts: "threading.Semaphore | None" = None
    """Where given, each release of it lets another tenth of the body through."""


def gateway(status: int, message: str, **headers: str) -> Answer:
    """An answer of API Gateway's own."""
    body = json.dumps({"message": message}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, headers={"content-type": "application/json", **named}, body=body)


Fault = Callable[[Sent], Answer | None]
"""Answers in place of the server, or waits and lets the request pass."""


class Proxy(ThreadingHTTPServer):
    """Passes every request on to `endpoint`, but for what its `faults` keep."""

    daemon_threads = True

    def __init__(self, endpoint: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(endpoint).netloc
        self.sent: list[Sent] = []
        self.faults: list[Fault] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def to(self, path: str) -> list[Sent]:
        """What was sent to `path`, in order."""
        return [sent for sent in self.sent if sent.path == path]

    def refuse(self, path: str, *answers: Answer | None) -> None:
        """Gives the next requests to `path` these answers, the last of them for good."""
        left = list(answers)

        def fault(sent: Sent) -> Answer | None:
            if sent.path != path:
                return None
            return left.pop(0) if len(left) > 1 else left[0]

        self.faults.append(fault)

    def hold(self, path: str) -> threading.Event:
        """Keeps requests to `path` waiting until the event is set."""
        event = threading.Event()

        def fault(sent: Sent) -> None:
            if sent.path == path:
                event.wait(60)

        self.faults.append(fault)
        return event

    def handle_error(self, *_: object) -> None:
        """A page that goes away in the middle of a request is nothing to report."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        url = urlsplit(self.path)
        sent = Sent(self.command, url.path, url.query, headers, body)
        self.server.sent.append(sent)
        for fault in list(self.server.faults):
            if answer := fault(sent):
                return self._refuse(answer)
        return self._forward(sent)

    do_GET = do_POST = do_DELETE = _pass  # noqa: N815  the base class's names

    def _refuse(self, answer: Answer) -> None:
        if answer.status is None:
            self.close_connection = True
            return
        document = {"status": answer.status, "detail": answer.detail}
        body = json.dumps(document).encode() if answer.body is None else answer.body
        headers = {"content-type": "application/problem+json", **answer.headers}
        self._answer(answer.status, headers, body, answer.parts)

    def _forward(self, sent: Sent) -> None:
        connection = http.client.HTTPConnection(self.server.target, timeout=120)
        passed = {name: value for name, value in sent.headers.items() if name in PASSED_ON}
        connection.request(self.command, self.path, sent.body or None, passed)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        self._answer(answer.status, headers, body)

    def _answer(
        self,
        status: int,
        headers: dict[str, str],
        body: bytes,
        parts: "threading.Semaphore | None" = None,
    ) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in ("connection", "content-length", "transfer-encoding"):
                self.send_header(name, value)
        if status != http.client.NOT_MODIFIED:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if parts is None:
            self.wfile.write(body)
            return
        tenth = len(body) // 10 + 1
        for start in range(0, len(body), tenth):
            parts.acquire(timeout=60)
            self.wfile.write(body[start : start + tenth])
