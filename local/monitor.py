"""The Pulumi program under Pulumi's own mock monitor.

The program declares its resources as always, the monitor records them, and nothing is built, asked
for or created. As a command, this reads settings as JSON and writes the resources as JSON.
"""

from __future__ import annotations

import asyncio
import json
import runpy
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, rpc, settings

from .program import PROJECT, REGION, STACK, Resource

ROOT = Path(__file__).parents[1]

ACCOUNT = "000000000000"
"""The account number of AWS emulators."""

NAME = "local"


def run(config: Mapping[str, str]) -> list[Resource]:
    """As `program.declared`, but in this process, whose Pulumi runtime it replaces.

    Raises `pulumi.RunError` where the settings do not fit.
    """
    with event_loops():
        return _run(config)


def _run(config: Mapping[str, str]) -> list[Resource]:
    monitor = Monitor()
    settings.set_root_resource(None)  # type: ignore[arg-type]  # one program after another
    pulumi.runtime.set_all_config(
        {"aws:region": REGION}
        | {key if ":" in key else f"{PROJECT}:{key}": value for key, value in config.items()},
        [f"{PROJECT}:apiToken"],
    )
    pulumi.runtime.set_mocks(monitor.mocks, project=PROJECT, stack=NAME, monitor=monitor)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> pulumi.Output[None]:
        runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__")
        stack: Any = settings.get_root_resource()
        return pulumi.Output.from_input(stack.outputs).apply(monitor.export)

    program()
    return monitor.resources_in_order


@contextmanager
def event_loops() -> Iterator[None]:
    """An event loop for this thread and for each that it starts. Pulumi would close none."""
    loops: list[asyncio.AbstractEventLoop] = []

    def make() -> None:
        loops.append(asyncio.new_event_loop())
        asyncio.set_event_loop(loops[-1])

    try:
        with asyncio.Runner() as runner:
            runner.get_loop().set_default_executor(ThreadPoolExecutor(initializer=make))
            yield
    finally:
        for loop in loops:
            loop.close()


class Monitor(mocks.MockMonitor):
    """Records what the program registers, in an order in which it can be created."""

    def __init__(self) -> None:
        super().__init__(Mocks())
        self.resources_in_order: list[Resource] = []

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - gRPC's name
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != STACK:
            inputs = rpc.deserialize_properties(request.object)
            self.resources_in_order.append(
                Resource(
                    type=request.type,
                    name=request.name,
                    properties=_plain(inputs),
                    outputs=_plain(rpc.deserialize_properties(response.object)),
                    secrets=[key for key, value in inputs.items() if rpc.is_rpc_secret(value)],
                    dependencies=sorted(_key(urn) for urn in request.dependencies),
                    parent=_key(request.parent),
                )
            )
        return response

    def export(self, outputs: Mapping[str, Any]) -> None:
        self.resources_in_order.append(Resource(STACK, f"{PROJECT}-{NAME}", outputs))


class Mocks(mocks.Mocks):
    """AWS, as far as the program asks it anything."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = _plain(args.inputs)
        kind = args.typ.rpartition(":")[2]
        id_ = f"{kind.lower()}-{args.name}"
        return id_, inputs | (_outputs(kind, args.name, id_, inputs) if args.custom else {})

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        if args.token != "aws:ecr/getAuthorizationToken:getAuthorizationToken":  # noqa: S105
            raise NotImplementedError(args.token)
        return {"userName": "AWS", "password": "none"}, []


def _outputs(kind: str, name: str, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What AWS would add to a resource, as far as the program uses it."""
    named = inputs.get("name", f"{name}-{NAME}")
    place = f"{REGION}:{ACCOUNT}"
    function = f"arn:aws:lambda:{place}:function"
    alias = f"{function}:{inputs.get('functionName')}:{named}"
    added: dict[str, dict[str, Any]] = {
        "Repository": {
            "repositoryUrl": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{named}",
            "registryId": ACCOUNT,
        },
        "Image": {
            "repoDigest": f"{str(inputs.get('imageName')).rpartition(':')[0]}@sha256:{'0' * 64}"
        },
        "LogGroup": {"arn": f"arn:aws:logs:{place}:log-group:{named}"},
        "Role": {"arn": f"arn:aws:iam::{ACCOUNT}:role/{named}"},
        "Function": {"arn": f"{function}:{named}", "version": f"version-of-{named}"},
        "Alias": {
            "arn": alias,
            "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{alias}"
            "/invocations",
        },
        "Api": {
            "apiEndpoint": f"https://{id_}.execute-api.{REGION}.amazonaws.com",
            "executionArn": f"arn:aws:execute-api:{place}:{id_}",
        },
        "Stage": {"executionArn": f"arn:aws:execute-api:{place}:{inputs.get('apiId')}/{named}"},
        "Bucket": {"arn": f"arn:aws:s3:::{named}", "bucket": named},
        "Queue": {
            "arn": f"arn:aws:sqs:{place}:{named}",
            "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{named}",
        },
        "Parameter": {"arn": f"arn:aws:ssm:{place}:parameter/{named}"},
        "EventRule": {"arn": f"arn:aws:events:{place}:rule/{named}"},
        "Topic": {"arn": f"arn:aws:sns:{place}:{named}"},
    }
    return {"id": id_, "name": named} | added.get(kind, {})


def _key(urn: str) -> str:
    """`urn:pulumi:stack::project::parent$type::name` as `type::name`."""
    type_, name = urn.split("::", 2)[2].split("::", 1)
    return f"{type_.rpartition('$')[2]}::{name}"


def _plain(value: Any) -> Any:
    """A property as the program wrote it. In a request a secret is wrapped, and every number is a
    double.
    """
    if rpc.is_rpc_secret(value):
        return _plain(rpc.unwrap_rpc_secret(value))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def main() -> int:
    try:
        resources = run(json.load(sys.stdin))
    except pulumi.RunError as error:
        print(error, file=sys.stderr)
        return 2
    json.dump([asdict(each) for each in resources], sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
