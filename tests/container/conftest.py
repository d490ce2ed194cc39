"""The image, built once a session, and a copy of it that runs for a file's tests."""

from collections.abc import Iterator

import pytest

from local.image import Container, Missing, build, run

TAG = "artline:test"


@pytest.fixture(scope="session")
def image() -> str:
    """The function's image. Docker's layer cache makes building it again a matter of seconds."""
    try:
        return build(TAG)
    except Missing as what:
        pytest.skip(str(what))


@pytest.fixture(scope="module")
def copy(image: str) -> Iterator[Container]:
    with run(image) as container:
        yield container
