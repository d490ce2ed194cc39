"""Crops of the lessons: of photos, of their line art, and of how much each pixel counts."""

from __future__ import annotations

import copy
import functools
import math
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from fastai.data.core import DataLoaders  # type: ignore[import-untyped]
from fastai.data.load import DataLoader  # type: ignore[import-untyped]
from PIL import Image, ImageDraw, ImageFilter
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor
from torch.nn import functional

from models.training import faces
from models.training.faces import Face, Floats, Mask
from models.training.network import SIDE, STYLES

Pixels = npt.NDArray[np.uint8]

FACES = 0.6  # of the crops show a face
CARE = 3.0  # times a face counts more than what is around it
SKIN = 8.0  # times paper on its skin counts more than the rest of it
BARE_SKIN = 11  # times as many on cheeks and forehead
OUTLINES = 36.0  # times ink along the lips and the eyes does
HAIR = 20.0  # times ink in an area of the head does, as hair and hats are; not on skin
LINES = 4.0  # times ink in a line counts more than ink in an area, which is easier to see
THIN = 0.014  # of the photo's side: what is narrower is a line
STEPS = 30  # a byte of a lesson's counts that is so much higher counts a pixel twice as much
TILTED, TILT = 0.3, 30.0  # share of the crops that are tilted, and by how many degrees at most
CLEAR = 1.25  # times an eye, a brow and the mouth are as large as their contours, with their lines
WIDE = 0.08  # of the distance of the eyes: how wide the lines of lips and eyes may be
DARK_SKIN = 0.4  # of the faces are darker than what is around them, or lie partly in shade
COARSE = 2  # pixels a side of a crop that share the shade on a face, which is soft


@dataclass(frozen=True)
class Lesson:
    """What is drawn from one photo.

    `layers`, uint8 [C, H, W], are the photo, its line art by style and, for training, how much each
    pixel counts, as `counted` gives it. `faces`, [N, 478, 2], are meshes in pixels.
    """

    layers: Tensor
    faces: Floats

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.layers.shape[2], self.layers.shape[1]


@dataclass(frozen=True)
class Crop:
    """A square of a lesson at some scale: uint8 [C, H, W], and the faces in its pixels."""

    photo: Tensor
    arts: Tensor
    counts: Tensor
    faces: tuple[Face, ...]


class Crops:
    """Square crops of the lessons in a folder, at sizes of many photos.

    An item is the crop, RGB uint8; the light that `degrade` shall leave on it, uint8; log2 of its
    photo's longer side over 1024 pixels; paper (255) or ink (0) for each style, uint8; and how many
    times each pixel counts for each style, float16. Lessons are held in the memory of `device`,
    eight bytes a pixel, and crops are taken there. A training crop differs at every reading. A
    validation crop is the middle of its photo at the lesson's size.
    """

    def __init__(
        self, folder: Path, *, size: int, length: int | None = None, device: str = "cpu"
    ) -> None:
        self.folder, self.size, self.length, self.device = folder, size, length, device
        self.lessons: dict[str, Lesson] = {}
        self.refresh()
        if not self.lessons:
            raise FileNotFoundError(f"{folder} holds no lessons: python -m models photos")

    def refresh(self) -> None:
        """Take up the lessons that were drawn since."""
        found = sorted(self.folder.glob(f"*.{STYLES[-1]}.png"))
        names = [path.name.removesuffix(f".{STYLES[-1]}.png") for path in found]
        new = [name for name in names if name not in self.lessons]
        weighed = self.length is not None  # validation counts every pixel once
        with ThreadPoolExecutor() as threads:
            read = threads.map(functools.partial(_read, self.folder, weighed=weighed), new)
            for name, (layers, meshes) in zip(new, read, strict=True):
                self.lessons[name] = Lesson(torch.from_numpy(layers).to(self.device), meshes)

    def __len__(self) -> int:
        return self.length or len(self.lessons)

    def new_empty(self) -> Crops:
        """The same without lessons or device, as an exported learner carries it."""
        empty = copy.copy(self)
        empty.lessons, empty.device = {}, "cpu"
        return empty

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """[3, size, size], [1, size, size], [], and [styles, size, size] twice."""
        lessons = list(self.lessons.values())
        if self.length is None:
            lesson, scale = lessons[index], 1.0
            whole = _fill(_middle(lesson.layers, self.size), self.size)
            photo, art = whole[:3], whole[3:]
            light, care = torch.full_like(art[:1], 255), torch.ones_like(art, dtype=torch.float16)
            layers = [photo, light, art, care]
        else:
            with_faces = [lesson for lesson in lessons if len(lesson.faces)]
            wanted = with_faces if with_faces and random.random() < FACES else lessons
            lesson = random.choice(wanted)
            scale = _scale()
            crop = _somewhere(lesson, self.size, scale, face=wanted is with_faces)
            layers = [crop.photo, self._light(crop), crop.arts, cared(crop.arts, crop.counts)]
            turns = random.choice((1, 2, 3)) * (random.random() < 0.2)
            mirrored = random.random() < 0.5
            layers = [layer.flip(2) if mirrored else layer for layer in layers]
            layers = [torch.rot90(layer, turns, (1, 2)) for layer in layers]
        doublings = torch.tensor(math.log2(scale * max(lesson.size) / SIDE))
        crops, light, papers, cares = (layer.contiguous() for layer in layers)
        return crops, light, doublings, papers, cares

    def _light(self, crop: Crop) -> Tensor:
        """What is left of the light on a crop, [1, size, size]."""
        people = [face.moved((0, 0), 1 / COARSE) for face in crop.faces]
        side = math.ceil(self.size / COARSE)
        light = torch.from_numpy(shade(people, (side, side))).to(self.device)
        light = light[None, None].float()  # a GPU enlarges no bytes
        fine = functional.interpolate(light, scale_factor=COARSE, mode="bilinear")
        return fine[0, :, : self.size, : self.size].round().byte()


def _read(folder: Path, name: str, *, weighed: bool) -> tuple[Pixels, Floats]:
    """The layers and the meshes of a lesson."""
    photo, *arts = (Image.open(folder / f"{name}.{kind}.png") for kind in ("photo", *STYLES))
    layers = [*np.moveaxis(np.asarray(photo), -1, 0), *map(np.asarray, arts)]
    meshes = np.load(folder / f"{name}.faces.npy")
    if meshes.shape[1:] != (faces.MESH, 2):
        raise ValueError(f"{folder.parent} holds lessons of an earlier version: delete it")
    if weighed:
        inks = np.stack(layers[3:]) < 128
        layers += list(counted([Face(mesh) for mesh in meshes], inks, THIN * max(photo.size)))
    return np.stack(layers), meshes


def _fill(layers: Tensor, size: int) -> Tensor:
    """[..., H, W], at least `size` pixels each way, by reflection, as the service pads a photo."""
    reflects = size < 2 * min(layers.shape[-2:])
    for axis in (-2, -1):
        own = np.arange(layers.shape[axis])
        if len(own) < size:
            source = np.pad(own, (0, size - len(own)), "reflect" if reflects else "symmetric")
            layers = layers.index_select(axis, torch.from_numpy(source).to(layers.device))
    return layers


def _scale() -> float:
    """How much larger than the lesson: about its size, smaller and larger, a third of each."""
    low, high = random.choice([(0.85, 1.1), (0.42, 0.85), (1.1, 2.0)])
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _somewhere(lesson: Lesson, size: int, scale: float, *, face: bool) -> Crop:
    """A square of a lesson, where a face is if there shall be one; of large ones, some tilted."""
    turn = math.radians(random.uniform(-TILT, TILT)) if random.random() < TILTED else 0.0
    wide = math.ceil(size * (math.cos(turn) + abs(math.sin(turn))))
    if wide > scale * min(lesson.size):
        turn, wide = 0.0, size
    extent = [min(round(wide / scale), n) for n in lesson.size]
    room = [n - taken for n, taken in zip(lesson.size, extent, strict=True)]
    corner = [random.randint(0, most) for most in room]
    if face:
        middle = Face(random.choice(lesson.faces)).middle
        corner = [
            min(max(0, round(at - taken * random.uniform(0.3, 0.7))), most)
            for at, taken, most in zip(middle, extent, room, strict=True)
        ]
    (left, top), (width, height) = corner, extent
    part = lesson.layers[None, :, top : top + height, left : left + width]
    target = [max(1, min(wide, round(taken * scale))) for taken in (height, width)]
    drawn = 3 + len(STYLES)

    def squared(layers: Tensor, *, smooth: bool) -> Tensor:
        how = "bicubic" if smooth else "nearest-exact"
        resized = functional.interpolate(layers.float(), target, mode=how, antialias=smooth)
        filled = _fill(resized, wide)
        if turn:
            filled = _turned(filled, turn, smooth=smooth)
        return _middle(filled[0], size).round().clamp(0, 255).byte()

    pictures, counts = squared(part[:, :drawn], smooth=True), squared(part[:, drawn:], smooth=False)
    margin = (wide - size) // 2
    people = (
        Face(mesh).moved((left, top), scale).turned(turn, wide / 2).moved((margin, margin), 1)
        for mesh in lesson.faces
    )
    return Crop(pictures[:3], crisp(pictures[3:], scale), counts, tuple(people))


def _turned(layers: Tensor, turn: float, *, smooth: bool) -> Tensor:
    """A square [1, C, H, W] turned by `turn` radians against the clock, its border repeated."""
    cos, sin = math.cos(turn), math.sin(turn)
    source = torch.tensor([[[cos, -sin, 0], [sin, cos, 0]]], device=layers.device)
    grid = functional.affine_grid(source, list(layers.shape), align_corners=False)
    how = "bicubic" if smooth else "nearest"
    return functional.grid_sample(layers, grid, how, "border", align_corners=False)


def counted(people: Sequence[Face], inks: Mask, line: float) -> Pixels:
    """How many times each pixel counts, by the faces and by where there shall be ink.

    A face counts `CARE` times more than what is around it. What a network that is unsure gets
    wrong counts more too: ink narrower than `line` pixels, which breaks off; and in a head, paper
    on skin, which shade turns black, ink along lips and eyes, and dark hair.

    Args:
        people: the faces.
        inks: where there shall be ink, [styles, H, W].
        line: how narrow a line is, in pixels.

    Returns:
        How many times ink counts for each style, then how many times paper does,
        [styles + 1, H, W]: `STEPS` times the logarithm to base two, rounded up.

    """
    shape = inks.shape[-2:]
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    away = np.full(shape, np.inf, np.float32)  # squared, from the nearest face, in its sizes
    for face in people:
        x, y = face.middle
        squared = ((columns - x) ** 2 + (rows - y) ** 2) / face.size**2
        np.minimum(away, squared, out=away, casting="same_kind")
    near, head = (np.exp(-np.square(away / radius**2)) for radius in (1.2, 1.9))
    skin, outlines = _skin_and_outlines(people, shape)
    brush = max(3, round(line))
    hair = HAIR * head * (skin == 0)  # what is unsure on skin shall stay paper
    more = np.empty((len(inks) + 1, *shape), np.float32)
    for ink, more_ink in zip(inks, more[:-1], strict=True):
        # Beside a line as well, as the crop may be of another size.
        area = ndimage.grey_opening(ink, (brush, brush))
        lines = ndimage.binary_dilation(ink & ~area, iterations=2) & ~area
        more_ink[:] = np.where(outlines, OUTLINES, np.where(lines, LINES, hair))
    more[-1] = SKIN * skin
    times = (1 + CARE * near) * (1 + more)
    return np.asarray(np.minimum(np.ceil(STEPS * np.log2(times)), 255), np.uint8)


def cared(arts: Tensor, counts: Tensor) -> Tensor:
    """How many times each pixel of line art counts, float16 [styles, H, W].

    Args:
        arts: line art of each style, [styles, H, W].
        counts: as `counted` gives them, [styles + 1, H, W].

    """
    return torch.exp2(torch.where(arts < 128, counts[:-1], counts[-1:]) / STEPS).half()


def _skin_and_outlines(people: Sequence[Face], shape: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Skin (1), cheeks and forehead (`BARE_SKIN`), the rest (0); and the lines of lips and eyes.

    Each is [H, W].
    """
    skin, outlines = np.zeros(shape, np.uint8), Image.new("1", shape[::-1])
    for face in people:
        skin[faces.polygon(face.mesh[list(faces.OVAL)], shape)] = 1
        for ring in (*faces.EYES, *faces.BROWS, faces.LIPS):
            points = face.mesh[list(ring)]
            middle = points.mean(0)
            skin[faces.polygon(middle + CLEAR * (points - middle), shape)] = 0
        for area in faces.BARE:
            skin[faces.polygon(face.mesh[list(area)], shape)] = BARE_SKIN
        for ring in (*faces.EYES, faces.LIPS):
            around = faces.corners(face.mesh[[*ring, ring[0]]])
            ImageDraw.Draw(outlines).line(around, fill=1, width=max(2, round(WIDE * face.eyes)))
    return skin, np.asarray(outlines)


def crisp(art: Tensor, scale: float) -> Tensor:
    """Line art, uint8, that was resized by `scale`, without the grey that this gave it.

    What became smaller keeps the strokes that are now about a pixel wide.
    """
    middle = 0.5 + 0.16 * min(1.0, 2 * max(0.0, 1 - scale))
    steep = 1.5 * max(1.0, scale)
    levels = (art / 255 - middle) * steep + 0.5
    return (255 * levels.clamp(0, 1)).round().byte()


def _middle(layers: Tensor, size: int) -> Tensor:
    top, left = (max(0, side - size) // 2 for side in layers.shape[-2:])
    return layers[..., top : top + size, left : left + size]


def shade(people: Sequence[Face], shape: tuple[int, int]) -> Pixels:
    """Light that is left on faces, some of which are darker, in whole or on one side; [H, W]."""
    light = np.ones(shape, np.float32)
    for face in people:
        if random.random() < DARK_SKIN:
            light *= _dark_skin(face, shape)
    return (255 * light).round().astype(np.uint8)


def _dark_skin(face: Face, shape: tuple[int, int]) -> Floats:
    oval = face.mesh[list(faces.OVAL)]
    middle = oval.mean(0)
    area = faces.polygon(middle + random.uniform(1.0, 1.2) * (oval - middle), shape)
    soft = ImageFilter.GaussianBlur(random.uniform(0.03, 0.15) * face.size)
    dark = np.asarray(Image.fromarray(area).convert("L").filter(soft), np.float32) / 255
    if random.random() < 0.5:
        turn = random.uniform(0, 2 * math.pi)
        rows, columns = np.ogrid[: shape[0], : shape[1]]
        x, y = face.middle
        away = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
        edge = random.uniform(-0.6, 0.6) + away / face.size
        dark = dark * (1 + np.tanh(random.uniform(2, 10) * edge)) / 2
    return np.asarray(1 - random.uniform(0.1, 0.65) * dark, np.float32)


def loaders(
    lessons: Path, *, size: int, batch: int, steps: int, workers: int = 0, device: str = "cpu"
) -> DataLoaders:
    """Loaders for fastai: an epoch is `steps` batches of random crops; validation is `held_out`.

    On processors, `workers` processes take the crops; a GPU takes its own.
    """
    train = Crops(lessons / "train", size=size, length=batch * steps, device=device)
    valid = Crops(lessons / "held_out", size=320)
    both = DataLoaders(
        DataLoader(train, bs=batch, shuffle=False, num_workers=workers if device == "cpu" else 0),
        DataLoader(valid, bs=batch, num_workers=0),
        device=torch.device(device),
    )
    both.n_inp = 3  # photo, light and doublings go in; line art and care are for the loss
    return both
