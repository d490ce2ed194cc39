"""Who draws: a service, or this process. Both take photos and give line art or the same errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

from ..errors import EndpointError
from ..options import MEDIA_TYPES, Options, RequestOptions
from ..version import MODEL
from ._arguments import Arguments

if TYPE_CHECKING:
    from ..client import Client, Progress
    from ..drawing.art import LineArt
    from ..drawing.draw import Model

AT_ONCE = 4
"""Photos at a time, unless the user says how many."""


class Artist(Protocol):
    """What a run needs of what draws: a service, or a model in this process."""

    at_once: int

    def model(self, progress: Progress) -> str:
        """What tells the model from others: another one's line art is other line art.

        Raises `OptionError` where it cannot draw what the request options say.
        """

    def draw(self, photo: bytes, progress: Progress) -> LineArt:
        """Raises the errors of `artline.errors`."""


class Remote:
    """A service."""

    at_once = AT_ONCE

    def __init__(self, client: Client, arguments: Arguments) -> None:
        self._client = client
        self._arguments = arguments

    def model(self, progress: Progress) -> str:
        health = self._client.health(progress=progress)
        health.check(self._arguments.options)
        return f"{health.model}/{health.model_sha256}"

    def draw(self, photo: bytes, progress: Progress) -> LineArt:
        return self._client.draw(
            photo,
            via=self._arguments.via,
            full_size=self._arguments.full_size,
            progress=progress,
            **self._arguments.options,
        )


class Here:
    """A model in this process."""

    at_once = min(AT_ONCE, os.cpu_count() or 1)

    def __init__(self, model: Model, arguments: Arguments) -> None:
        self._model = model
        self._options = arguments.options
        if arguments.full_size:
            self._options = {"max_side": model.max_side, **self._options}

    def model(self, progress: Progress) -> str:  # noqa: ARG002
        Options.read(self._options, self._model)
        return f"{self._model.name}/{self._model.version}/{self._model.sha256}"

    def draw(self, photo: bytes, progress: Progress) -> LineArt:
        progress("drawing", None)
        return self._model.draw(photo, **self._options)


class Plotted:
    """Another artist's line art, as single strokes."""

    def __init__(self, artist: Artist, arguments: Arguments) -> None:
        self._artist = artist
        self._arguments = arguments
        self.at_once = artist.at_once
        self.model = artist.model

    def draw(self, photo: bytes, progress: Progress) -> LineArt:
        from ..strokes import svg

        art = self._artist.draw(photo, progress)
        progress("tracing", None)
        pixels = art.array
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        strokes = svg(pixels, width_mm=self._arguments.width, blacks=self._arguments.blacks)
        return replace(art, data=strokes, content_type=MEDIA_TYPES["svg"])


def can_draw() -> bool:
    """Whether the extra `draw` is installed."""
    return find_spec("onnxruntime") is not None


def endpoint(arguments: Arguments) -> tuple[str | None, str]:
    """The service that is configured, or None and why photos are to be drawn on this machine.

    Raises `EndpointError` where neither can be, and where what is configured is no URL.
    """
    if arguments.local:
        return None, ""
    from ..client._endpoint import WHICH, configured

    here = can_draw() and not arguments.for_a_service
    try:
        found = configured(arguments.endpoint)
    except EndpointError as error:
        if arguments.endpoint or os.environ.get("ARTLINE_ENDPOINT") or not here:
            raise
        return None, f"{error} Now drawing"
    if found:
        return found, ""
    if here:
        return None, "No service is configured: drawing"
    if arguments.for_a_service:
        raise EndpointError(WHICH)
    raise EndpointError(f"{WHICH} To draw on this machine instead: pip install 'artline[draw]'")


@contextmanager
def artist(at: str | None, arguments: Arguments) -> Iterator[Artist]:
    """Who draws at that endpoint, or here where it is None. Raises `ArtLineError`."""
    if arguments.strokes:
        from ..strokes import tracer

        tracer()  # before anything is drawn, which may cost money
        pixels: RequestOptions = {**arguments.options, "format": "png", "background": "white"}
        raster = replace(arguments, strokes=False, options=pixels)
        with artist(at, raster) as who:
            yield Plotted(who, arguments)
        return
    if at is None:
        from ..drawing.draw import Model

        yield Here(Model(arguments.model or MODEL), arguments)
        return
    from ..client import Client

    with Client(at, arguments.token, sign=arguments.sign) as client:
        yield Remote(client, arguments)
