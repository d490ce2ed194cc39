"""The command line: `artline PHOTO...`."""

from __future__ import annotations

import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from ..client._client import Client, Via
from ..errors import ArtLineError
from ..options import Format, RequestOptions
from .batch import Batch
from .display import Display
from .options import Endpoint, Sign, Token, check_caller, command

INTERRUPTED = 130
"""128 and SIGINT's number, as shells have it."""

app = command()


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a photo's name may hold what cannot be printed
    # The user names the photo, so a large one is no attack; past twice the size Pillow refuses.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    app(prog_name="artline")


@app.command()
def draw(
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO", help="Photos, or directories of photos."),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Where to save the line art.")
    ] = Path(),
    endpoint: Endpoint = None,
    token: Token = None,
    sign: Sign = False,
    via: Annotated[
        Via,
        typer.Option(
            help="One request a photo (transform), a queued job (jobs), or a request where that"
            " will do (auto)."
        ),
    ] = "auto",
    format: Annotated[Format, typer.Option(help="The line art's format.")] = "jpeg",  # noqa: A002
    max_side: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="The longer side of the line art, at most."),
    ] = None,
    at_once: Annotated[
        int, typer.Option("-j", "--at-once", metavar="N", min=1, help="Photos at a time.")
    ] = 4,
    style: Annotated[
        str | None, typer.Option(metavar="NAME", help="One of the model's styles.")
    ] = None,
    full_size: Annotated[
        bool,
        typer.Option("--full-size", help="Send photos unshrunk, drawn as large as the model can."),
    ] = False,
) -> None:
    """Turns photos into line art, saved as yyyyMMddHHmmss.jpg.

    A run that was interrupted, or in which a photo failed, goes on where it stopped when the same
    command is given again. The exit status is 1 where any photo failed.
    """
    check_caller(token, sign)
    options: RequestOptions = {"format": format}
    if max_side is not None:
        options["max_side"] = max_side
    if style is not None:
        options["style"] = style
    try:
        output.mkdir(parents=True, exist_ok=True)
        with Client(endpoint, token, sign=sign) as client, Display() as display:
            batch = Batch(client, output, via, options, full_size, display)
            batch.run(photos, at_once=at_once)
    except KeyboardInterrupt:
        typer.echo("Interrupted: the same command again goes on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except (ArtLineError, OSError) as error:
        typer.echo(f"artline: {error}", err=True)
        raise typer.Exit(1) from error
    if batch.failed:
        raise typer.Exit(1)
