"""What `pulumi up` would deploy, read from the Pulumi program itself.

`python -m local.program` prints it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[1]

PROJECT = str(yaml.safe_load((ROOT / "Pulumi.yaml").read_text("utf-8"))["name"])
"""The project's name in Pulumi.yaml, which is also the namespace of its settings."""

REGION = "us-east-1"
"""Where the resources are declared to be, unless the settings say otherwise."""

STACK = "pulumi:pulumi:Stack"
"""The type of what holds all the others; its properties are the stack's outputs."""


@dataclass(frozen=True)
class Resource:
    """One resource that the program declares, in Pulumi's own names of types and properties."""

    type: str
    name: str
    properties: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    """What AWS would add, made up: names, ARNs, addresses. Others' properties refer to them."""
    secrets: Sequence[str] = ()
    """The properties that are secret."""
    dependencies: Sequence[str] = ()
    """Keys of the resources that have to be there first."""
    parent: str | None = None

    @property
    def key(self) -> str:
        return f"{self.type}::{self.name}"


@dataclass(frozen=True)
class Cors:
    """The API's CORS rules; `max_age` in seconds."""

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...]
    allow_headers: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age: int


@dataclass(frozen=True)
class Deployment:
    """What a server needs to know to behave as the deployed API does."""

    routes: tuple[str, ...]
    """Route keys as API Gateway writes them: `POST /transform`, `$default`."""
    cors: Cors | None
    timeout: float
    """Seconds that the function may run."""
    integration_timeout: float
    """Seconds that the API waits for the function."""
    memory: int
    """MB."""
    environment: dict[str, str]
    """The function's variables."""
    concurrency: int | None
    """The function's reserved concurrency; None: whatever the account has left."""
    throttle_rate: float
    """Requests a second."""
    throttle_burst: int


class SettingsError(Exception):
    """The program stopped before any resource: the sentence says which setting to change."""


def declared(config: Mapping[str, str] | None = None) -> list[Resource]:
    """The resources that the program declares with `config` over its defaults.

    Keys are as in `pulumi config set`: `memory` or `artline:memory`, `aws:region`. The program runs
    in a process of its own, because Pulumi's runtime keeps its state and event loop in globals.
    Raises `SettingsError` where the settings do not fit.
    """
    child = subprocess.run(
        [sys.executable, "-m", "local.monitor"],
        input=json.dumps(dict(config or {})),
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if child.returncode == 2:
        raise SettingsError(child.stderr.strip())
    if child.returncode:
        raise RuntimeError(f"the Pulumi program failed:\n{child.stderr}")
    return [Resource(**each) for each in json.loads(child.stdout)]


def deployment(resources: Sequence[Resource] | None = None) -> Deployment:
    """What `resources`, by default those of the default settings, mean to a server."""
    resources = declared() if resources is None else resources
    api = _only(resources, "aws:apigatewayv2/api:Api").properties
    stage = _only(resources, "aws:apigatewayv2/stage:Stage").properties
    integration = _only(resources, "aws:apigatewayv2/integration:Integration").properties
    alias = _only(resources, "aws:lambda/alias:Alias", invokeArn=integration["integrationUri"])
    name = alias.properties["functionName"]
    function = _only(resources, "aws:lambda/function:Function", name=name).properties
    if integration.get("payloadFormatVersion") != "2.0":
        raise SettingsError("local/gateway.py makes events of payload format 2.0 alone")
    throttle = stage["defaultRouteSettings"]
    cors = api.get("corsConfiguration")
    return Deployment(
        routes=tuple(
            route.properties["routeKey"]
            for route in _all(resources, "aws:apigatewayv2/route:Route")
        ),
        cors=cors
        and Cors(
            allow_origins=tuple(cors["allowOrigins"]),
            allow_methods=tuple(cors["allowMethods"]),
            allow_headers=tuple(cors["allowHeaders"]),
            expose_headers=tuple(cors["exposeHeaders"]),
            max_age=cors["maxAge"],
        ),
        timeout=function["timeout"],
        integration_timeout=integration["timeoutMilliseconds"] / 1000,
        memory=function["memorySize"],
        environment=dict(function["environment"]["variables"]),
        concurrency=function.get("reservedConcurrentExecutions"),
        throttle_rate=throttle["throttlingRateLimit"],
        throttle_burst=throttle["throttlingBurstLimit"],
    )


def _all(resources: Sequence[Resource], type_: str, **outputs: str) -> list[Resource]:
    return [
        each for each in resources if each.type == type_ and outputs.items() <= each.outputs.items()
    ]


def _only(resources: Sequence[Resource], type_: str, **outputs: str) -> Resource:
    (found,) = _all(resources, type_, **outputs)
    return found


def tree(resources: Sequence[Resource]) -> str:
    """The resources as text: each component's own below it, the stack's outputs last."""
    stack = _only(resources, STACK)
    return "\n".join([*_branch(resources, stack), "outputs", *_properties(stack)])


def _branch(resources: Sequence[Resource], parent: Resource) -> Iterator[str]:
    children = [each for each in resources if each.parent == parent.key]
    for each in sorted(children, key=lambda each: (each.type.startswith("artline:"), each.name)):
        yield f"{each.type.rpartition(':')[2]} {each.name}"
        for line in (*_properties(each), *_branch(resources, each)):
            yield f"    {line}"


def _properties(resource: Resource) -> Iterator[str]:
    for key, value in sorted(resource.properties.items()):
        if key == "tags":  # the same on all
            continue
        value = "[secret]" if key in resource.secrets else _decoded(value)
        if isinstance(value, dict | list):
            text = yaml.safe_dump({key: value}, default_flow_style=None, width=96)
            yield from text.splitlines()
        else:
            yield f"{key}: {value}"


def _decoded(value: Any) -> Any:
    """A policy, or anything else that AWS takes as JSON text, as what it says."""
    if isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    if isinstance(value, dict):
        return {key: _decoded(each) for key, each in value.items()}
    return value


if __name__ == "__main__":
    print(tree(declared()))
