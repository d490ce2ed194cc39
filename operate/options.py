"""What the commands have in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

Endpoint: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="The service's base URL. Without it: ARTLINE_ENDPOINT, then the endpoint of the"
        " Pulumi stack in this directory.",
    ),
]
Token: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="T", envvar="ARTLINE_TOKEN", help="Where the service asks for one."),
]
Sign: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--sign", help="Sign with this machine's AWS credentials, where the stack's auth is iam."
    ),
]


def command() -> typer.Typer:
    """A command line of one command, its help in plain text."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


def check_caller(token: str | None, sign: bool) -> None:
    """Ends the command where it is told to call in two ways."""
    if token and sign:
        raise typer.BadParameter("a request carries a token or a signature, not both")
