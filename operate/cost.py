"""`make cost`"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer

from artline.cli.options import command

from . import prices
from .estimate import DAYS, IDLE, WAYS, Estimate, Line, Use, estimate, number

WIDTH: Final = 80

OVERLAP: Final = 0.1
"""Photos drawn at once, on average, from which on one at a time is no way to reckon with them."""

app = command()


@app.command()
def cost(
    photos_per_day: Annotated[float, typer.Option(metavar="N", min=0, help="Photos a day.")],
    memory: Annotated[
        int, typer.Option(metavar="MB", min=128, max=10240, help="artline:memory.")
    ] = 2048,
    seconds: Annotated[
        float,
        typer.Option(
            metavar="S",
            min=0,
            help="Billed for a photo, as the function's log has it (Billed Duration).",
        ),
    ] = 1.0,
    cold_seconds: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="Added by a cold start (Init Duration)."),
    ] = 2.0,
    copies: Annotated[int, typer.Option(metavar="N", min=1, help="artline:warmCopies.")] = 1,
    kilobytes: Annotated[
        float, typer.Option(metavar="KB", min=0, help="Of line art for each photo.")
    ] = 150.0,
    jobs: Annotated[bool, typer.Option("--jobs/--no-jobs", help="artline:jobs.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Estimates what a stack costs a month, for each way of keeping copies warm.

    It is for photos through POST /transform, one at a time and at random; the prices are AWS's list
    prices of one region at one date, which the answer names.
    """
    use = Use(photos_per_day, memory, seconds, cold_seconds, copies, kilobytes, jobs)
    if not all(map(math.isfinite, asdict(use).values())):
        raise typer.BadParameter("every number has to be one")
    estimates = [estimate(warm, use) for warm in WAYS]
    typer.echo(as_document(use, estimates) if as_json else as_text(use, estimates))


def as_document(use: Use, estimates: Iterable[Estimate]) -> str:
    """JSON: the prices' date and region, what was asked, and each way's lines and sums."""
    ways = [
        {
            "warm": each.warm,
            "dollars": each.dollars,
            "free_tier": each.free,
            "cold_starts": each.cold_starts,
            "cold_seconds": each.cold_seconds,
            "lines": [_entry(line) for line in each.lines],
        }
        for each in estimates
    ]
    place = {"date": prices.DATE, "region": prices.REGION, "currency": "USD"}
    return json.dumps({"prices": place, "days": DAYS, "use": asdict(use), "ways": ways}, indent=2)


def as_text(use: Use, estimates: list[Estimate]) -> str:
    """What all ways have in common, what each adds, and a table to choose by: 80 columns."""
    first, *others = (set(each.lines) for each in estimates)
    common = first.intersection(*others)
    lines = [
        f"{number(use.photos_per_day)} photos a day, {use.seconds:g} s each with {use.memory} MB,"
        f" {use.cold_seconds:g} s more when cold.",
        f"{DAYS} days at the list prices of {prices.REGION}, {prices.DATE}, in US dollars.",
        "",
        "whichever way",
        *map(_row, (line for line in estimates[0].lines if line in common)),
    ]
    for each in estimates:
        lines += ["", f"warm: {each.warm}"]
        lines += map(_row, (line for line in each.lines if line not in common))
    lines += ["", f"{'warm':<13}{'a month':>9}{'free tier':>11}   photos that wait for a start"]
    lines += [
        f"{each.warm:<13}{each.dollars:>9,.2f}{-each.free:>11,.2f}   {_waits(each, use)}"
        for each in estimates
    ]
    lines += ["", *textwrap.wrap(NOTES, WIDTH)]
    return "\n".join(lines)


NOTES = (
    "Photos that wait: if they come one at a time and at random, and AWS lets go of a copy that is"
    f" idle for {IDLE / 60:.0f} minutes, which it does not promise. Free tier: what is always free,"
    " if nothing else in the account uses it up. The dashboard is one of three that are free."
)


def _row(line: Line) -> str:
    return f"  {line.what:<21}{line.arithmetic:<45}{line.dollars:>11,.3f}"


def _waits(each: Estimate, use: Use) -> str:
    if each.warm == "ping":
        return f"few, up to {use.copies} at a time"
    if each.warm == "provisioned":
        return f"none, up to {use.copies} at a time"
    if use.at_once > OVERLAP:
        return "not known: many at a time"
    time = "time not known" if each.cold_seconds is None else f"{each.cold_seconds:g} s each"
    return f"{each.cold_starts:,.0f} of {use.photos:,.0f}, {time}"


def _entry(line: Line) -> dict[str, Any]:
    return {"what": line.what, "arithmetic": line.arithmetic, "dollars": line.dollars}
