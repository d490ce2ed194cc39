"""A container of the image, started once for the tests of a file."""

from collections.abc import Iterator

import pytest

from image.container import Container, run


@pytest.fixture(scope="module")
def container(image: str) -> Iterator[Container]:
    with run(image) as container:
        yield container
