"""What several folders of tests share."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def samples() -> Path:
    return ROOT / "samples"


@pytest.fixture(scope="session")
def face(samples: Path) -> bytes:
    return (samples / "face.jpg").read_bytes()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The endpoint of the real local server, started as `make run` starts it."""
    command = [sys.executable, "-m", "local", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield re.findall(r"http://\S+", line)[0]
        finally:
            process.terminate()
