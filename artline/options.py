"""The request options: each one's name, type, values, default and description, in one table.

To add an option, add a field to `Options` and the same name to `RequestOptions`. The query of
`/transform`, the body of `/jobs`, the metadata of an upload, the identity of a job, OpenAPI and
validation follow from it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from numbers import Integral
from typing import Any, Final, Literal, Protocol, Self, TypeAlias, TypedDict

from .errors import OptionError
from .limits import MIN_SIDE

Format: TypeAlias = Literal["jpeg", "png", "webp", "svg"]
Background: TypeAlias = Literal["white", "transparent"]

MEDIA_TYPES: Final[dict[str, str]] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
"""The formats of line art, by the value of `format`."""


class Served(Protocol):
    """What the options' values depend on: the model that draws."""

    @property
    def max_side(self) -> int:
        """The longest side that it draws, in pixels."""

    @property
    def default_side(self) -> int:
        """The longer side of its line art, in pixels, unless the caller asks for another."""

    @property
    def styles(self) -> tuple[str, ...]:
        """Its styles, the default one first."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that is known by what its options' values depend on."""

    max_side: int
    default_side: int
    styles: tuple[str, ...]


class RequestOptions(TypedDict, total=False):
    """The request options as keyword arguments; what is left out has the service's default."""

    format: Format
    max_side: int
    style: str
    background: Background


@dataclass(frozen=True, slots=True)
class Choice:
    """An option that is one of a few words."""

    description: str
    choices: Callable[[Served], Collection[str]]
    default: Callable[[Served], str]

    def schema(self, served: Served) -> dict[str, Any]:
        """The JSON schema of its values."""
        return {"type": "string", "enum": list(self.choices(served))}

    def check(self, value: object, served: Served) -> str | None:
        """The value, or None where the option cannot have it."""
        return value if isinstance(value, str) and value in self.choices(served) else None

    def parse(self, text: str) -> object:
        """The value that `text` stands for in a query, a form or metadata."""
        return text

    def values(self, served: Served) -> str:
        """The values it can have, in words."""
        *others, last = self.choices(served)
        return f"{', '.join(others)} or {last}" if others else last


@dataclass(frozen=True, slots=True)
class Number:
    """An option that is a whole number of a unit, within a range."""

    description: str
    unit: str
    least: int
    most: Callable[[Served], int]
    default: Callable[[Served], int]

    def schema(self, served: Served) -> dict[str, Any]:
        """The JSON schema of its values."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most(served)}

    def check(self, value: object, served: Served) -> int | None:
        """The value, or None where the option cannot have it. JSON's 512.0 is an integer too."""
        number = None if isinstance(value, bool) else value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
        if not isinstance(number, Integral):  # numpy's numbers are
            return None
        return int(number) if self.least <= int(number) <= self.most(served) else None

    def parse(self, text: str) -> object:
        """The value that `text` stands for in a query, a form or metadata."""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text

    def values(self, served: Served) -> str:
        """The values it can have, in words."""
        return f"a number of {self.unit} from {self.least} to {self.most(served)}"


def _option(kind: Choice | Number) -> Any:
    return field(metadata={"kind": kind})


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How line art is drawn: every request option, with a value that the model can serve."""

    format: str = _option(
        Choice("The line art's image format", lambda _: MEDIA_TYPES, lambda _: "jpeg")
    )
    max_side: int = _option(
        Number(
            "The longer side of the line art, in pixels, at most",
            unit="pixels",
            least=MIN_SIDE,
            most=lambda served: served.max_side,
            default=lambda served: served.default_side,
        )
    )
    style: str = _option(
        Choice("The style of drawing", lambda model: model.styles, lambda model: model.styles[0])
    )
    background: str = _option(
        Choice(
            "What is behind the ink; svg has no background",
            lambda _: ("white", "transparent"),
            lambda _: "white",
        )
    )

    def __post_init__(self) -> None:
        if self.background == "transparent" and self.format == "jpeg":
            raise OptionError(
                "JPEG has no transparency: with background=transparent, format must be png, webp or"
                " svg."
            )

    @classmethod
    def read(cls, given: Mapping[str, object], served: Served) -> Self:
        """The options with the values that are `given`, and defaults for the others.

        Raises `OptionError` for a name that is no option, and for a value that it cannot have.
        """
        refuse_unknown(given, OPTIONS)
        values: dict[str, Any] = {}
        for name, option in OPTIONS.items():
            value = option.check(given.get(name, option.default(served)), served)
            if value is None:
                raise OptionError(f"{name} must be {option.values(served)}.")
            values[name] = value
        return cls(**values)

    @classmethod
    def parse(cls, given: Mapping[str, str], served: Served) -> Self:
        """As `read`, from the texts of a query, a form or metadata."""
        return cls.read(parsed(given), served)

    def texts(self) -> dict[str, str]:
        """Every option's value as `parse` reads it."""
        return {name: str(getattr(self, name)) for name in OPTIONS}

    @property
    def media_type(self) -> str:
        """The media type of `format`."""
        return MEDIA_TYPES[self.format]


OPTIONS: Final[dict[str, Choice | Number]] = {
    each.name: each.metadata["kind"] for each in fields(Options)
}
"""The table, by name."""


def parsed(given: Mapping[str, str]) -> dict[str, object]:
    """The values that texts of a query, a form or metadata stand for, unchecked."""
    return {
        name: OPTIONS[name].parse(text) if name in OPTIONS else text for name, text in given.items()
    }


def refuse_unknown(given: Iterable[str], known: Collection[str]) -> None:
    """Raises `OptionError` for the first name in `given` that is not in `known`."""
    for name in given:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise OptionError(
                f"There is no option {name[:40]!r}: there are {', '.join(sorted(known))}.{hint}"
            )


def schemas(served: Served) -> dict[str, dict[str, Any]]:
    """The JSON schema of each option, by name, with its default and description."""
    return {
        name: option.schema(served)
        | {"default": option.default(served), "description": option.description}
        for name, option in OPTIONS.items()
    }
