"""The arguments of `artline`. The request options among them follow from the table of options."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from ..drawing.art import is_directory, names_a_file, names_another_format
from ..drawing.save import FILE_SUFFIXES
from ..errors import OptionError
from ..limits import DEFAULT_SIDE
from ..options import MEDIA_TYPES, OPTIONS, Number, Options, RequestOptions, ServedModel
from ..version import __version__

Name: TypeAlias = Literal["time", "photo"]

STANDARD: Final = "-"
"""Standard input, as a photo; standard output, as the place for the line art."""

LONGEST: Final = 65500
"""Pixels of the longest side of a JPEG image, by libjpeg."""

WIDTH: Final = 210.0
"""Millimetres that the line art of --strokes is wide, unless the user says."""

WIDTHS: Final = (20.0, 100_000.0)
"""The least and the most of them. Narrower, most strokes would be shorter than a pen is wide."""

SHIPPED: Final = ServedModel(LONGEST, DEFAULT_SIDE, ("ink", "line"))
"""The model that comes with the package, as far as the help tells of it."""

VIA: Final = ("auto", "transform", "jobs")

FOR_A_SERVICE: Final = ("via", "sign", "token")
"""The options that a model on this machine has no use for."""

EPILOG: Final = """\
If --endpoint, ARTLINE_ENDPOINT and a Pulumi stack in this directory are all missing, photos are
drawn on this machine, which needs the extra: pip install 'artline[draw]'.

A run that was interrupted, or in which a photo failed, continues where it stopped when the same
command is given again. The exit status is 1 where any photo failed, 2 for wrong arguments.
"""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the user asked for, as far as it can be checked without a model or a service."""

    photos: list[str]
    output: str
    options: RequestOptions
    full_size: bool
    name: Name
    recursive: bool
    at_once: int | None
    local: bool
    model: Path | None
    endpoint: str | None
    token: str | None
    sign: bool
    via: Any
    json: bool
    quiet: bool
    strokes: bool
    width: float
    """Millimetres that the line art of --strokes is wide."""
    blacks: Any

    @property
    def to_stdout(self) -> bool:
        return self.output == STANDARD

    @property
    def for_a_service(self) -> bool:
        """Whether an option was given that has no meaning without a service."""
        return any(_is_given(self, name) for name in FOR_A_SERVICE)


def parse(words: list[str]) -> Arguments:
    """The arguments; ends the process with a sentence, and status 2, where they do not fit."""
    parser = _parser()
    given = parser.parse_intermixed_args(_without_dashes(words))
    options = {name: getattr(given, name) for name in OPTIONS if getattr(given, name) is not None}
    try:
        _check(given, options)
        # What the model cannot draw is refused when there is one.
        style = options.get("style", "default")
        Options.read(options, ServedModel(LONGEST, DEFAULT_SIDE, (style,)))
    except OptionError as error:
        parser.error(str(error).rstrip("."))
    return Arguments(
        photos=given.photos,
        output=given.output,
        options=options,  # type: ignore[arg-type]  # just read
        full_size=given.full_size,
        name=given.name,
        recursive=given.recursive,
        at_once=given.at_once,
        local=given.local or given.model is not None,
        model=given.model,
        endpoint=given.endpoint,
        token=given.token,
        sign=given.sign,
        via=given.via,
        json=given.json,
        quiet=given.quiet,
        strokes=given.strokes,
        width=given.width or WIDTH,
        blacks=given.blacks or "outline",
    )


def _is_given(arguments: Arguments | argparse.Namespace, name: str) -> bool:
    return getattr(arguments, name) not in (None, False, "", VIA[0])


def _without_dashes(words: list[str]) -> list[str]:
    """`words` as argparse takes them: a name after `--` that begins with a dash is a path to it.

    It parses the words twice where options and photos are mixed, and the second time knows nothing
    of the `--`.
    """
    if "--" not in words:
        return words
    end = words.index("--")
    names = words[end + 1 :]
    paths = [f"./{each}" if each.startswith("-") and each != STANDARD else each for each in names]
    return words[:end] + paths


def _check(given: argparse.Namespace, options: dict[str, Any]) -> None:
    if given.photos.count(STANDARD) > 1:
        raise OptionError("standard input can be read once")
    if "" in given.photos:
        raise OptionError("a photo's name is empty")
    if given.endpoint is not None and not given.endpoint.strip():
        raise OptionError("--endpoint is empty")
    if given.local or given.model:
        here = "--model" if given.model else "--local"
        for name in ("endpoint", *FOR_A_SERVICE):
            if _is_given(given, name):
                raise OptionError(f"--{name} is for a service; {here} draws on this machine")
    if given.sign and given.token:
        raise OptionError("a request carries --token or a signature (--sign), not both")
    _check_output(given, options)


def _check_strokes(given: argparse.Namespace, options: dict[str, Any]) -> None:
    output = Path(given.output)
    if not given.strokes:
        for name in ("width", "blacks"):
            if getattr(given, name) is not None:
                raise OptionError(f"--{name} is for strokes: add --strokes")
    elif names_a_file(output) and output.suffix.lower() != ".svg":
        raise OptionError(f"--strokes writes SVG only, so {given.output} must end in .svg")
    elif options.setdefault("format", "svg") != "svg":
        raise OptionError(f"--strokes writes SVG only, not {options['format']}")


def _check_output(given: argparse.Namespace, options: dict[str, Any]) -> None:
    """What is to be written, and where. The name of a file says its format."""
    output = Path(given.output)
    _check_strokes(given, options)
    if given.output.endswith(os.sep) and names_a_file(output):
        raise OptionError(f"{given.output} is no directory: make it, or leave the suffix out")
    if given.name == "photo" and names_a_file(output):
        raise OptionError(
            f"--name photo names the files: -o is their directory, not {given.output}"
        )
    if given.output == STANDARD:
        if given.json:
            raise OptionError("--json and -o - both write to standard output")
        _check_one(given.photos, "-o - is")
    elif names_another_format(output):
        raise OptionError(
            f"line art is saved as {', '.join(FILE_SUFFIXES)}, not as {output.suffix.lower()}"
        )
    elif names_a_file(output):
        _check_one(given.photos, f"-o {given.output} is the name of")
        kind = FILE_SUFFIXES[output.suffix.lower()]
        format = next(name for name, each in MEDIA_TYPES.items() if each == kind)  # noqa: A001
        if options.setdefault("format", format) != format:
            raise OptionError(f"-o {given.output} and --format {options['format']} disagree")


def _check_one(photos: list[str], said: str) -> None:
    if len(photos) > 1 or is_directory(Path(photos[0])):
        raise OptionError(f"{said} one file, for one photo: for several, name a directory")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="artline",
        description="Turns photos into line art.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("photos", nargs="+", metavar="PHOTO", help="photos, directories of photos, or - for stdin")
    add(
        "-o",
        "--output",
        default=".",
        metavar="DIR|FILE|-",
        help="directory for the line art; or a file's name that ends in .jpg, .png, .webp or .svg,"
        " for one photo; or - for stdout (default: this directory)",
    )
    add(
        "--name",
        choices=("time", "photo"),
        default="time",
        help="name the line art by the time, as yyyyMMddHHmmss.jpg, or after the photo, in which"
        " case a photo is skipped if a file of that name is there (default: time)",
    )
    add("-r", "--recursive", action="store_true", help="include subdirectories")
    for name, option in OPTIONS.items():
        number = isinstance(option, Number)
        said = option.description[0].lower() + option.description[1:]
        add(
            f"--{name.replace('_', '-')}",
            type=_number if number else str,
            metavar="N" if number else name.upper(),
            help=said if number else f"{said}: {option.values(SHIPPED)}",
        )
    add(
        "--strokes",
        action="store_true",
        help="SVG of single strokes, for plotters: pip install 'artline[plot]'",
    )
    add(
        "--width",
        type=_millimetres,
        metavar="MM",
        help="with --strokes: the width of the line art, 20mm to 100000mm (default: 210mm)",
    )
    add(
        "--blacks",
        choices=("outline", "hatch"),
        help="with --strokes: how black areas are drawn (default: outline)",
    )
    add("--full-size", action="store_true", help="draw photos as large as the model can")
    add("-j", "--at-once", type=_count, metavar="N", help="photos at a time")
    add = parser.add_argument_group("where it is drawn").add_argument
    add("--endpoint", metavar="URL", help="by the service there (default: ARTLINE_ENDPOINT)")
    add("--token", metavar="T", help="for a service that asks for one (default: ARTLINE_TOKEN)")
    add("--sign", action="store_true", help="sign with AWS credentials, where auth is iam")
    add(
        "--via",
        choices=VIA,
        default="auto",
        help="transform: one request a photo; jobs: a queued job; auto: a request if it fits",
    )
    add("--local", action="store_true", help="on this machine, whatever is configured")
    add("--model", type=Path, metavar="FILE", help="on this machine, with another model file")
    add = parser.add_argument_group("output").add_argument
    add("--json", action="store_true", help="one JSON object per photo, on stdout")
    add("-q", "--quiet", action="store_true", help="nothing but errors")
    add("--version", action="version", version=f"artline {__version__}")
    return parser


def _number(text: str) -> int:
    with suppress(ValueError):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")


def _millimetres(text: str) -> float:
    with suppress(ValueError):
        if WIDTHS[0] <= (width := float(text.removesuffix("mm"))) <= WIDTHS[1]:
            return width
    raise argparse.ArgumentTypeError(f"{text!r} is not {WIDTHS[0]:.0f}mm to {WIDTHS[1]:.0f}mm")


def _count(text: str) -> int:
    if (count := _number(text)) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 or more")
    return count
