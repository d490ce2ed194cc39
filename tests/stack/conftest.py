"""The whole Pulumi program under mocks, in this process: once for each set of settings."""

import json
import threading
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pulumi
import pulumi_aws
import pytest
from pulumi.runtime import mocks

from local import monitor
from local.cloud import Cloud
from local.program import STACK, Resource
from stack import account as accounts
from stack.settings import Settings
from tests.services import account  # noqa: F401

with warnings.catch_warnings():
    # On import, the package's modules warn of others that they hold and we do not use.
    warnings.simplefilter("ignore", DeprecationWarning)
    pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket  # noqa: B018 - imported when first used


class Program:
    """What the program declared, easy to ask."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = [each for each in resources if each.type != STACK]
        (self.stack,) = (each for each in resources if each.type == STACK)
        self.outputs: Any = self.stack.properties

    def all(self, kind: str, **properties: Any) -> list[Resource]:
        """The resources whose type ends so, and whose properties hold at least these."""
        return [
            each
            for each in self.resources
            if each.type.endswith(kind) and properties.items() <= dict(each.properties).items()
        ]

    def one(self, kind: str, **properties: Any) -> Resource:
        (found,) = self.all(kind, **properties)
        return found

    def named(self, kind: str, name: str) -> Resource:
        (found,) = (each for each in self.all(kind) if each.name == name)
        return found

    def statements(self, role: str) -> list[dict[str, Any]]:
        """What all policies of a role allow."""
        of_role = self.named("Role", role).outputs["name"]
        policies = self.all("iam/rolePolicy:RolePolicy", role=of_role)
        return [
            statement
            for each in policies
            for statement in json.loads(each.properties["policy"])["Statement"]
        ]

    def types(self) -> set[str]:
        return {each.type for each in self.resources}


@cache
def _declare(settings: frozenset[tuple[str, str]]) -> Program:
    return Program(monitor.run(dict(settings)))


@pytest.fixture(scope="session")
def declare() -> Callable[..., Program]:
    """`declare(memory="512")`: the program as those settings have it."""
    return lambda **settings: _declare(frozenset(settings.items()))


def read(
    config: dict[str, str] | None = None,
    region: str | None = "eu-central-1",
    *,
    project: str = "artline",
    stack: str = "test",
    secrets: tuple[str, ...] = ("apiToken",),
) -> Settings:
    """The settings of a stack with this configuration, under mocks."""
    keys = {"aws:region": region} if region else {}
    named = {
        key if ":" in key else f"{project}:{key}": each for key, each in (config or {}).items()
    }
    with monitor.event_loops():
        mocks.set_mocks(monitor.Mocks(), project=project, stack=stack)
        pulumi.runtime.set_all_config(keys | named, [f"{project}:{each}" for each in secrets])
        return Settings.read()


@pytest.fixture
def emulated(account: Cloud) -> Cloud:  # noqa: F811
    """An account in an emulator, by a name that is not the module's."""
    return account


class Aws(ThreadingHTTPServer):
    """AWS as far as a test needs it: an answer for each method and path, or JSON target."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.bodies: list[Any] = []

    def answer(self, key: str) -> tuple[int, Any]:
        """A list answers one call after another; the last is for all that follow."""
        answer = self.answers.get(key, (404, {"Type": "User", "message": f"no {key}"}))
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        return answer if isinstance(answer, tuple) else (200, answer)


class _Handler(BaseHTTPRequestHandler):
    server: Aws

    def serve(self) -> None:
        target = self.headers.get("x-amz-target", "").rpartition(".")[2]
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        key = target or f"{self.command} {self.path.partition('?')[0]}"
        self.server.asked.append(key if target else f"{self.command} {self.path}")
        self.server.bodies.append(json.loads(body) if body else None)
        status, answer = self.server.answer(key)
        content = json.dumps(answer).encode()
        self.send_response_only(status)
        if status >= 400:
            self.send_header("x-amzn-errortype", answer.get("__type", "ResourceNotFoundException"))
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = serve  # noqa: N815

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Tests have no log."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account that the program asks, although it runs under mocks."""
    with Aws() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        monkeypatch.setattr(accounts, "get_monitor", lambda: None)
        yield server
        server.shutdown()
