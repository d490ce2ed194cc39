"""What breaks around the function costs one request at the most, and is said as a problem."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from image.container import Container, docker, run
from tests.function.test_fuzz import posted
from tests.networks import negative

from .test_limits import PATIENT, photo

HEALTH = json.loads(
    (Path(__file__).parent.parent / "function/events/http_api.json").read_text()
) | {"rawPath": "/health", "body": "", "isBase64Encoded": False}
HEALTH["requestContext"]["http"] |= {"method": "GET", "path": "/health"}

NO_ROOM = ["size=64k", "nr_inodes=1"]
"""A /tmp that is filled to the last byte below, and one that takes no file from the start."""


def begun(container: Container) -> bool:
    return "START RequestId" in container.logs()


def test_a_copy_killed_in_mid_request_costs_that_request(image: str) -> None:
    event = posted(photo("RGB", "PNG"))  # which takes seconds
    with run(image, timeout=PATIENT) as container, ThreadPoolExecutor(1) as caller:
        answer = caller.submit(container.invoke, event, PATIENT)
        while not begun(container):
            time.sleep(0.01)
        docker("kill", container.id)
        with pytest.raises(OSError):  # noqa: PT011 - cut off or refused, as the moment has it
            answer.result()
        assert container.state()["ExitCode"] == 137
    with run(image, timeout=PATIENT) as one, run(image, timeout=PATIENT) as another:
        first, again = (each.invoke(event, PATIENT) for each in (one, another))
    assert first["statusCode"] == 200
    assert first["body"] == again["body"]


@pytest.mark.parametrize("options", NO_ROOM)
def test_photos_are_drawn_with_a_full_tmp(image: str, face: bytes, options: str) -> None:
    with run(image, f"--tmpfs=/tmp:{options}") as container:
        fill = "cat /dev/zero >/tmp/full; { echo more >/tmp/more; } && echo there was room"
        assert docker("exec", container.id, "sh", "-c", f"({fill}) 2>/dev/null || true") == ""
        answers = [container.invoke(posted(face)) for _ in range(2)]
        refused = container.invoke(posted(face[:1000]))
        logs = container.logs()
    assert [answer["statusCode"] for answer in answers] == [200, 200]
    assert refused["statusCode"] == 422
    assert "Traceback" not in logs


def corrupt(path: Path, fault: str) -> None:
    """Writes a model file at `path` that cannot be served."""
    match fault:
        case "cut short":
            negative(path)
            path.write_bytes(path.read_bytes()[:-100])
        case "empty":
            path.touch()
        case "no ONNX":
            path.write_text("version https://git-lfs.github.com/spec/v1\n")
        case "metadata":
            negative(path, multiple="eight")


@pytest.fixture
def without_model(image: str, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nRUN rm artline/model.onnx\n")
    tag = f"{image}-without-model"
    docker("build", "--quiet", "--tag", tag, str(tmp_path))
    yield tag
    docker("image", "rm", "--force", tag)


def is_unserved(container: Container, face: bytes) -> None:
    """The container stays up and answers every request with what is wrong."""
    for _ in range(2):
        health, drawn = container.invoke(HEALTH), container.invoke(posted(face))
        assert "model.onnx cannot be" in problem(health, 503)["detail"]  # read, or served
        assert health["headers"]["retry-after"]
        problem(drawn, drawn["statusCode"])
        assert drawn["statusCode"] in {500, 503}
    assert problem(container.invoke(posted(b"")), 400)  # what the caller did is told first
    assert container.state()["Running"]
    assert "Runtime exited" not in container.logs()


def problem(answer: dict[str, Any], status: int) -> dict[str, Any]:
    assert answer["headers"]["content-type"] == "application/problem+json"
    document: dict[str, Any] = json.loads(answer["body"])
    assert document["status"] == answer["statusCode"] == status
    return document


@pytest.mark.parametrize("fault", ["cut short", "empty", "no ONNX", "metadata"])
def test_a_corrupt_model_is_said_to_be(image: str, tmp_path: Path, face: bytes, fault: str) -> None:
    model = tmp_path / "model.onnx"
    corrupt(model, fault)
    model.chmod(0o644)
    tmp_path.chmod(0o755)
    with run(image, f"--volume={model}:/var/task/artline/model.onnx:ro") as container:
        is_unserved(container, face)


def test_a_missing_model_is_said_to_be(without_model: str, face: bytes) -> None:
    with run(without_model) as container:
        is_unserved(container, face)


def test_slow_clients_keep_nobody_waiting(server: str, face: bytes) -> None:
    """API Gateway reads a whole body before it invokes the function, so slow callers wait alone."""
    go_on = threading.Event()

    def trickle() -> Iterator[bytes]:
        yield face[:100]
        go_on.wait()
        yield from (face[start : start + 1000] for start in range(100, len(face), 1000))

    def post(body: bytes | Iterator[bytes]) -> httpx.Response:
        return httpx.post(f"{server}/transform", content=body, timeout=60)

    with ThreadPoolExecutor(12) as callers:
        slow = [callers.submit(post, trickle()) for _ in range(12)]
        try:
            quick = [post(face) for _ in range(3)]
            assert not any(each.done() for each in slow)
        finally:
            go_on.set()
        late = [each.result() for each in slow]
    assert [answer.status_code for answer in quick] == [200] * 3
    assert {answer.status_code for answer in late} <= {200, 429, 503}
    assert {answer.content for answer in late if answer.status_code == 200} == {quick[0].content}
