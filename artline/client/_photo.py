"""A photo made ready to send: opened, upright, no larger than asked."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from ..errors import PhotoTooLargeError
from ..photo import formats, reader
from ..photo.bounds import LOCAL
from ..photo.source import PhotoSource, load
from ._answers import Limits

SENT_AS_IS: Final = frozenset({formats.JPEG, formats.PNG, formats.WEBP})
"""What every service reads. A photo in another format is sent as a JPEG."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file as it is sent."""

    data: bytes = field(repr=False)
    media_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def prepare(source: PhotoSource, *, side: int | None, limits: Limits) -> Photo:
    """`source`, its longer side at most `side` pixels, in a form that the service reads.

    A file that fits already, or any file where `side` is None, is sent as it is, its orientation
    tag included. Raises `PhotoError`.
    """
    data = load(source)
    if isinstance(data, Image.Image):
        _check(data.size, side, limits)
        return _encode(reader.decode(data, _box(side, data.size), LOCAL), side)
    photo = reader.Photo.open(data, LOCAL)
    size = photo.width, photo.height
    _check(size, side, limits)
    fits = side is None or (max(size) <= side and len(data) <= limits.image_bytes)
    if fits and photo.format in SENT_AS_IS:
        return Photo(data, photo.format.media_type)
    return _encode(photo.pixels(_box(side, size)), side)


def _check(size: tuple[int, int], side: int | None, limits: Limits) -> None:
    """Refuses a photo that is to be sent as it is, and has more pixels than the service takes."""
    if side is None and size[0] * size[1] > limits.image_pixels:
        raise PhotoTooLargeError(
            f"The photo has {size[0] * size[1] / 1e6:.0f} megapixels, over the"
            f" {limits.image_pixels / 1e6:.0f} that the service takes: send it without full_size"
            " (--full-size)."
        )


def _box(side: int | None, size: tuple[int, int]) -> tuple[int, int]:
    """The square that holds the photo, whichever way it is turned."""
    longest = max(size) if side is None else side
    return longest, longest


def _encode(pixels: reader.Pixels, side: int | None) -> Photo:
    file = io.BytesIO()
    try:
        Image.fromarray(pixels).save(file, "JPEG", quality=90 if side else 95)
    except OSError as error:
        longest = max(pixels.shape)
        raise PhotoTooLargeError(
            f"The photo is {longest} pixels long, more than a JPEG can be: send it without"
            " full_size (--full-size)."
        ) from error
    return Photo(file.getvalue(), formats.JPEG.media_type)
