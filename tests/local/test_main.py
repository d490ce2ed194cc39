"""`python -m local`, as `make run` starts it: its settings, its signals, what it prints."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local import serve

ROOT = Path(__file__).parents[2]


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "local", "--port", "0", *arguments],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def endpoint(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return str(re.findall(r"http://\S+", process.stdout.readline())[0])


def test_whatever_the_shell_has_set(face: bytes) -> None:
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "all_proxy": "socks5://127.0.0.1:9"}
    with started("--host", "0.0.0.0", LOG_LEVEL="verbose", **nowhere) as process:  # noqa: S104
        port = endpoint(process).rpartition(":")[2]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert client.post("/transform", content=face, timeout=60).status_code == 200
            answered = 0
            while answered < 110:
                answered += client.get("/health").status_code == 200
                time.sleep(0.05)  # the declared API throttles
            while (job := client.post("/jobs", content=b"{}", timeout=60)).status_code == 429:
                time.sleep(0.1)
            assert job.status_code in (201, 404), job.text
        process.send_signal(signal.SIGTERM)
        said, complained = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said == ""
    assert complained.startswith("LOG_LEVEL=verbose is no level of logging")
    assert len(complained.splitlines()) <= 2  # the other says what jobs lack
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", int(port)))


def test_large_photos_are_uploaded_to_where_the_service_is_reached(face: bytes) -> None:
    pytest.importorskip("ministack", reason="MiniStack is not installed: pip install ministack")
    order = {"sha256": hashlib.sha256(face).hexdigest(), "size": len(face)}
    with (
        started("--host", "0.0.0.0") as process,  # noqa: S104
        httpx.Client(base_url=endpoint(process), trust_env=False, timeout=60) as client,
    ):
        job = client.post("/jobs", json=order).raise_for_status().json()
        upload = job["upload"]
        assert httpx.URL(upload["url"]).host == client.base_url.host
        sent = client.post(upload["url"], data=upload["fields"], files={"file": face})
        assert sent.status_code == 204
        end = time.monotonic() + 120
        while (state := client.get(job["job_url"]).json())["status"] != "done":
            assert time.monotonic() < end
            time.sleep(0.5)
        assert httpx.URL(state["result_url"]).host == client.base_url.host
        assert client.get(state["result_url"]).headers["content-type"] == "image/jpeg"


def catches_interrupts(process: subprocess.Popen[str]) -> bool:
    status = Path(f"/proc/{process.pid}/status").read_text()
    caught = int(re.findall(r"SigCgt:\s*(\w+)", status)[0], 16)
    return bool(caught >> (signal.SIGINT - 1) & 1)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [0.0, 0.2, 1.0, 2.0])
def test_ended_before_it_serves(how: signal.Signals, moment: float) -> None:
    with started() as process:
        for python_has_it in (True, False):  # first Python itself starts, then the program
            while catches_interrupts(process) != python_has_it:
                time.sleep(0.002)
        time.sleep(moment)
        process.send_signal(how)
        said, complained = process.communicate(timeout=60)
    assert said == "" or said.startswith("ArtLine serves")
    assert "Traceback" not in complained


def test_a_stacks_settings(face: bytes, tmp_path: Path) -> None:
    with started("--stack", "dev") as process:
        health = httpx.get(f"{endpoint(process)}/health", timeout=60, trust_env=False).json()
    assert health["status"] == "ok"


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(serve, "ROOT", tmp_path)
    monkeypatch.delenv("ARTLINE_TOKEN", raising=False)
    return tmp_path


def test_settings_are_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "Pulumi.shop.yaml").write_text(
        "config:\n  aws:region: eu-west-1\n  artline:memory: 1024\n  artline:jobs: true\n"
        "  artline:corsOrigins: [https://shop.example]\n"
        "  artline:auth: token\n  artline:apiToken:\n    secure: AAABAOt1\n"
    )
    monkeypatch.setenv("ARTLINE_TOKEN", "hunter2\n")
    assert serve._config("shop") == {
        "aws:region": "eu-west-1",
        "artline:memory": "1024",
        "artline:jobs": "true",
        "artline:corsOrigins": '["https://shop.example"]',
        "artline:auth": "token",
        "artline:apiToken": "hunter2",
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "Pulumi.shop.yaml cannot be read: No such file or directory"),
        ("config: [", "Pulumi.shop.yaml is no YAML"),
        ("config: {artline:auth: token}", "set ARTLINE_TOKEN"),
        ("config: {artline:auth: iam}", "AWS alone can check signatures"),
    ],
)
def test_settings_that_cannot_be_had(project: Path, text: str | None, said: str) -> None:
    if text is not None:
        (project / "Pulumi.shop.yaml").write_text(text)
    with pytest.raises(SystemExit, match=said):
        serve._config("shop")


@pytest.mark.parametrize("photo", ["", "none.jpg"])
def test_no_photo(photo: str) -> None:
    with started("--photo", photo) as process:
        _, complained = process.communicate(timeout=60)
    assert process.returncode == 1
    assert complained == (
        f"There is no photo {photo!r}: name one, as in make run PHOTO=samples/cat.jpg.\n"
    )
