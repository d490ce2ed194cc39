"""`python -m operate rollback`"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from stack.names import ALIAS
from stack.release import UNWEIGHTED, WARM_UP, NotReadyError, wait_active, wait_served

from .doctor.deployment import Deployment
from .doctor.stack import Stack
from .options import command

app = command()


@dataclass(frozen=True, slots=True)
class Version:
    """A version's image and settings, and the part of its environment that stands for resources."""

    image: str
    settings: tuple[Any, ...]
    bound: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Move:
    """An alias from one version to another, which is `version`."""

    function: str
    before: str
    after: str
    version: Version
    passed: tuple[str, ...] = ()
    """Why versions between the two are passed over."""


class RollbackError(Exception):
    """There is no version to go back to; the text says why."""


BOUND = ("AUTH", "API_TOKEN_PARAMETER", "JOBS_BUCKET")
"""Environment variables that stand for resources, routes and permissions, which are of no version:
one with others would let anyone in, or nobody, or look for photos in a bucket that has gone."""

SECONDS = 60
"""The most that a version may take to draw, its start included."""

BUSY = "TooManyRequestsException"
ASLEEP = "ResourceConflictException"
"""Lambda's answer for a version that was not called for weeks, which it then prepares."""

UNKNOWN = ("AccessDenied", "ExpiredToken", "UnrecognizedClient", "InvalidSignature")
"""How answers begin that say nothing of a version."""


@app.command()
def rollback(
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The stack. Without it: the one that is selected."),
    ] = None,
    to: Annotated[
        int | None,
        typer.Option(metavar="VERSION", min=1, help="The version of the function `functionName`."),
    ] = None,
) -> None:
    """Moves the aliases of both functions back to the version before.

    The worker function goes to its own version of the same image and settings. Memory, timeout and
    environment go back as well. Versions whose `auth`, token or bucket differ are passed over, as
    those are settings for `pulumi up`. An unchanged `pulumi up` leaves the aliases there; the next
    change moves them on.
    """
    from stack.account import AWS_ERRORS

    deployment = Deployment(Stack(stack))
    try:
        moves = list(plan(deployment, str(to) if to else None))
        lambda_ = _client(deployment)
        for move in moves:
            _make(lambda_, move)
        for move in moves:
            _await(lambda_, move)
    except (RollbackError, *AWS_ERRORS) as error:
        typer.echo(f"Error: {str(error).rstrip('.')}.", err=True)
        raise typer.Exit(1) from error


def _client(deployment: Deployment) -> Any:
    return deployment.client("lambda", deployment.stack.outputs.get("region"), seconds=SECONDS)


def _make(lambda_: Any, move: Move) -> None:
    for reason in move.passed:
        typer.echo(f"{move.function}: {reason}", err=True)
    # Clears the weights by which Lambda routes calls to a version with ready environments.
    lambda_.update_alias(
        FunctionName=move.function,
        Name=ALIAS,
        FunctionVersion=move.after,
        RoutingConfig=UNWEIGHTED,
    )
    if move.after == move.before:
        typer.echo(f"{move.function}: {ALIAS} stays at version {move.after}")
    else:
        typer.echo(f"{move.function}: {ALIAS} moved from version {move.before} to {move.after}")


def _await(lambda_: Any, move: Move) -> None:
    """Waits until callers meet the version. Raises `RollbackError`."""
    try:
        wait_served(lambda_, move.function)
    except NotReadyError as error:
        raise RollbackError(
            f"{move.function}: {ALIAS} is at version {move.after}, but {error}"
        ) from error


def plan(deployment: Deployment, to: str | None = None) -> Iterator[Move]:
    """The request path's move, and the worker's to the version of the same image and settings.

    Raises `RollbackError` where either function lacks such a version.
    """
    outputs = deployment.stack.outputs
    if "functionName" not in outputs:
        raise RollbackError("no stack is deployed here: pulumi stack output has no functionName")
    lambda_ = _client(deployment)
    first = _move(lambda_, outputs["functionName"], version=to)
    yield first
    if worker := outputs.get("workerName"):
        yield _move(lambda_, worker, like=first.version)


def _move(
    lambda_: Any, function: str, *, version: str | None = None, like: Version | None = None
) -> Move:
    live = lambda_.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    versions = _versions(lambda_, function)
    if version:
        wanted, found = version, [version] if version in versions else []
    elif like and like.image:  # an emulator has no hash
        wanted = f"of the image {like.image}"
        found = [each for each in versions if versions[each].image == like.image]
        # Those with the settings too are tried first.
        found.sort(key=lambda each: versions[each].settings == like.settings)
    else:
        wanted, found = f"before {live}", [each for each in versions if int(each) < int(live)]
    passed: list[str] = []
    for each in reversed(found):
        reason = each != live and (
            _differs(versions[each], versions.get(live)) or _trouble(lambda_, function, each)
        )
        if not reason:
            return Move(function, live, each, versions[each], tuple(passed))
        passed.append(f"version {each} is passed over: {reason}")
    why = f" ({'; '.join(passed)})" if passed else ""
    raise RollbackError(
        f"{function} has no version {wanted} to go to: it has {', '.join(versions)}{why}"
    )


def _differs(version: Version, live: Version | None) -> str:
    """How a version is bound to other resources than the live one; nothing where it is not."""
    if live is None:
        return ""
    other = [name for name in BOUND if version.bound[name] != live.bound[name]]
    said = ", ".join(
        f"{name} is {version.bound[name] or 'unset'}, not {live.bound[name] or 'unset'}"
        for name in other
    )
    return said and f"{said}: change the setting by pulumi up"


def _trouble(lambda_: Any, function: str, version: str) -> str:
    """Why a version does not draw; nothing where it does.

    One that failed its update was never live, and is there all the same. One that is busy is not
    tried: it would be taken back for that very reason. Raises botocore's errors where the account
    does not let it be tried.
    """
    from botocore.exceptions import ClientError, WaiterError  # type: ignore[import-untyped]

    call = {"FunctionName": function, "Qualifier": version}
    try:
        try:
            answer = lambda_.invoke(**call, Payload=json.dumps(WARM_UP))
        except ClientError as error:
            if error.response["Error"]["Code"] != ASLEEP:
                raise
            typer.echo(f"{function}: Lambda prepares version {version}, which was idle", err=True)
            wait_active(lambda_, function, version)
            answer = lambda_.invoke(**call, Payload=json.dumps(WARM_UP))
    except WaiterError as error:
        return str(error)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code.startswith(UNKNOWN):
            raise
        return "" if code == BUSY else str(error)
    return "it cannot draw" if "FunctionError" in answer else ""


def _versions(lambda_: Any, function: str) -> dict[str, Version]:
    """The versions, the oldest first."""
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    found = {}
    for each in (each for page in pages for each in page["Versions"]):
        if each["Version"] != "$LATEST":
            variables = each.get("Environment", {}).get("Variables", {})
            bound = {name: variables.get(name) for name in BOUND}
            settings = (each.get("MemorySize"), each.get("TracingConfig"))
            found[each["Version"]] = Version(each["CodeSha256"], settings, bound)
    return dict(sorted(found.items(), key=lambda item: int(item[0])))
