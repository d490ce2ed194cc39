"""Which media type to answer with: what `Accept` says, and the form that was sent."""

import re
from collections.abc import Mapping
from typing import Final

from artline.options import MEDIA_TYPES

IMAGES: Final = tuple(MEDIA_TYPES.values())
TEXT: Final = "text/plain"
WEIGHT: Final = re.compile(r"q=(0(\.\d*)?|1(\.0*)?|\.\d+)")


def negotiate(accept: str, *, as_text: bool) -> str:
    """The answer's media type: one of line art's, or text/plain for base64.

    A type's quality is that of the most specific range that matches it. Among equal qualities, an
    image type that is named wins, then the form that was sent. Other types are ignored.
    """
    sent = TEXT if as_text else IMAGES[0]
    given = ranges(accept)
    weights = {name: _weight(name, given) for name in (sent, *IMAGES, TEXT)}
    most = max(weights.values())
    if not most:
        return sent
    best = [name for name, weight in weights.items() if weight == most]
    named = [name for name in given if name in best]
    if given.get("*/*") == most:
        named = [name for name in named if name != TEXT]
    if any(name in IMAGES for name in named):
        return named[0]
    return best[0] if sent in best else (named or best)[0]


def ranges(accept: str) -> dict[str, float]:
    """What `Accept` or `Accept-Encoding` names, in its order, each with its weight."""
    found: dict[str, float] = {}
    for part in accept.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        found.setdefault(name, _quality(parameters))
    return found


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            weight = WEIGHT.fullmatch(parameter)
            return float(weight[1]) if weight else 0.0
    return 1.0


def _weight(name: str, given: Mapping[str, float]) -> float:
    for covering in (name, f"{name.partition('/')[0]}/*", "*/*"):
        if covering in given:
            return given[covering]
    return 0.0
