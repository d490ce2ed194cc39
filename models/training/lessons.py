"""The teacher's drawings of the photos, made once and kept on disk."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from models.training import hed, teacher
from models.training.photos import HED

SECOND_SIZE = 0.6  # photos are also taught at this scale: a stroke's width follows the pixels


def to_tensor(picture: Image.Image) -> Tensor:
    """RGB or grey picture → float [1, C, H, W] in 0..1."""
    pixels = torch.from_numpy(np.array(picture))
    return pixels.reshape(*pixels.shape[:2], -1).permute(2, 0, 1)[None].float() / 255


def to_picture(image: Tensor) -> Image.Image:
    """Grey float [1, 1, H, W] in 0..1 → picture."""
    return Image.fromarray((image[0, 0].clamp(0, 1) * 255).round().byte().numpy())


def teach(build: Path) -> int:
    """Draw every photo in `build`/photos into `build`/lessons; returns how many were drawn.

    A lesson is two PNGs, NAME.photo.png and NAME.art.png, of the same size. What is there already
    is left alone, so that this may be stopped and begun again, or run twice at once.
    """
    model = hed.load(next((build / "packages" / HED).iterdir()))
    drawn = 0
    photos = sorted((build / "photos").glob("*/*.png"))
    random.Random(1).shuffle(photos)  # what is ready so far makes a fair sample
    for path in photos:
        folder = build / "lessons" / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / f"{path.stem}.art.png").exists():
            _draw(path, folder, model)
            drawn += 1
    return drawn


def _draw(path: Path, folder: Path, model: hed.HED) -> None:
    picture = Image.open(path)
    edge = teacher.edges(to_tensor(picture), model)
    second = [round(side * SECOND_SIZE) for side in picture.size]
    if folder.name == "train" and min(second) >= 256:
        small = picture.resize(second, Image.Resampling.LANCZOS)
        less = functional.interpolate(edge, second[::-1], mode="bilinear", antialias=True)
        _save(small, less, folder / f"{path.stem}.small")
    _save(picture, edge, folder / path.stem)


def _save(picture: Image.Image, edge: Tensor, stem: Path) -> None:
    picture.save(f"{stem}.photo.png")
    to_picture(teacher.draw(to_tensor(picture), edge)).save(f"{stem}.art.png")
