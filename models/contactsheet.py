"""Photos and their line art side by side, as one JPEG to look at."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

CELL = (480, 400)  # pixels of the largest photo on the sheet
PAIRS = 2  # in a row
LARGEST = 1_500_000  # bytes

Pixels = npt.NDArray[np.uint8]


def sheet(pairs: list[tuple[Pixels, Pixels]]) -> Image.Image:
    """Photos, uint8 [H, W, 3], each beside its line art [H, W, 1 or 3], `PAIRS` in a row."""
    rows = [pairs[start : start + PAIRS] for start in range(0, len(pairs), PAIRS)]
    small = [[tuple(map(_shrink, pair)) for pair in row] for row in rows]
    heights = [max(photo.height for photo, _ in row) + 8 for row in small]
    paper = Image.new("RGB", (PAIRS * (2 * CELL[0] + 16), sum(heights)), "white")
    for row, top in zip(small, np.cumsum([0, *heights]).tolist(), strict=False):
        for column, (photo, drawn) in enumerate(row):
            middle = column * (2 * CELL[0] + 16) + CELL[0]
            paper.paste(photo, (middle - photo.width - 4, top + 4))
            paper.paste(drawn, (middle + 4, top + 4))
    return paper


def _shrink(pixels: Pixels) -> Image.Image:
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).convert("RGB")
    picture.thumbnail(CELL, Image.Resampling.LANCZOS)
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """As a JPEG of at most `LARGEST` bytes, at the best quality that fits."""
    for quality in range(92, 40, -4):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= LARGEST:
            break
    path.write_bytes(file.getvalue())
