"""The service: the real one, and such as a test makes up."""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artline import Client, version
from operate.doctor import service as checks
from operate.doctor.deployment import Deployment
from operate.doctor.stack import Stack

SIZE = (256, 192)


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG")
    return file.getvalue()


def health(scripted: Any, steps: Any, **model: str) -> None:
    document = {"model": {"name": "m", "version": "1", **model}, "limits": {}, "version": "0"}
    scripted.on("GET /health", steps.answer(200, json=document | {"start": "cold"}))


def test_the_real_service(server: str, bare: Path) -> None:
    deployment = Deployment(endpoint=server)
    finding = checks.endpoint(deployment)
    assert finding.status == "ok"
    assert re.match(rf"{server} answers in \d+\.\d s after a (cold|warm) start:", finding.found)
    finding = checks.photo(deployment)
    assert finding.status == "ok"
    assert re.match(r"drawn in \d+\.\d s after a (cold|warm) start, \d+ ms", finding.found)
    assert (served := checks.model(deployment)) is None or served.status == "ok"


def test_the_real_queue(server: str, bare: Path) -> None:
    with Client(server) as client:
        if not client.health().jobs:
            pytest.skip("the local service has no queue: MiniStack is missing")
    finding = checks.job(Deployment(endpoint=server))
    assert finding
    assert finding.status == "ok"
    assert re.fullmatch(r"drawn in \d+\.\d s", finding.found)


def test_no_sample_is_answered_from_what_is_stored() -> None:
    assert checks._sample().tobytes() != checks._sample().tobytes()


def test_a_queue_that_does_not_draw(
    bare: Path, scripted: Any, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 1.0)
    deployment = Deployment(endpoint=scripted.url)
    health(scripted, steps)
    assert checks.job(deployment) is None
    document = {"model": {"name": "m", "version": "1"}, "limits": {}, "jobs": True}
    scripted.on("GET /health", steps.answer(200, json=document))
    job = {"id": "abc", "status": "queued", "job_url": f"{scripted.url}/jobs/abc"}
    scripted.on("POST /jobs", steps.answer(201, json=job))
    scripted.on("GET /jobs/abc", steps.answer(200, json=job))
    finding = checks.job(deployment)
    assert finding
    assert (finding.status, finding.found) == ("failed", "job abc was still queued after 1 s")


def test_the_endpoint_is_found_as_the_client_finds_it(
    server: str, project: Any, program: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert checks.endpoint(Deployment()).status == "warning"
    project()
    program("pulumi", **{"stack output endpoint": server})
    assert checks.endpoint(Deployment()).status == "ok"
    monkeypatch.setenv("ARTLINE_ENDPOINT", "http://127.0.0.1:9")
    assert checks.endpoint(Deployment()).status == "failed"
    assert checks.endpoint(Deployment(endpoint=server)).status == "ok"


def test_a_stack_by_its_name(server: str, program: Any) -> None:
    program("pulumi", **{"stack output json": f'{{"endpoint": "{server}"}}'})
    assert checks.endpoint(Deployment(Stack("prod"))).status == "ok"


def test_not_deployed_yet(bare: Path) -> None:
    finding = checks.endpoint(Deployment())
    assert (finding.status, finding.fix) == ("warning", "pulumi up")


@pytest.mark.parametrize("endpoint", ["localhost", "http://ada:hunter2@127.0.0.1:9"])
def test_nothing_answers(bare: Path, endpoint: str) -> None:
    finding = checks.endpoint(Deployment(endpoint=endpoint))
    assert finding.status == "failed"
    assert "hunter2" not in f"{finding.found} {finding.fix}"


def test_something_else_answers(bare: Path, scripted: Any, steps: Any) -> None:
    scripted.on("GET /health", steps.answer(500, json={"detail": "No model."}))
    finding = checks.endpoint(Deployment(endpoint=scripted.url))
    assert (finding.status, finding.fix) == ("failed", "pulumi up")
    assert finding.found == "No model. (HTTP 500)"


def test_the_model_that_is_served(
    bare: Path, scripted: Any, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment = Deployment(endpoint=scripted.url)
    health(scripted, steps)
    assert checks.model(deployment) is None
    digest = hashlib.sha256(b"a model").hexdigest()
    monkeypatch.setattr(version, "MODEL", bare / "model.onnx")
    health(scripted, steps, sha256=digest)
    assert (served := checks.model(deployment))
    assert (served.status, digest[:12] in served.found) == ("warning", True)
    (bare / "model.onnx").write_bytes(b"a model")
    assert (served := checks.model(deployment))
    assert served.found.endswith("as it is here")
    (bare / "model.onnx").write_bytes(b"another")
    assert (served := checks.model(deployment))
    assert (served.status, served.fix) == ("warning", "pulumi up")


def test_a_cold_start_is_said(bare: Path, scripted: Any, steps: Any) -> None:
    health(scripted, steps)
    art = jpeg(Image.effect_noise(SIZE, 90))
    scripted.on(
        "POST /transform",
        steps.answer(200, art, server_timing="inference;dur=70.4, start;desc=cold"),
    )
    deployment = Deployment(endpoint=scripted.url, token="secret")
    assert "after a cold start: m/1, version 0" in checks.endpoint(deployment).found
    finding = checks.photo(deployment)
    assert finding.status == "ok"
    assert finding.found.endswith("s after a cold start, 70 ms of it the model's")
    (asked,) = scripted.asked("POST /transform")
    assert asked.headers["authorization"] == "Bearer secret"
    with Image.open(io.BytesIO(asked.body)) as sent:
        assert sent.size == SIZE


@pytest.mark.parametrize("art", [Image.new("L", SIZE, "white"), Image.linear_gradient("L")])
def test_what_comes_back_is_no_line_art(
    bare: Path, scripted: Any, steps: Any, art: Image.Image
) -> None:
    scripted.on("POST /transform", steps.answer(200, jpeg(art)))
    finding = checks.photo(Deployment(endpoint=scripted.url))
    assert finding.status == "failed"
    assert "not its line art" in finding.found


@pytest.mark.parametrize(
    ("status", "fix"),
    [(401, "make doctor ARGS='--token TOKEN'"), (403, "make doctor ARGS=--sign")],
)
def test_a_service_that_asks_who_calls(
    bare: Path, scripted: Any, steps: Any, status: int, fix: str
) -> None:
    scripted.on("POST /transform", steps.answer(status, json={"message": "Forbidden"}))
    finding = checks.photo(Deployment(endpoint=scripted.url))
    assert (finding.status, finding.fix) == ("warning", fix)
    finding = checks.photo(Deployment(endpoint=scripted.url, token="wrong"))
    assert (finding.status, finding.fix) == ("failed", "pulumi logs")
    assert f"(HTTP {status})" in finding.found


def test_a_fault(bare: Path, scripted: Any, steps: Any) -> None:
    scripted.on("POST /transform", steps.answer(500, json={"detail": "The fault is ours."}))
    finding = checks.photo(Deployment(endpoint=scripted.url))
    assert (finding.status, finding.found) == ("failed", "The fault is ours. (HTTP 500)")


def test_a_stack_of_iam_is_signed_for(
    project: Any, scripted: Any, steps: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(auth="iam")
    scripted.on("POST /transform", steps.answer(200, jpeg(Image.effect_noise(SIZE, 90))))
    deployment = Deployment(endpoint=scripted.url)
    finding = checks.photo(deployment)
    assert (finding.status, finding.fix) == ("failed", "aws configure sso")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert checks.photo(deployment).status == "ok"
    (asked,) = scripted.asked("POST /transform")
    assert "AKIAEXAMPLE/" in asked.headers["authorization"]
