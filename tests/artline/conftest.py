"""The fixtures of the client and the command line."""

import pytest

from tests.services import (  # noqa: F401
    account,
    artline,
    client,
    clock,
    drawing,
    scripted,
    steps,
)


@pytest.fixture(params=["service", "here"])
def at(request: pytest.FixtureRequest) -> list[str]:
    """The arguments by which the command draws: with the real local service, or in its process."""
    if request.param == "here":
        return ["--local"]
    return ["--endpoint", request.getfixturevalue("server")]
