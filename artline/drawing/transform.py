"""Bytes of a photo in, bytes of line art out.

The photo's way is short: decoded at no more than the size needed, turned upright, drawn, encoded.
Nothing is written to disk.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter
from typing import Any

import numpy as np
from PIL import Image

from ..errors import OptionError
from ..options import Options
from ..photo.bounds import SERVICE, Bounds
from ..photo.reader import Pixels, decode
from .model import Model

ENCODERS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 90}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 90, "method": 2}),
}
"""Pillow's name and settings of each format that line art is written in."""


@dataclass(slots=True)
class Timings:
    """Milliseconds that each step took, in order."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.steps[name] = (perf_counter() - start) * 1000


def transform(
    photo: bytes | Image.Image,
    model: Model,
    options: Options | None = None,
    timings: Timings | None = None,
    bounds: Bounds = SERVICE,
) -> bytes:
    """Draws `photo`, an image file or an image, as an image file in the format of `options`.

    The line art is upright, has the photo's aspect ratio, and its longer side is at most
    `options.max_side` pixels; a smaller photo is not enlarged. Raises `PhotoError`.
    """
    options = options or Options.read({}, model)
    timings = timings or Timings()
    with timings.step("decode"):
        pixels = decode(photo, model.fit(options.max_side), bounds)
    with timings.step("inference"):
        art = model.run(pixels, options.style)
    with timings.step("encode"):
        return encode(art, options)


@cache
def prove(model: Model) -> None:
    """Draws a small photo, the first time that it is asked: raises where that cannot be done."""
    photo = io.BytesIO()
    Image.new("RGB", (64, 64)).save(photo, "JPEG")
    transform(photo.getvalue(), model)


def encode(art: Pixels, options: Options) -> bytes:
    """uint8 `[H, W, 1 or 3]` as an image file in the format of `options`, with no metadata.

    Raises `OptionError` where it has more pixels a side than the format can hold.
    """
    if options.format == "svg":
        from .outlines import svg  # seldom needed, and its library takes time to import

        return svg(art)
    name, settings = ENCODERS[options.format]
    if options.background == "transparent":
        image = _without_paper(art)
    else:
        image = Image.fromarray(art[..., 0] if art.shape[2] == 1 else art)
    file = io.BytesIO()
    try:
        image.save(file, name, **settings)
    except (ValueError, OSError) as error:
        size = f"{image.width}x{image.height}"
        raise OptionError(f"format {options.format} cannot hold {size} pixels") from error
    return file.getvalue()


def _without_paper(art: Pixels) -> Image.Image:
    """Line art whose ink is its alpha: on white paper it looks as `art` does."""
    alpha = 255 - art.min(axis=2, keepdims=True)
    if art.shape[2] == 1:
        return Image.fromarray(np.concatenate([np.zeros_like(alpha), alpha], axis=2), "LA")
    ink = 255 - (255.0 - art) * 255 / np.maximum(alpha, 1)
    return Image.fromarray(np.concatenate([np.rint(ink).astype(np.uint8), alpha], axis=2), "RGBA")
