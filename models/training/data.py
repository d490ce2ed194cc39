"""Crops of the lessons: of photos, of their line art, and of how much each pixel counts."""

from __future__ import annotations

import copy
import functools
import math
import random
from collections.abc import Iterable, Sequence
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

from models.training import faces
from models.training.faces import Face, Floats, Mask
from models.training.network import SIDE, STYLES

Pixels = npt.NDArray[np.uint8]

FACES = 0.6  # of the crops show a face
CARE = 3.0  # times a face counts more than what is around it
SKIN = 8.0  # times paper on its skin counts more than the rest of it
BARE_SKIN = 6  # times as many on cheeks and forehead
OUTLINES = 32.0  # times ink along the lips and the eyes does
HAIR = 10.0  # times ink in an area of the head does, as hair and hats are; not on skin
LINES = 3.0  # times ink in a line counts more than ink in an area, which is easier to see
THIN = 0.014  # of the photo's side: what is narrower is a line
# How many times a pixel counts, by its byte in a lesson's counts.
TIMES = np.exp2(np.arange(256) / 32).astype(np.float16)
TILTED, TILT = 0.3, 30.0  # share of the crops that are tilted, and by how many degrees at most
CLEAR = 1.25  # times an eye, a brow and the mouth are as large as their contours, with their lines
WIDE = 0.08  # of the distance of the eyes: how wide the lines of lips and eyes may be
DARK_SKIN = 0.4  # of the faces are darker than what is around them, or lie partly in shade


@dataclass(frozen=True)
class Lesson:
    """A photo, its line art by style, how much each pixel counts, and the meshes of its faces."""

    photo: Image.Image
    arts: tuple[Image.Image, ...]
    counts: tuple[Image.Image, ...]  # as `counted` gives them; none for validation
    faces: Floats  # [N, 478, 2], in pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of all of them in pixels."""
        return self.photo.size


@dataclass(frozen=True)
class Crop:
    """A square of a lesson at some scale: bytes, [H, W, C], and the faces in its pixels."""

    photo: Pixels
    arts: Pixels
    counts: Pixels
    faces: tuple[Face, ...]


class Crops:
    """Square crops of the lessons in a folder, at sizes of many photos.

    An item is the crop, RGB uint8; the light that `degrade` shall leave on it, uint8; log2 of its
    photo's longer side over 1024 pixels; paper (255) or ink (0) for each style, uint8; and how many
    times each pixel counts for each style, float16. Lessons are held in memory, 9 bytes a pixel. A
    training crop differs at every reading. A validation crop is the middle of its photo at the
    lesson's size.
    """

    def __init__(self, folder: Path, *, size: int, length: int | None = None) -> None:
        self.folder, self.size, self.length = folder, size, length
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
            self.lessons.update(zip(new, read, strict=True))

    def __len__(self) -> int:
        return self.length or len(self.lessons)

    def new_empty(self) -> Crops:
        """The same without lessons, as an exported learner carries it."""
        empty = copy.copy(self)
        empty.lessons = {}
        return empty

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """[3, size, size], [1, size, size], [], and [styles, size, size] twice."""
        lessons = list(self.lessons.values())
        if self.length is None:
            lesson, scale = lessons[index], 1.0
            whole = np.dstack([np.asarray(layer) for layer in (lesson.photo, *lesson.arts)])
            pixels = _fill(_middle(whole, self.size), self.size)
            photo, art = pixels[..., :3], pixels[..., 3:]
            light = np.full_like(art[..., :1], 255)
            layers: list[np.ndarray] = [photo, light, art, np.ones_like(art, np.float16)]
        else:
            with_faces = [lesson for lesson in lessons if len(lesson.faces)]
            wanted = with_faces if with_faces and random.random() < FACES else lessons
            lesson = random.choice(wanted)
            scale = _scale()
            crop = _somewhere(lesson, self.size, scale, face=wanted is with_faces)
            light = shade(crop.faces, crop.photo.shape[:2])[..., None]
            layers = [crop.photo, light, crop.arts, cared(crop.arts, crop.counts)]
            turns = random.choice((1, 2, 3)) * (random.random() < 0.2)
            mirrored = random.random() < 0.5
            layers = [np.rot90(layer[:, ::-1] if mirrored else layer, turns) for layer in layers]
        doublings = torch.tensor(math.log2(scale * max(lesson.size) / SIDE))
        crops, lights, papers, cares = map(_planes, layers)
        return crops, lights, doublings, papers, cares


def _planes(pixels: np.ndarray) -> Tensor:
    """[H, W, C] → [C, H, W]."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(pixels, -1, 0)))


def _read(folder: Path, name: str, *, weighed: bool) -> Lesson:
    photo, *arts = (Image.open(folder / f"{name}.{kind}.png") for kind in ("photo", *STYLES))
    for layer in (photo, *arts):
        layer.load()
    meshes = np.load(folder / f"{name}.faces.npy")
    if meshes.shape[1:] != (faces.MESH, 2):
        raise ValueError(f"{folder.parent} holds lessons of an earlier version: delete it")
    counts: Iterable[Pixels] = ()
    if weighed:
        inks = np.stack([np.asarray(art) < 128 for art in arts])
        counts = counted([Face(mesh) for mesh in meshes], inks, THIN * max(photo.size))
    return Lesson(photo, tuple(arts), tuple(map(Image.fromarray, counts)), meshes)


def _fill(pixels: Pixels, size: int) -> Pixels:
    """At least `size` pixels each way, by reflection, as the service pads a photo."""
    height, width = pixels.shape[:2]
    short = [(0, max(0, size - n)) for n in (height, width)] + [(0, 0)] * (pixels.ndim - 2)
    if short[0][1] < height and short[1][1] < width:
        return np.pad(pixels, short, mode="reflect")
    return np.pad(pixels, short, mode="symmetric")


def _scale() -> float:
    """How much larger than the lesson: about its size, smaller and larger, a third of each."""
    low, high = random.choice([(0.85, 1.1), (0.42, 0.85), (1.1, 2.0)])
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _somewhere(lesson: Lesson, size: int, scale: float, *, face: bool) -> Crop:
    """A square of a lesson, where a face is if there shall be one; of large ones, some tilted."""
    tilt = random.uniform(-TILT, TILT) if random.random() < TILTED else 0.0
    turn = math.radians(tilt)
    wide = math.ceil(size * (math.cos(turn) + abs(math.sin(turn))))
    if wide > scale * min(lesson.size):
        tilt, turn, wide = 0.0, 0.0, size
    side = wide / scale
    extent = [min(side, n) for n in lesson.size]
    room = [n - taken for n, taken in zip(lesson.size, extent, strict=True)]
    corner = [random.uniform(0, most) for most in room]
    if face:
        middle = Face(random.choice(lesson.faces)).middle
        corner = [
            min(max(0.0, at - taken * random.uniform(0.3, 0.7)), most)
            for at, taken, most in zip(middle, extent, room, strict=True)
        ]
    (left, top), (width, height) = corner, extent
    box = (left, top, left + width, top + height)
    target = [max(1, min(wide, round(taken * scale))) for taken in extent]

    def taken_out(layer: Image.Image, how: Image.Resampling) -> Pixels:
        filled = _fill(np.asarray(layer.resize(target, how, box)), wide)
        return _middle(np.asarray(Image.fromarray(filled).rotate(tilt, how)), size)

    photo = taken_out(lesson.photo, Image.Resampling.BICUBIC)
    arts = [crisp(taken_out(art, Image.Resampling.BICUBIC), scale) for art in lesson.arts]
    counts = [taken_out(count, Image.Resampling.NEAREST) for count in lesson.counts]
    margin = (wide - size) // 2
    people = (
        Face(mesh).moved((left, top), scale).turned(turn, wide / 2).moved((margin, margin), 1)
        for mesh in lesson.faces
    )
    return Crop(photo, np.dstack(arts), np.dstack(counts), tuple(people))


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
        [styles + 1, H, W]: places in `TIMES`, rounded up.

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
    return np.asarray(np.minimum(np.searchsorted(TIMES, times), 255), np.uint8)


def cared(arts: Pixels, counts: Pixels) -> npt.NDArray[np.float16]:
    """How many times each pixel of line art counts, [H, W, styles].

    Args:
        arts: line art of each style, [H, W, styles].
        counts: as `counted` gives them, [H, W, styles + 1].

    """
    return np.asarray(TIMES[np.where(arts < 128, counts[..., :-1], counts[..., -1:])])


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


def crisp(art: Pixels, scale: float) -> Pixels:
    """Line art that was resized by `scale`, without the grey that this gave it.

    What became smaller keeps the strokes that are now about a pixel wide.
    """
    middle = 0.5 + 0.16 * min(1.0, 2 * max(0.0, 1 - scale))
    steep = 1.5 * max(1.0, scale)
    levels = np.clip((np.arange(256) / 255 - middle) * steep + 0.5, 0, 1)
    return (levels * 255).round().astype(np.uint8)[art]


def _middle(pixels: Pixels, size: int) -> Pixels:
    top, left = (max(0, side - size) // 2 for side in pixels.shape[:2])
    return pixels[top : top + size, left : left + size]


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
    """Loaders for fastai: an epoch is `steps` batches of random crops; validation is `held_out`."""
    train = Crops(lessons / "train", size=size, length=batch * steps)
    valid = Crops(lessons / "held_out", size=320)
    both = DataLoaders(
        DataLoader(train, bs=batch, shuffle=False, num_workers=workers, pin_memory=device != "cpu"),
        DataLoader(valid, bs=batch, num_workers=0),
        device=torch.device(device),
    )
    both.n_inp = 3  # photo, light and doublings go in; line art and care are for the loss
    return both
