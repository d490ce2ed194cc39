"""What several folders of tests share. Imports are the fixtures' own: not every folder has them."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from local.cloud import Cloud
    from local.program import Resource
    from tests.jobs.stage import Stage

ROOT = Path(__file__).parent.parent

# How long an example takes says more of the machine than of the code.
settings.register_profile("artline", deadline=None)
settings.load_profile("artline")

# A shell starts what runs in the background with interrupts ignored, and children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The function's image. Docker's layer cache makes building it again a matter of seconds.

    Its tag is this run's own: another run, of other code, may be building at the same time.
    """
    from image.container import MissingError, build, docker

    try:
        tag = build(f"artline:test-{os.getpid()}")
    except MissingError as what:
        pytest.skip(str(what))
    yield tag
    docker("image", "rm", "--force", tag)


@pytest.fixture(scope="session")
def resources() -> "list[Resource]":
    """What the Pulumi program declares with its default settings."""
    from local.program import declared

    return declared()


@pytest.fixture(scope="session")
def cloud() -> "Iterator[Cloud]":
    """One MiniStack for all: tests take names of their own in it."""
    from local.cloud import Cloud

    with Cloud() as cloud:
        yield cloud


@pytest.fixture
def stage(
    cloud: "Cloud",
    resources: "list[Resource]",
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> "Iterator[Stage]":
    """A jobs path of this test's own, and the handler in this process made a part of it."""
    from function import store
    from tests.jobs.stage import Stage

    stage = Stage(cloud, resources, **getattr(request, "param", {}))
    for name, value in stage.environment.items():
        monkeypatch.setenv(name, value)
    store._client.cache_clear()
    yield stage
    store._client.cache_clear()
