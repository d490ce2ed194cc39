"""Crops of the lessons, and what may happen to a photo before the network sees it."""

from __future__ import annotations

import copy
import io
import random
from pathlib import Path

import numpy as np
import torch
from fastai.data.core import DataLoaders
from fastai.data.load import DataLoader
from PIL import Image, ImageEnhance
from torch import Tensor

MEAN = (0.485, 0.456, 0.406)  # of RGB in 0..1, as is usual
STD = (0.229, 0.224, 0.225)


def normalise(photo: np.ndarray) -> Tensor:
    """RGB uint8 [H, W, 3] → float [3, H, W], as the network takes it."""
    pixels = torch.from_numpy(photo).float().permute(2, 0, 1) / 255
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


class Crops:
    """Square crops of the lessons in a folder: normalised photo and paper (1) or ink (0).

    Lessons are held in memory, about 4 bytes a pixel. A training crop differs at every reading, a
    validation crop is the middle of its picture and is left as it is.
    """

    def __init__(self, folder: Path, *, size: int, length: int | None = None) -> None:
        art = sorted(folder.glob("*.art.png"))
        if not art:
            raise FileNotFoundError(f"{folder} holds no lessons: python -m models photos")
        self.size, self.length = size, length
        self.lessons = [_fill(_read(path), size) for path in art]
        # A picture counts by its side, so that large ones give more crops, but not all of them.
        self.weights = [max(lesson.shape[:2]) for lesson in self.lessons]

    def __len__(self) -> int:
        return self.length or len(self.lessons)

    def new_empty(self) -> Crops:
        """The same without lessons, as an exported learner carries it."""
        empty = copy.copy(self)
        empty.lessons, empty.weights = [], []
        return empty

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """[3, size, size] and [1, size, size]."""
        if self.length is None:
            crop = _middle(self.lessons[index], self.size)
            photo = crop[..., :3]
        else:
            crop = _flip(_somewhere(random.choices(self.lessons, self.weights)[0], self.size))
            photo = degrade(crop[..., :3])
        paper = torch.from_numpy(np.ascontiguousarray(crop[..., 3:])).permute(2, 0, 1).float() / 255
        return normalise(np.ascontiguousarray(photo)), paper


def _read(art: Path) -> np.ndarray:
    photo = np.array(Image.open(art.with_name(art.name.replace(".art.", ".photo."))))
    return np.dstack([photo, np.array(Image.open(art))])


def _fill(lesson: np.ndarray, size: int) -> np.ndarray:
    """At least `size` pixels each way, by reflection, as the service pads a photo."""
    short = [max(0, size - side) for side in lesson.shape[:2]]
    return np.pad(lesson, [*((0, pixels) for pixels in short), (0, 0)], mode="reflect")


def _somewhere(lesson: np.ndarray, size: int) -> np.ndarray:
    top, left = (random.randint(0, side - size) for side in lesson.shape[:2])
    return lesson[top : top + size, left : left + size]


def _middle(lesson: np.ndarray, size: int) -> np.ndarray:
    top, left = ((side - size) // 2 for side in lesson.shape[:2])
    return lesson[top : top + size, left : left + size]


def _flip(crop: np.ndarray) -> np.ndarray:
    if random.random() < 0.5:
        crop = crop[:, ::-1]
    return np.rot90(crop, random.choice((1, 2, 3))) if random.random() < 0.2 else crop


def degrade(photo: np.ndarray) -> np.ndarray:
    """A worse picture of the same thing, RGB uint8 [H, W, 3]: the lines in it stay as they are."""
    photo = _light(photo)
    if random.random() < 0.3:
        photo = _soften(photo)
    if random.random() < 0.4:
        noise = np.random.normal(0, random.uniform(1, 12), (*photo.shape[:2], 3))
        if random.random() < 0.5:
            noise = noise[..., :1]  # of lightness only, as after a camera's own denoising
        photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.5:
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=random.randint(35, 95))
        photo = np.array(Image.open(file))
    return photo


def _light(photo: np.ndarray) -> np.ndarray:
    gamma = np.exp(random.uniform(-0.4, 0.4)) * np.exp(np.random.uniform(-0.08, 0.08, 3))
    gain = random.uniform(0.7, 1.15)
    ramp = np.linspace(0, 1, 256)[:, None]
    table = np.clip(gain * ramp**gamma, 0, 1) * 255
    lit = np.take_along_axis(table.astype(np.uint8), photo.reshape(-1, 3), 0).reshape(photo.shape)
    colour = 0.0 if random.random() < 0.08 else random.uniform(0.4, 1.4)
    return np.array(ImageEnhance.Color(Image.fromarray(lit)).enhance(colour))


def _soften(photo: np.ndarray) -> np.ndarray:
    picture, scale = Image.fromarray(photo), random.uniform(1.1, 1.8)
    small = [round(side / scale) for side in picture.size]
    return np.array(picture.resize(small, Image.Resampling.BOX).resize(picture.size, 3))


def loaders(lessons: Path, *, size: int, batch: int, steps: int, workers: int = 0) -> DataLoaders:
    """Loaders for fastai: an epoch is `steps` batches of random crops; validation is `held_out`."""
    train = Crops(lessons / "train", size=size, length=batch * steps)
    valid = Crops(lessons / "held_out", size=256)
    return DataLoaders(
        DataLoader(train, bs=batch, shuffle=False, num_workers=workers),
        DataLoader(valid, bs=batch, num_workers=0),
    )
