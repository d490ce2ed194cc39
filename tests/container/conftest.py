"""The image, built once a session, and a copy of it that runs for a file's tests."""

import os
from collections.abc import Iterator

import pytest

from local.image import Container, Missing, build, docker, run


@pytest.fixture(scope="session")
def image() -> Iterator[str]:
    """The function's image. Docker's layer cache makes building it again a matter of seconds.

    Its tag is this run's own: another run, of other code, may be building at the same time.
    """
    try:
        tag = build(f"artline:test-{os.getpid()}")
    except Missing as what:
        pytest.skip(str(what))
    yield tag
    docker("image", "rm", "--force", tag)


@pytest.fixture(scope="module")
def copy(image: str) -> Iterator[Container]:
    with run(image) as container:
        yield container
