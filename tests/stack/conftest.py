"""The whole Pulumi program under mocks, in this process: once for each set of settings."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import pulumi_aws
import pytest

from local import monitor
from local.program import STACK, Resource

with warnings.catch_warnings():
    # On import, the package's modules warn of others that they hold and we do not use.
    warnings.simplefilter("ignore", DeprecationWarning)
    pulumi_aws.lambda_.Function, pulumi_aws.s3.Bucket  # noqa: B018 - imported when first used


class Program:
    """What the program declared, easy to ask."""

    def __init__(self, resources: list[Resource]) -> None:
        self.resources = [each for each in resources if each.type != STACK]
        (self.stack,) = (each for each in resources if each.type == STACK)
        self.outputs: Any = self.stack.properties

    def all(self, kind: str, **properties: Any) -> list[Resource]:
        """The resources whose type ends so, and whose properties hold at least these."""
        return [
            each
            for each in self.resources
            if each.type.endswith(kind) and properties.items() <= dict(each.properties).items()
        ]

    def one(self, kind: str, **properties: Any) -> Resource:
        (found,) = self.all(kind, **properties)
        return found

    def named(self, kind: str, name: str) -> Resource:
        (found,) = (each for each in self.all(kind) if each.name == name)
        return found

    def types(self) -> set[str]:
        return {each.type for each in self.resources}


@cache
def _declare(settings: frozenset[tuple[str, str]]) -> Program:
    return Program(monitor.run(dict(settings)))


@pytest.fixture(scope="session")
def declare() -> Callable[..., Program]:
    """`declare(memory="512")`: the program as those settings have it."""
    return lambda **settings: _declare(frozenset(settings.items()))
