"""`make cost`"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

import typer

from . import prices
from .doctor.stack import SettingsError, Stack
from .estimate import DAYS, IDLE, WAYS, Estimate, Line, Use, estimate, number
from .options import command
from .prices import Prices
from .throughput import (
    MEASURED,
    STANDARD_ACCOUNT,
    Capacity,
    Limit,
    environments,
    growth,
    job_limits,
    request_limits,
)

Architecture = Literal["x86_64", "arm64"]

WIDTH: Final = 80
MINUTES: Final = 24 * 60

OVERLAP: Final = 0.1
"""Photos drawn at once, on average, from which on cold starts cannot be estimated."""

app = command()


@app.command()
def cost(
    photos_per_day: Annotated[
        float | None, typer.Option(metavar="N", min=0, help="Photos a day.")
    ] = None,
    photos_per_minute: Annotated[
        float | None,
        typer.Option(metavar="N", min=0, help="Photos a minute; also prints the limits."),
    ] = None,
    memory: Annotated[
        int | None, typer.Option(metavar="MB", min=128, max=10240, help="Setting memory.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0.001,
            help="Seconds for one photo, as in the function's log (Billed Duration). Default: 1 for"
            f" the bill, {MEASURED} (measured) for the limits.",
        ),
    ] = None,
    cold_seconds: Annotated[
        float,
        typer.Option(metavar="S", min=0, help="Added by a cold start (Init Duration)."),
    ] = 2.0,
    warm_copies: Annotated[
        int | None,
        typer.Option("--warm-copies", "--copies", metavar="N", min=1, help="Setting warmCopies."),
    ] = None,
    kilobytes: Annotated[
        float, typer.Option(metavar="KB", min=0, help="Of line art for each photo.")
    ] = 150.0,
    jobs: Annotated[bool | None, typer.Option("--jobs/--no-jobs", help="Setting jobs.")] = None,
    queued: Annotated[
        float, typer.Option(metavar="SHARE", min=0, max=1, help="Photos that go through jobs.")
    ] = 0.0,
    versions: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Published versions, each with a snapshot (at most 11)."
        ),
    ] = 1,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="Setting aws:region.")] = None,
    architecture: Annotated[
        Architecture | None, typer.Option(metavar="x86_64|arm64", help="Setting architecture.")
    ] = None,
    account: Annotated[
        int, typer.Option(metavar="N", min=1, help="The account's concurrent executions.")
    ] = STANDARD_ACCOUNT,
    stack: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Stack whose settings are the defaults of these options."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as JSON.")] = False,
) -> None:
    """Estimates what a stack costs a month, for each way of avoiding cold starts.

    Photos come one at a time and at random. The prices are AWS's list prices of one region at one
    date, which the answer names.
    """
    if photos_per_day is None:
        if photos_per_minute is None:
            raise typer.BadParameter("how many? give --photos-per-day or --photos-per-minute")
        photos_per_day = photos_per_minute * MINUTES
    settings = Stack(stack)
    if stack:
        _known(settings)
    use = Use(
        photos_per_day,
        memory or settings.number("memory", 2048),
        1.0 if seconds is None else seconds,
        cold_seconds,
        warm_copies or max(settings.number("warmCopies", 1), 1),
        kilobytes,
        str(settings.setting("jobs", True)).lower() == "true" if jobs is None else jobs,
        queued,
        settings.number("resultDays", 7),
        versions,
    )
    if use.queued and not use.jobs:
        raise typer.BadParameter("--queued counts photos of jobs, and there are no jobs")
    if not all(map(math.isfinite, asdict(use).values())):
        raise typer.BadParameter("every number has to be finite")
    of_region = prices.of(
        region or str(settings.setting("aws:region", prices.REGION)),
        architecture or str(settings.setting("architecture", "x86_64")),
    )
    estimates = [estimate(warm, use, of_region) for warm in WAYS]
    capacity = None
    if photos_per_minute is not None:
        capacity = _capacity(settings, MEASURED if seconds is None else seconds, account)
    if as_json:
        typer.echo(as_document(use, of_region, estimates, photos_per_minute, capacity))
        return
    typer.echo(as_text(use, of_region, estimates))
    if capacity and photos_per_minute is not None:
        typer.echo("\n".join(["", *_limits(photos_per_minute, capacity)]))


def _known(settings: Stack) -> None:
    """Refuses a stack that was asked for by name and cannot be read."""
    try:
        _ = settings.settings
    except SettingsError as error:
        raise typer.BadParameter(f"{error} ({error.fix})") from error


def _capacity(settings: Stack, seconds: float, account: int) -> Capacity:
    reserved = settings.number("reservedConcurrency", -1)
    return Capacity(
        seconds,
        settings.number("throttleRate", 10),
        reserved if reserved > 0 else None,
        settings.number("jobConcurrency", 5),
        account,
    )


def as_document(
    use: Use,
    of_region: Prices,
    estimates: Iterable[Estimate],
    photos_per_minute: float | None = None,
    capacity: Capacity | None = None,
) -> str:
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
    place = {"date": prices.DATE, "region": of_region.region, "currency": "USD"}
    document: dict[str, Any] = {"prices": place, "days": DAYS, "use": asdict(use), "ways": ways}
    if capacity and photos_per_minute is not None:
        count = environments(photos_per_minute, capacity.seconds)
        document["throughput"] = {
            "photos_per_minute": photos_per_minute,
            "capacity": asdict(capacity),
            "environments": count,
            "growth_seconds": growth(count),
            "requests": [asdict(limit) for limit in request_limits(capacity)],
            "jobs": [asdict(limit) for limit in job_limits(capacity)],
        }
    return json.dumps(document, indent=2)


def as_text(use: Use, of_region: Prices, estimates: list[Estimate]) -> str:
    """What all ways have in common, what each adds, and a table to choose by: 80 columns."""
    first, *others = (set(each.lines) for each in estimates)
    common = first.intersection(*others)
    lines = [
        f"{number(use.photos_per_day)} photos a day, {use.seconds:g} s each with {use.memory} MB,"
        f" {use.cold_seconds:g} s more when cold.",
        f"{DAYS} days at the list prices of {of_region.region}, {prices.DATE}, in US dollars.",
        "",
        "whichever way",
        *map(_row, (line for line in estimates[0].lines if line in common)),
    ]
    for each in estimates:
        lines += ["", f"warm: {each.warm}"]
        lines += map(_row, (line for line in each.lines if line not in common))
    lines += ["", f"{'warm':<13}{'a month':>9}{'free tier':>11}   photos that meet a cold start"]
    lines += [
        f"{each.warm:<13}{each.dollars:>9,.2f}{-each.free:>11,.2f}   {_waits(each, use)}"
        for each in estimates
    ]
    lines += ["", *textwrap.wrap(NOTES, WIDTH)]
    return "\n".join(lines)


NOTES = (
    "Photos that wait: if they come one at a time and at random, and AWS removes an environment"
    f" that is idle for {IDLE / 60:.0f} minutes, which it does not promise. Free tier: what is"
    " always free, if nothing else in the account uses it up. The dashboard is one of three that"
    " are free."
)


def _limits(photos: float, capacity: Capacity) -> Iterable[str]:
    """The environments that `photos` a minute take, and the limits of both paths."""
    count = environments(photos, capacity.seconds)
    yield f"{number(photos)} photos a minute, {capacity.seconds:g} s each:"
    when = f"within {growth(count):g} s" if growth(count) else "at once"
    yield f"{number(count)} environments at work, which Lambda starts {when}."
    for path, limits in (
        ("POST /transform", request_limits(capacity)),
        ("POST /jobs", job_limits(capacity)),
    ):
        yield ""
        yield f"{path:<27}{'photos a minute':>16}           raised by"
        yield from (_limit(limit, photos) for limit in limits)


def _limit(limit: Limit, photos: float) -> str:
    reached = "reached" if photos > limit.photos else ""
    return f"  {limit.name:<25}{limit.photos:>16,.0f}  {reached:<7}  {limit.lifted_by}"


def _row(line: Line) -> str:
    return f"  {line.what:<21}{line.arithmetic:<45}{line.dollars:>11,.3f}"


def _waits(each: Estimate, use: Use) -> str:
    if each.warm == "ping":
        return f"few, if at most {use.ready} at a time"
    if each.warm == "provisioned":
        return f"none, if at most {use.ready} at a time"
    if use.at_once > OVERLAP:
        return "not known: many at a time"
    time = "time not known" if each.cold_seconds is None else f"{each.cold_seconds:g} s each"
    return f"{each.cold_starts:,.0f} of {use.direct:,.0f}, {time}"


def _entry(line: Line) -> dict[str, Any]:
    return {"what": line.what, "arithmetic": line.arithmetic, "dollars": line.dollars}
