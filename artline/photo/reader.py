"""The reader: an image file's bytes to upright RGB pixels.

A file is opened once, checked, and decoded once. What its decoder reports as damaged is refused.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from threading import Lock
from typing import Any, Final

from PIL import Image

from ..errors import DamagedPhotoError, PhotoError, PhotoTooLargeError
from . import formats, icon, png
from .apart import IS_POSSIBLE, apart
from .bounds import SERVICE, Bounds, Deadline
from .directory import ORIENTATION, orientation
from .formats import Format, recognise, sniff, unsupported
from .pixels import GAP, Pixels, Samples, upright
from .plugins import prepare, read_header

__all__ = ["Photo", "Pixels", "decode", "is_image"]

APART: Final = frozenset({formats.AVIF, formats.HEIF, formats.JPEG2000, formats.TIFF})
"""Formats whose decoders take no deadline."""

EXIF_OF_AVIF: Final = re.compile(rb"(infe.{8}(?:..)?)Exif", re.DOTALL)
"""The entry of an AVIF for its EXIF. Pillow refuses a photo for a wrong tag there, and what turns
the photo is elsewhere."""

UNSUPPORTED: Final = (
    "Unsupported BMP",
    "cannot handle",
    "unable to determine J2K image mode",
    "unknown data organization",
    "unknown pixel mode",
)
"""How Pillow's messages begin where a file is healthy, but of a kind that it does not read."""

NOISY: Final = r"PIL\b|pillow_heif\b|artline\.photo\b"
"""The modules whose warnings about a photo tell its reader nothing."""


@dataclass(slots=True)
class Photo:
    """An image file whose header is read, and within the bounds. Its pixels are not decoded yet.

    `width` and `height` are in pixels, as stored: before the photo is turned upright.
    """

    format: Format
    width: int
    height: int
    _image: Any
    _orientation: int | None
    _samples: Samples

    @classmethod
    def open(cls, data: bytes, bounds: Bounds = SERVICE) -> Photo:
        """Reads the header. Raises `PhotoError`."""
        with _reading():
            return _open(data, bounds)

    def pixels(self, box: tuple[int, int]) -> Pixels:
        """Decodes it, once, as uint8 `[H, W, 3]` RGB: first frame, upright, on white.

        It is shrunk into `box`, (width, height) in pixels of the upright photo, and never enlarged.
        Raises `PhotoError`.
        """
        with _reading():
            image = self._decoded(max(box))
            turn = self._orientation or orientation(image.info.get("exif"))
            return upright(image, turn, box, self._samples)

    def _decoded(self, side: int) -> Image.Image:
        """The image as stored, or a JPEG shrunk to `side` pixels.

        The decoder is released, since it may hold more memory than the image.
        """
        image, self._image = self._image, None
        if self.format is formats.HEIF:
            decoded: Image.Image = image.load()
            return decoded
        if self.format is formats.JPEG:
            # It is decoded small in the first place. A quarter turn may still swap the sides: a
            # square of the longer one holds either.
            image.thumbnail((side, side), reducing_gap=GAP)
        frame = image.tile[0][1] if image.tile else None
        image.load()
        plain: Image.Image = image._new(image.im)
        if self.format is formats.GIF and frame and frame != (0, 0, *plain.size):
            # The first frame does not fill the canvas, which is transparent around it.
            whole = Image.new("RGBA", plain.size)
            whole.paste(plain.crop(frame).convert("RGBA"), frame)
            return whole
        return plain


def decode(photo: bytes | Image.Image, box: tuple[int, int], bounds: Bounds = SERVICE) -> Pixels:
    """The photo as uint8 `[H, W, 3]` RGB: first frame, upright, on white, shrunk into `box`.

    `box` is (width, height) in pixels of the upright photo. An image of Pillow's is left as it is.
    Raises `PhotoError`.
    """
    if not isinstance(photo, Image.Image):
        form = sniff(photo)
        if bounds.seconds is None or form not in APART or not IS_POSSIBLE:
            return Photo.open(photo, bounds).pixels(box)
        prepare(form)  # here, once, and not in every copy of this process
        return apart(lambda: Photo.open(photo, bounds).pixels(box), bounds.seconds)
    image = photo
    if not all(image.size):
        raise DamagedPhotoError("The image has no pixels.")
    bounds.check(*image.size)
    with _reading():
        closed = getattr(image, "fp", None) is None  # or in memory, which cannot fail
        try:
            image.load()  # some formats hold their metadata behind the pixels
        except Exception as error:
            if closed:
                raise PhotoError("The image is closed: draw it before that.") from error
            raise
        turn = _turn(image)
        samples = replace(_samples(image), key=image.info.get("transparency"))
        return upright(image.copy(), turn, box, samples)


def _samples(image: Any) -> Samples:
    """What the file of an opened image says of its samples."""
    if image.format == "PPM" and image.mode == "I":
        return Samples(white=65535.0)
    if image.format == "TIFF":
        from .tiff import samples_of

        return samples_of(image.tag_v2)
    return Samples()


def _turn(image: Image.Image) -> int:
    """The EXIF orientation, as a caller may have changed it."""
    try:
        turn = image.getexif().get(ORIENTATION, 1)
    except Exception:  # Pillow's readers raise anything
        turn = None
    return turn if turn in range(1, 9) else orientation(image.info.get("exif"))


def is_image(data: bytes) -> bool:
    """Whether `data` begins like a photo in a supported format."""
    return sniff(data) is not None


@contextmanager
def _reading() -> Iterator[None]:
    """Turns whatever Pillow and its decoders raise into the errors of photos."""
    try:
        with _quiet:
            yield
    except PhotoError:
        raise
    except (Image.DecompressionBombError, MemoryError) as error:
        raise PhotoTooLargeError("The photo has too many pixels: send a smaller one.") from error
    except Exception as error:  # a broken file leads decoders to raise anything
        if str(error).startswith(UNSUPPORTED):
            raise unsupported("image") from error
        raise DamagedPhotoError(
            "The photo is cut short or damaged: use another copy, or open it and save it anew."
        ) from error


class _Quiet:
    """Ignores the warnings of `NOISY` while any thread reads a photo.

    Filters are the whole process's, which may change them meanwhile: so nothing is saved and
    restored here, as `catch_warnings` would. One filter is added, and that one is taken away.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._readers = 0
        self._filter: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._readers:
                warnings.filterwarnings("ignore", module=NOISY)
                self._filter = warnings.filters[0]
            self._readers += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._readers -= 1
            if not self._readers:
                with suppress(ValueError):  # the application has removed it
                    warnings.filters.remove(self._filter)  # type: ignore[attr-defined]


_quiet = _Quiet()


def _open(data: bytes, bounds: Bounds) -> Photo:
    form = recognise(data)
    bounds.check_bytes(len(data), form.most_bytes)
    if form is formats.HEIF:
        from .heif import HeifPhoto

        heif = HeifPhoto(data)
        bounds.check(*heif.size, form.share)
        return Photo(form, *heif.size, heif, 1, Samples())
    if form is formats.ICO:
        start, size = icon.largest(data)
        if data.startswith(png.SIGNATURE, start):
            return _open(data[start:], bounds)
        bounds.check(*size)
    return _open_with_pillow(form, data, bounds)


def _open_with_pillow(form: Format, data: bytes, bounds: Bounds) -> Photo:
    turn, samples, deadline = None, Samples(), Deadline(bounds.seconds)
    if form is formats.TIFF:
        from .tiff import Tiff

        tiff = Tiff(data, bounds)
        turn, samples = tiff.orientation, tiff.samples
    if form is formats.PNG:
        data = png.without_text(data, deadline)
    if form is formats.AVIF:
        data = EXIF_OF_AVIF.sub(rb"\1skip", data)
    image = read_header(form, data, deadline)
    width, height = image.size
    bounds.check(width, height, form.share)
    key = image.info.get("transparency")
    if form is formats.PNG:
        key = png.colour_key(key, data)
    if key is not None:
        samples = replace(samples, key=key)
    if image.format == "PPM" and image.mode == "I":
        samples = Samples(white=65535.0)
    return Photo(form, width, height, image, turn, samples)
