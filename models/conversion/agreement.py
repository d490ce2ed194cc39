"""How far two ways of drawing the same photos agree: a model file, its source, an int8 version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from models.conversion.pickles import RefusedError
from models.conversion.text import plain

CHECKED_AT = (384, 512)  # height and width of the photos that source and model file are compared on
Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Pixels], npt.NDArray[np.floating] | Pixels]
"""Photo, uint8 [H, W, 3], to line art [H, W, 1 or 3], in grey levels of 0 to 255."""


@dataclass(frozen=True)
class Agreement:
    """The mean and the largest difference in grey levels of 255, and the lowest SSIM."""

    mean: float
    largest: float
    ssim: float

    def __str__(self) -> str:
        return f"mean {self.mean:.3f}/255, at most {self.largest:.2f}/255, SSIM {self.ssim:.4f}"


def photos(
    folder: Path, size: tuple[int, int] | None = None, *, most: int | None = None
) -> list[Pixels]:
    """The photos in `folder`, upright, uint8 [H, W, 3], cropped to `size` (height, width).

    With `most`, the first so many.

    Raises `FileNotFoundError` where the folder holds no JPEG.
    """
    found: list[Pixels] = []
    for path in sorted(folder.iterdir() if folder.is_dir() else ()):
        if len(found) == most:
            break
        if path.suffix.lower() not in (".jpg", ".jpeg") or not path.is_file():  # a pipe blocks
            continue
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        if size is not None:
            photo = ImageOps.fit(photo, size[::-1])
        found.append(np.asarray(photo))
    if not found:
        raise FileNotFoundError(f"no photo (*.jpg) in {folder}")
    return found


@contextmanager
def refused(photo: Pixels, what: str = "a network") -> Iterator[None]:
    """Turn what an engine raises while it draws `photo` into a `RefusedError` that names its size.

    What engines raise has no common base class. `what` is what draws.
    """
    try:
        yield
    except RefusedError:
        raise
    except Exception as error:
        height, width = photo.shape[:2]
        raise RefusedError(
            f"{what} that does not draw a photo of {height}x{width}: {plain(error, 400)}"
        ) from error


def compare(ours: Draw, theirs: Draw, pictures: Iterable[Pixels]) -> Agreement:
    """How far two ways of drawing `pictures` agree; either may give floats, clipped to 0 to 255."""
    from skimage.metrics import structural_similarity

    means, largest, similarities = [], [], []
    for picture in pictures:
        drawn = []
        for draw, what in ((ours, "a model file"), (theirs, "a network")):
            with refused(picture, what):
                drawn.append(draw(picture))
        a, b = (np.clip(art, 0, 255).astype(np.float32) for art in drawn)
        difference = np.abs(a - b)
        means.append(difference.mean())
        largest.append(difference.max())
        similarities.append(structural_similarity(a, b, channel_axis=2, data_range=255))
    return Agreement(float(np.mean(means)), float(max(largest)), float(min(similarities)))
