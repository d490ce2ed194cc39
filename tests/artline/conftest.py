"""The fixtures of the client and the command line."""

from tests.services import (  # noqa: F401
    account,
    artline,
    client,
    clock,
    drawing,
    scripted,
    steps,
)
