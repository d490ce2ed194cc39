"""Photos that are easily read wrongly: by a request, by a job, and by the client."""

import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from artline import Client, PhotoError, ProblemError, limits
from function.app import handler
from tests.artline.photo.corpus import DRAWN, REFUSED, photo
from tests.jobs.stage import Stage, look, post, upload


def posted(body: bytes) -> dict[str, Any]:
    return handler({"body": base64.b64encode(body).decode(), "isBase64Encoded": True})


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_by_a_request(name: str) -> None:
    answer = posted(photo(name))
    assert answer["statusCode"] == 200, answer["body"]
    assert Image.open(io.BytesIO(base64.b64decode(answer["body"]))).size == DRAWN[name]


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_a_request(name: str) -> None:
    answer = posted(photo(name))
    assert answer["statusCode"] == REFUSED[name]
    assert name != "raw-dng-like.tif" or "camera raw" in answer["body"]


def test_by_a_job(stage: Stage) -> None:
    jobs = {name: post() for name in DRAWN | REFUSED}
    for name, job in jobs.items():
        assert upload(job, photo(name)).status_code == 204
    while any(look(job["id"])["status"] == "queued" for job in jobs.values()):
        stage.work()
    for name, job in jobs.items():
        state = look(job["id"])
        if name in REFUSED:
            assert state["error"]["status"] == REFUSED[name], name
        else:
            drawn = Image.open(io.BytesIO(httpx.get(state["result_url"]).content))
            assert drawn.size == DRAWN[name], name


def test_by_the_client(server: str) -> None:
    with Client(server) as client:
        for name, size in DRAWN.items():
            assert client.transform(photo(name)).image.size == size, name
        for name, status in REFUSED.items():
            with pytest.raises((PhotoError, ProblemError)) as refusal:
                client.transform(photo(name))
            assert getattr(refusal.value, "status", None) == status, name


def test_the_client_deletes_a_job(server: str) -> None:
    with Client(server) as client:
        job = client.submit(photo("png-ztxt-1_6MB.png"), max_side=100)
        client.wait(job)
        client.delete(job)
        with pytest.raises(ProblemError) as refusal:
            client.job(job)
    assert refusal.value.status == 404


def padded(size: int) -> bytes:
    """A photo of exactly `size` bytes."""
    file = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(file, "PNG")
    return file.getvalue().ljust(size, b"\0")


@pytest.mark.parametrize("size", [limits.IMAGE_BYTES, limits.TEXT_IMAGE_BYTES])
def test_the_limits_really_pass(server: str, size: int) -> None:
    """Through the local run, which refuses an event that Lambda would."""
    body = padded(size)
    headers = {"content-type": "image/png"}
    if size == limits.TEXT_IMAGE_BYTES:
        body = base64.b64encode(body)
        headers["content-type"] = "application/x-www-form-urlencoded"
    headers |= {"x-padding": "x" * 7000}
    answer = httpx.post(f"{server}/transform", content=body, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert json.loads(httpx.get(f"{server}/health").text)["limits"]["image_bytes"] >= size
