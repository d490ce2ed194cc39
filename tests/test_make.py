"""What make says where it cannot do what is asked, and how it ends."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project, with an environment of its own in which nothing has to be installed."""
    for path in ROOT.iterdir():
        if not path.name.startswith(".") and path.name != "out":
            (tmp_path / path.name).symlink_to(path)
    venv = tmp_path / ".venv" / "bin"
    venv.mkdir(parents=True)
    (venv / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (venv / "python").chmod(0o755)
    for name in (".local", ".test"):
        (tmp_path / ".venv" / name).touch()
    return tmp_path


def outside() -> dict[str, str]:
    """The environment without what `make test` adds: a make within a make says so on its output."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=checkout,
        env=outside(),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "PHOTO="], "There is no photo ''"),
        (["run", "PHOTO=none.jpg"], "There is no photo 'none.jpg'"),
        (["run", "STACK=none", "PORT=0"], "Pulumi.none.yaml cannot be read: No such file"),
        (["run", "PORT=99999"], "Cannot listen on"),
        (["invoke", "PHOTO="], "There is no photo ''"),
        (["model"], "make model FILE=learner.pkl"),
    ],
)
def test_one_sentence(checkout: Path, arguments: list[str], said: str) -> None:
    done = make(checkout, *arguments)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert len(lines) == 1, done.stderr
    assert said in lines[0]


def test_an_image_that_is_not_there(checkout: Path, tmp_path: Path) -> None:
    if not shutil.which("docker"):
        pytest.skip("docker is not installed")
    done = make(checkout, "invoke", "TAG=artline-nothing-here:1", "PHOTO=samples/cat.jpg")
    if "engine" in done.stderr or "daemon" in done.stderr:
        pytest.skip("no container engine answers")
    assert "There is no image artline-nothing-here:1: build it with `make image`." in done.stderr
    (tmp_path / "large.jpg").write_bytes(bytes(5_500_000))
    done = make(checkout, "invoke", "PHOTO=large.jpg")
    assert "large.jpg is 5.5 MB, over the 4.7 MB that one invocation holds" in done.stderr


@pytest.mark.parametrize("target", ["run", "test", "doctor"])
def test_an_environment_without_its_python(checkout: Path, target: str) -> None:
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    done = make(checkout, target)
    assert done.returncode == 2
    assert "The Python of .venv is gone: run make clean, and this again." in done.stderr


def test_sigterm_reaches_the_server(checkout: Path) -> None:
    with subprocess.Popen(
        ["make", "run", "PORT=0", "PHOTO=samples/cat.jpg"],
        cwd=checkout,
        env=outside(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        endpoint = re.findall(r"http://\S+", process.stdout.readline())[0]
        assert httpx.get(f"{endpoint}/health", timeout=60).status_code == 200
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        process.stdout.read()  # closed once the server has ended
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{endpoint}/health")


def test_cleaning_keeps_what_was_drawn(checkout: Path) -> None:
    (checkout / "out").mkdir()
    (checkout / "out" / "art.jpg").touch()
    (checkout / ".venv-models").mkdir()
    (checkout / ".image-1").mkdir()
    assert make(checkout, "clean").returncode == 0
    left = {path.name for path in checkout.iterdir() if path.name.startswith(".")}
    assert left == set()
    assert (checkout / "out" / "art.jpg").exists()
    assert (ROOT / "artline" / "model.onnx").exists()
