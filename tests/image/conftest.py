"""A copy of the image that runs for a file's tests."""

from collections.abc import Iterator

import pytest

from image.container import Container, run


@pytest.fixture(scope="module")
def copy(image: str) -> Iterator[Container]:
    with run(image) as container:
        yield container
