"""A deployment of the first release keeps what it holds: every URN is still one, or an alias."""

from pathlib import Path
from typing import Any

import pytest

from local import monitor
from local.program import STACK

FIRST_RELEASE = (Path(__file__).parent / "urns.txt").read_text().splitlines()
"""What the first release registered, with the settings below."""

SETTINGS = {
    "auth": "token",
    "apiToken": "hunter2",
    "warm": "ping",
    "warmCopies": "2",
    "alarmEmail": "owner@example.com",
}

HOLDING = (
    "s3/bucket:Bucket",
    "sqs/queue:Queue",
    "apigatewayv2/api:Api",
    "ecr/repository:Repository",
    "ssm/parameter:Parameter",
)


class Registry(monitor.Monitor):
    """Notes what the engine would know each resource by: its URN, and those of its aliases."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, set[str]] = {}
        self._resources: dict[str, tuple[str, str, list[str]]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        response = super().RegisterResource(request)
        if request.type == STACK:
            return response
        types, name, before = self._resources.get(request.parent, ("", "", []))
        types = f"{types}${request.type}".removeprefix("$")
        aliases = [each.spec.name for each in request.aliases]
        if request.name.startswith(name):
            # So the engine does it, as its step generator has it: inheritedChildAlias.
            aliases += [f"{old}{request.name.removeprefix(name)}" for old in before]
        self._resources[response.urn] = (types, request.name, aliases)
        urns = [f"urn:pulumi:local::artline::{types}::{each}" for each in (request.name, *aliases)]
        self.known[urns[0]] = set(urns)
        return response


@pytest.fixture(scope="module")
def known() -> dict[str, set[str]]:
    registry = Registry()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(monitor, "Monitor", lambda: registry)
        monitor.run(SETTINGS)
    return registry.known


@pytest.mark.parametrize("urn", FIRST_RELEASE)
def test_the_resource_is_still_known_by_its_urn(urn: str, known: dict[str, set[str]]) -> None:
    assert sum(urn in names for names in known.values()) == 1


def test_what_holds_something_is_on_the_list(known: dict[str, set[str]]) -> None:
    holding = {urn for urn in known if urn.split("::")[2].endswith(HOLDING)}
    assert len(holding) == 6
    for urn in holding:
        assert known[urn] & set(FIRST_RELEASE)
