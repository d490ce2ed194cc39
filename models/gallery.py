"""A sheet of photos the model was never trained on, beside what it makes of them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from skimage.metrics import structural_similarity

CELL = (480, 400)  # pixels of the largest picture on the sheet
PAIRS = 2  # in a row
LARGEST = 1_500_000  # bytes


class Model:
    """A model file, run as the function runs it: padded by reflection, cropped again."""

    def __init__(self, path: Path, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self.metadata = self.session.get_modelmeta().custom_metadata_map

    def draw(self, photo: Image.Image) -> Image.Image:
        """Line art of an RGB photo, at the photo's size."""
        pixels, multiple = np.array(photo), int(self.metadata["multiple"])
        height, width = pixels.shape[:2]
        margins = ((0, -height % multiple), (0, -width % multiple), (0, 0))
        padded = np.pad(pixels, margins, mode="reflect")
        (art,) = self.session.run(["art"], {"image": padded[None]})
        return Image.fromarray(art[0, :height, :width].squeeze())


def judge(lessons: Path, model: Model) -> tuple[dict[str, float], Image.Image]:
    """SSIM to the teacher of every lesson in a folder, by name, and the sheet of them."""
    scores: dict[str, float] = {}
    pairs: list[tuple[Image.Image, Image.Image]] = []
    for path in sorted(lessons.glob("*.photo.png")):
        name = path.name.removesuffix(".photo.png")
        photo, expected = Image.open(path), Image.open(lessons / f"{name}.art.png")
        drawn = model.draw(photo)
        scores[name] = float(structural_similarity(np.array(drawn), np.array(expected)))
        pairs.append((photo, drawn.convert("RGB")))
    return scores, sheet(pairs)


def sheet(pairs: list[tuple[Image.Image, Image.Image]]) -> Image.Image:
    """Photos and drawings side by side, `PAIRS` of them in a row."""
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


def _shrink(picture: Image.Image) -> Image.Image:
    picture = picture.copy()
    picture.thumbnail(CELL, Image.Resampling.LANCZOS)
    return picture


def save(picture: Image.Image, path: Path) -> None:
    """As a JPEG of at most `LARGEST` bytes, as good as that allows."""
    for quality in range(92, 40, -4):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
        if file.tell() <= LARGEST:
            break
    path.write_bytes(file.getvalue())
