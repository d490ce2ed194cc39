"""Every mode of Pillow to RGB on white, shrunk and upright.

A photo of 50 megapixels is 200 MB in Pillow's memory, so that no step may hold more than two whole
images: what has transparency is shrunk before it is laid on white, and deep greys become 8 bits a
few rows at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]

GAP: Final = 3.0
"""How far a photo is averaged down before it is resampled; Pillow's advice for fair quality."""

ROWS: Final = 256
"""Rows of a deep grey that are converted at once."""

TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a photo of each EXIF orientation upright."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What a file says of its samples that Pillow's modes do not.

    `white` is the value of white in a deep grey, None where the file does not say; `inverted` says
    that this is black. `key` is the colour that is transparent.
    """

    white: float | None = None
    inverted: bool = False
    key: Any = None


def upright(image: Image.Image, orientation: int, box: tuple[int, int], samples: Samples) -> Pixels:
    """A decoded image as uint8 `[H, W, 3]` RGB: upright, on white, shrunk into `box`.

    `box` is (width, height) in pixels of the upright photo. `image` is not to be used afterwards.
    """
    image = _averageable(image, samples)
    image.thumbnail(box if orientation < 5 else box[::-1], reducing_gap=GAP)
    if orientation in TURNS:
        image = image.transpose(TURNS[orientation])
    if image.mode in ("La", "RGBa"):
        return _on_white(np.asarray(image))
    return np.asarray(image.convert("RGB"))


def _averageable(image: Image.Image, samples: Samples) -> Image.Image:
    """`image` in a mode whose pixels can be averaged; a palette's indices, say, cannot."""
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image, samples)
    if image.mode == "LAB":
        return image.getchannel("L")
    if samples.key is not None:
        image.info["transparency"] = samples.key
    if image.mode in ("La", "RGBa"):
        return image
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA")
        # Premultiplied, so that what is transparent has no part in the average.
        return image.convert("LA" if grey else "RGBA").convert("La" if grey else "RGBa")
    return image if image.mode in ("L", "RGB", "CMYK", "YCbCr") else image.convert("RGB")


def _eight_bits(image: Image.Image, samples: Samples) -> Image.Image:
    """A grey of 16 or 32 bits as L, or as La where it has a transparent colour."""
    white = samples.white or _white(image)
    keyed = isinstance(samples.key, int)
    grey = Image.new("La" if keyed else "L", image.size)
    for top, band in _bands(image):
        values = np.nan_to_num(band.astype(np.float32), nan=0.0)
        values *= np.float32(255 / white)
        np.clip(values, 0, 255, out=values)
        if samples.inverted:
            values = 255 - values
        rows = values.astype(np.uint8)
        if keyed:
            opaque = band != samples.key
            rows = np.stack([rows * opaque, opaque * np.uint8(255)], axis=-1)
            part = Image.frombytes("LA", (grey.width, rows.shape[0]), rows.tobytes())
            part = part.convert("La")
        else:
            part = Image.fromarray(rows)
        grey.paste(part, (0, top))
    return grey


def _bands(image: Image.Image) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    for top in range(0, image.height, ROWS):
        bottom = min(top + ROWS, image.height)
        yield top, np.asarray(image.crop((0, top, image.width, bottom)))


def _white(image: Image.Image) -> float:
    """White in a mode of 32 bits, whose files do not say it: read off the brightest pixel."""
    if image.mode.startswith("I;16"):
        return 65535.0
    peak = max(float(np.nanmax(np.nan_to_num(band, posinf=0))) for _, band in _bands(image))
    return next((white for white in (1.0, 255.0, 65535.0) if peak <= white), peak)


def _on_white(premultiplied: Pixels) -> Pixels:
    """uint8 `[H, W, 2 or 4]`, the last being alpha, as RGB on white paper."""
    colour, alpha = premultiplied[..., :-1], premultiplied[..., -1:]
    # A damaged file's colours may be brighter than their alpha allows.
    whole = np.minimum(colour.astype(np.uint16) + (255 - alpha), 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(whole, (*whole.shape[:2], 3)))
