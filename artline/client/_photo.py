"""A photo made ready to send: opened, upright, no larger than asked."""

from __future__ import annotations

import hashlib
import io
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

from PIL import Image, ImageOps, UnidentifiedImageError

from ..errors import PhotoError, PhotoTooLargeError
from ._answers import Limits

Source: TypeAlias = bytes | str | os.PathLike[str] | Image.Image

SENT_AS_IS = {"JPEG": "image/jpeg", "MPO": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
"""What the service reads, by Pillow's name of the format."""

HEIC = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
"""Brands of the files that iPhones write."""


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file as it is sent."""

    data: bytes = field(repr=False)
    media_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def prepare(source: Source, *, side: int | None, limits: Limits) -> Photo:
    """`source`, its longer side at most `side` pixels, in a form that the service reads.

    A file that fits already, or any file where `side` is None, is sent as it is, its rotation tag
    included. Raises `PhotoError`.
    """
    if isinstance(source, Image.Image):
        return _encode(source.copy(), side)
    data = source if isinstance(source, bytes) else _read(Path(source))
    image = _open(data)
    media_type = SENT_AS_IS.get(image.format or "")
    if side is None and image.width * image.height > limits.image_pixels:
        raise PhotoTooLargeError(
            f"the photo has {image.width * image.height / 1e6:.0f} megapixels, over the"
            f" {limits.image_pixels / 1e6:.0f} that the service takes: send it without --full-size"
        )
    if media_type and (
        side is None or (max(image.size) <= side and len(data) <= limits.image_bytes)
    ):
        return Photo(data, media_type)
    return _encode(image, side)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PhotoError(f"the file cannot be read: {error.strerror}") from error


def _open(data: bytes) -> Image.Image:
    heif = _register_heif()
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        if data[4:8] == b"ftyp" and data[8:12] in HEIC and not heif:
            raise PhotoError(
                "the photo is HEIC, which needs one more package: pip install pillow-heif"
            ) from error
        raise PhotoError("the file is no image in a format that is read here") from error
    except Image.DecompressionBombError as error:
        raise PhotoError("the photo has too many pixels to be opened safely") from error
    except Exception as error:
        raise PhotoError("the photo is corrupt: copy it again, or save it anew") from error


def _encode(image: Image.Image, side: int | None) -> Photo:
    try:
        # Averaging a palette's indices makes other colours; JPEG's draft mode works before it.
        if image.mode in ("P", "PA", "1"):
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        if side:
            image.thumbnail((side, side), reducing_gap=3.0)
        image = ImageOps.exif_transpose(image)
        file = io.BytesIO()
        if image.mode.startswith(("I", "F")):
            # JPEG has 8 bits; the service knows best how to look at more.
            image.save(file, "TIFF", compression="tiff_lzw", exif=b"")
            return Photo(file.getvalue(), "image/tiff")
        _on_white(image).save(file, "JPEG", quality=90 if side else 95, exif=b"")
    except Exception as error:  # Pillow's decoders raise whatever a broken file led them to
        raise PhotoError(
            "the photo is cut short or corrupt: copy it again, or save it anew"
        ) from error
    return Photo(file.getvalue(), "image/jpeg")


def _on_white(image: Image.Image) -> Image.Image:
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


@cache
def _register_heif() -> bool:
    """Teaches Pillow HEIC where pillow-heif is installed, and says whether it is."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
