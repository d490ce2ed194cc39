"""The photos of `photos/`, and what each must give; and photos of every format and mode."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PHOTOS = Path(__file__).parent / "photos"

DRAWN: dict[str, tuple[int, int]] = {
    "exif-xres-as-text-o6.jpg": (682, 1024),
    "exif-xres-negative-o6.jpg": (682, 1024),
    "grey16-big-endian-1600.tif": (1024, 768),
    "grey16-little-endian-1600.tif": (1024, 768),
    "heic-heis.heic": (300, 200),
    "png-comment-70KB.png": (1024, 93),
    "png-ztxt-1_6MB.png": (330, 220),
    "rgb-trns-black.png": (400, 400),
}
"""Width and height at no more than 1024 pixels."""

REFUSED: dict[str, int] = {
    "cut-400.avif": 422,
    "cut-400.jp2": 422,
    "damaged-200-lzw.tif": 422,
    "damaged-200.png": 422,
    "damaged-300.gif": 422,
    "damaged-400.jpg": 422,
    "raw-dng-like.tif": 415,
}
"""The HTTP status of the refusal."""


def photo(name: str) -> bytes:
    return (PHOTOS / name).read_bytes()


def pattern(mode: str, width: int = 200, height: int = 150) -> Image.Image:
    """A gradient with noise on it, in one of Pillow's modes."""
    rows, columns = np.mgrid[0:height, 0:width]
    colours = [columns * 255 // width, rows * 255 // height, (rows + columns) % 256]
    noise = np.random.default_rng(0).integers(-20, 20, (height, width, 3))
    image = Image.fromarray((np.stack(colours, -1) + noise).clip(0, 255).astype(np.uint8))
    if mode in ("RGBA", "LA"):
        image.putalpha(image.convert("L"))
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert(mode)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()
