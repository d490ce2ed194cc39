"""`python -m operate rollback`"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from stack.release import ALIAS, WARM_UP

from .doctor.deployment import Deployment
from .doctor.stack import Stack
from .options import command

app = command()


@dataclass(frozen=True, slots=True)
class Move:
    """An alias from one version to another, which runs `image` (its content's hash)."""

    function: str
    before: str
    after: str
    image: str


class RollbackError(Exception):
    """There is no version to go back to; the text says why."""


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
    """Moves the aliases of both functions back to the version before, in a second.

    The worker function goes to its own version of the same image. An unchanged `pulumi up` leaves
    the aliases there; the next change moves them on.
    """
    deployment = Deployment(Stack(stack))
    try:
        moves = list(plan(deployment, str(to) if to else None))
    except RollbackError as error:
        typer.echo(f"Error: {error}.", err=True)
        raise typer.Exit(1) from error
    lambda_ = deployment.client("lambda", deployment.stack.outputs.get("region"))
    for move in moves:
        lambda_.update_alias(FunctionName=move.function, Name=ALIAS, FunctionVersion=move.after)
        typer.echo(f"{move.function}: {ALIAS} moved from version {move.before} to {move.after}")


def plan(deployment: Deployment, to: str | None = None) -> Iterator[Move]:
    """The request path's move, and the worker's to the version of the same image.

    Raises `RollbackError` where either function lacks such a version.
    """
    outputs = deployment.stack.outputs
    if "functionName" not in outputs:
        raise RollbackError("no stack is deployed here: pulumi stack output has no functionName")
    lambda_ = deployment.client("lambda", outputs.get("region"))
    first = _move(lambda_, outputs["functionName"], version=to)
    yield first
    if worker := outputs.get("workerName"):
        yield _move(lambda_, worker, image=first.image)


def _move(
    lambda_: Any, function: str, *, version: str | None = None, image: str | None = None
) -> Move:
    live = lambda_.get_alias(FunctionName=function, Name=ALIAS)["FunctionVersion"]
    images = _images(lambda_, function)
    if version:
        wanted, found = version, [version] if version in images else []
    elif image:
        wanted, found = f"of the image {image}", [each for each in images if images[each] == image]
    else:
        wanted, found = f"before {live}", [each for each in images if int(each) < int(live)]
    # A version that failed its update was never live, and is there all the same.
    for each in reversed(found):
        if each == live or _draws(lambda_, function, each):
            return Move(function, live, each, images[each])
    raise RollbackError(
        f"{function} has no version {wanted} that draws: it has {', '.join(images)}"
    )


def _draws(lambda_: Any, function: str, version: str) -> bool:
    from botocore.exceptions import ClientError  # type: ignore[import-untyped]

    try:
        answer = lambda_.invoke(
            FunctionName=function, Qualifier=version, Payload=json.dumps(WARM_UP)
        )
    except ClientError:
        return False
    return "FunctionError" not in answer


def _images(lambda_: Any, function: str) -> dict[str, str]:
    """Each version's image, the oldest first."""
    pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=function)
    found = {
        each["Version"]: each["CodeSha256"]
        for page in pages
        for each in page["Versions"]
        if each["Version"] != "$LATEST"
    }
    return dict(sorted(found.items(), key=lambda item: int(item[0])))
