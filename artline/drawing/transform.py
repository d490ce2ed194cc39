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

from PIL import Image

from ..photo.reader import Pixels, decode
from .model import Model

ENCODINGS = {
    "image/jpeg": ("JPEG", {"quality": 90}),
    "image/png": ("PNG", {}),
    "image/webp": ("WEBP", {"quality": 90, "method": 2}),
}
"""What the line art can be written as: Pillow's name and options by media type."""


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
    photo: bytes,
    model: Model,
    *,
    media_type: str = "image/jpeg",
    max_side: int | None = None,
    timings: Timings | None = None,
) -> bytes:
    """Draws `photo`, an image file, as an image file of `media_type` (a key of `ENCODINGS`).

    The line art is upright, has the photo's aspect ratio, and its longer side is at most `max_side`
    pixels (by default the model's own default); a smaller photo is not enlarged.

    Raises `PhotoError`.
    """
    timings = timings or Timings()
    with timings.step("decode"):
        pixels = decode(photo, model.fit(max_side or model.default_side))
    with timings.step("inference"):
        art = model.run(pixels)
    with timings.step("encode"):
        return encode(art, media_type)


@cache
def prove(model: Model) -> None:
    """Draws a small photo, the first time that it is asked: raises where that cannot be done."""
    photo = io.BytesIO()
    Image.new("RGB", (64, 64)).save(photo, "JPEG")
    transform(photo.getvalue(), model)


def encode(art: Pixels, media_type: str) -> bytes:
    """uint8 `[H, W, 1 or 3]` as an image file of `media_type`, with no metadata."""
    name, options = ENCODINGS[media_type]
    file = io.BytesIO()
    Image.fromarray(art[..., 0] if art.shape[2] == 1 else art).save(file, name, **options)
    return file.getvalue()
