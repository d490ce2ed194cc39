"""The contract through HTTP: real photos, the real server, the real handler."""

import base64
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from artline.limits import GATEWAY_BYTES
from local.environments import Environments
from local.program import deployment
from local.server import application, listening


@pytest.fixture
def client(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, timeout=60) as client:
        yield client


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize(
    "content_type",
    [
        "image/jpeg",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "text/plain",
        None,
    ],
)
def test_an_image_whatever_it_is_called(
    client: httpx.Client, face: bytes, content_type: str | None
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    answer = client.post("/transform", content=face, headers=headers)
    assert answer.headers["content-type"] == "image/jpeg"
    assert opened(answer).size == (512, 512)
    assert "inference;dur=" in answer.headers["server-timing"]
    assert answer.headers["x-model"]


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain"])
def test_base64_as_the_original_post_sent_it(
    client: httpx.Client, face: bytes, content_type: str
) -> None:
    text = base64.b64encode(face)
    answer = client.post("/transform", content=text, headers={"content-type": content_type})
    assert answer.headers["content-type"].startswith("text/plain")
    assert Image.open(io.BytesIO(base64.b64decode(answer.text))).size == (512, 512)


def test_options_and_orientation(client: httpx.Client, samples: Path) -> None:
    photo = (samples / "rotated.jpg").read_bytes()
    answer = client.post(
        "/transform", params={"max_side": 300}, content=photo, headers={"accept": "image/png"}
    )
    assert opened(answer).format == "PNG"
    assert opened(answer).size == (200, 300)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", "/transform", b"", 400),
        ("POST", "/transform", b"not base64!", 400),
        ("GET", "/nowhere", b"", 404),
        ("PATCH", "/transform", b"", 405),
        ("POST", "/transform", b"\xff" * 4_800_000, 413),
        ("POST", "/transform", b"\x89\x01\x02", 415),
        ("POST", "/transform", b"\xff\xd8\xff\xe0", 422),
    ],
)
def test_refusals(
    client: httpx.Client, method: str, path: str, content: bytes, status: int
) -> None:
    answer = client.request(method, path, content=content)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert answer.json()["detail"]


def test_cors(client: httpx.Client) -> None:
    origin = {"origin": "https://example.org"}
    asked = origin | {"access-control-request-method": "POST"}
    preflight = client.options("/transform", headers=asked)
    assert "POST" in preflight.headers["access-control-allow-methods"]
    answer = client.get("/health", headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "server-timing" in answer.headers["access-control-expose-headers"].lower()


Serve = Callable[..., httpx.Client]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves the deployment with some of it changed, in this process, on a port of its own."""
    with ExitStack() as running:

        def start(**changes: Any) -> httpx.Client:
            wanted = replace(deployment(), **changes)
            function = Environments(
                wanted.environment | {"POWERTOOLS_METRICS_DISABLED": "true"},
                memory=wanted.memory,
                timeout=wanted.timeout,
                concurrency=wanted.concurrency or 1,
            )
            api = application(wanted, running.enter_context(function))
            endpoint = running.enter_context(listening(api))
            return running.enter_context(httpx.Client(base_url=endpoint, timeout=60))

        yield start


def gateways_own(answer: httpx.Response) -> str:
    """The message of an answer in API Gateway's own form."""
    assert answer.headers["content-type"] == "application/json"
    assert "retry-after" not in answer.headers
    (item,) = answer.json().items()
    assert item[0] == "message"
    return str(item[1])


def test_the_stage_throttles(serve: Serve) -> None:
    client = serve(throttle_rate=0.01, throttle_burst=2)
    statuses = [client.get("/health") for _ in range(3)]
    assert [answer.status_code for answer in statuses] == [200, 200, 429]
    assert gateways_own(statuses[-1]) == "Too Many Requests"


def test_more_at_once_than_may_run(serve: Serve, samples: Path) -> None:
    client = serve(concurrency=1)
    photo = (samples / "landscape.jpg").read_bytes()
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda: answers.append(client.post("/transform", content=photo)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200, 503, 503, 503]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert set(map(gateways_own, refused)) == {"Service Unavailable"}
    assert opened(client.post("/transform", content=photo)).size == (1024, 768)


def test_the_api_waits_no_longer_than_it_says(serve: Serve) -> None:
    client = serve(integration_timeout=0.01)
    answer = client.get("/health")  # a cold start, which takes longer than that
    assert answer.status_code == 503
    assert gateways_own(answer) == "Service Unavailable"


def test_a_route_that_is_not_declared_is_not_served(serve: Serve) -> None:
    client = serve(routes=("GET /health",))
    assert client.get("/health").status_code == 200
    assert client.post("/transform", content=b"x").status_code == 404


def test_a_body_over_ten_megabytes(client: httpx.Client) -> None:
    answer = client.post("/transform", content=bytes(GATEWAY_BYTES + 1))
    assert answer.status_code == 413
    assert gateways_own(answer) == "Request Entity Too Large"


def test_a_client_that_goes_away_costs_nothing(server: str, client: httpx.Client) -> None:
    def stalled() -> Iterator[bytes]:
        yield b"\xff\xd8\xff"
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        httpx.post(f"{server}/transform", content=stalled())
    assert client.get("/health").status_code == 200
