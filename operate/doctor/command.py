"""`make doctor`"""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from typing import Annotated, Final

import typer

from ..options import Endpoint, Sign, Token, check_caller, command
from . import account, images, machine, project, service
from .check import Check, Finding, examine
from .deployment import Deployment
from .stack import Stack

SLOW: Final = 90.0

CHECKS: Final = (
    Check("Python", machine.python),
    Check("container engine", machine.engine),
    Check("platform", machine.emulation, needs="container engine"),
    Check("image store", machine.image_store, needs="container engine"),
    Check("registry login", machine.registry_login, needs="container engine"),
    Check("disk", machine.disk, needs="container engine"),
    Check("last image", images.last, needs="container engine"),
    Check("Pulumi", project.pulumi),
    Check("Pulumi login", project.login, needs="Pulumi"),
    Check("settings", project.settings),
    Check("AWS credentials", account.credentials),
    Check("region", account.region, needs="AWS credentials"),
    Check("concurrency", account.concurrency, needs="region"),
    Check("ECR", account.ecr, needs="region"),
    Check("API Gateway", account.api_gateway, needs="region"),
    Check("pushed image", images.pushed, needs="ECR"),
    Check("running image", images.running, needs="region"),
    Check("endpoint", service.endpoint, seconds=SLOW),
    Check("model", service.model, needs="endpoint", seconds=SLOW),
    Check("photo", service.photo, needs="endpoint", seconds=SLOW),
    Check("job", service.job, needs="photo", seconds=2 * SLOW),
)

COLOURS = {"ok": "green", "warning": "yellow", "failed": "red"}
INDENT = " " * 26

app = command()


@app.command()
def doctor(
    endpoint: Endpoint = None,
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The stack. Without it: the one that is selected."),
    ] = None,
    token: Token = None,
    sign: Sign = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="A list of name, status, found and fix.")
    ] = False,
) -> None:
    """Checks this machine and the AWS account before a deployment, and the service after it.

    One line a check: ok, warning or failed, what was found, and where it is not ok how to fix it. A
    check that needs another that is not ok is skipped. The exit status is 1 where any failed.
    """
    check_caller(token, sign)
    deployment = Deployment(Stack(stack), endpoint, token, sign)
    found = []
    for name, finding in examine(CHECKS, deployment):
        found.append((name, finding))
        if not as_json:
            _say(name, finding)
    if as_json:
        typer.echo(json.dumps([_entry(*each) for each in found], indent=2))
    if any(finding.status == "failed" for _, finding in found):
        raise typer.Exit(1)


def _entry(name: str, finding: Finding) -> dict[str, str | None]:
    return {
        "name": name,
        "status": finding.status,
        "found": finding.found,
        "fix": finding.fix,
    }


def _say(name: str, finding: Finding) -> None:
    status = typer.style(f"{finding.status:<9}", fg=COLOURS[finding.status])
    width = max(40, shutil.get_terminal_size().columns - 1)
    lines = textwrap.wrap(
        finding.found,
        width,
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_on_hyphens=False,
        break_long_words=False,
    )
    typer.echo(f"{status}{name:<17}" + "\n".join(lines).removeprefix(INDENT))
    if finding.fix:
        # Never broken into lines: it is there to be copied.
        typer.echo(f"{INDENT}fix: {finding.fix}")
    sys.stdout.flush()
