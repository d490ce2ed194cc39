"""Crops of the lessons, and what may happen to a photo before the network sees it."""

from __future__ import annotations

import copy
import io
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from fastai.data.core import DataLoaders  # type: ignore[import-untyped]
from fastai.data.load import DataLoader  # type: ignore[import-untyped]
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from models.training import faces
from models.training.faces import Face, Floats, Mask
from models.training.network import SIDE, STYLES

Pixels = npt.NDArray[np.uint8]

FACES = 0.6  # of the crops show a face
CARE = 3.0  # times a face counts more than what is around it
SKIN = 3.0  # times paper on its skin counts more than the rest of it; on bare skin, twice as many
LIPS = 20.0  # times ink along the lips does
HAIR = 3.0  # times ink in an area of the head does, as hair, beards and hats are
LINES = 2.0  # times ink in a line counts more than ink in an area, which is easier to see
THIN = 0.014  # of the photo's side: what is narrower is a line
CLEAR = 1.25  # times an eye, a brow and the mouth are as large as their contours, with their lines
LIP = 0.08  # of the distance of the eyes: how wide the line of the lips may be
SIDE_LIGHT = 0.4  # of the crops are lit from a side
DARK_SKIN = 0.4  # of the faces are darker than what is around them, or lie partly in shade
MEAN = (0.485, 0.456, 0.406)  # of RGB in 0..1, as is usual
STD = (0.229, 0.224, 0.225)


def normalise(photo: np.ndarray) -> Tensor:
    """RGB uint8 [H, W, 3] → float [3, H, W], as the network takes it."""
    pixels = torch.from_numpy(photo).permute(2, 0, 1).float()
    mean, std = (255 * torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    return pixels.sub_(mean).div_(std)


@dataclass(frozen=True)
class Lesson:
    """A photo, its line art by style, all of one size, and the meshes of its faces."""

    layers: tuple[Image.Image, ...]  # the photo first
    faces: Floats  # [N, 478, 2], in pixels

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.layers[0].size


class Crops:
    """Square crops of the lessons in a folder, at sizes of many photos.

    An item is the normalised crop, as it is and once more made worse; log2 of its photo's longer
    side over 1024 pixels; paper (1) or ink (0) for each style; and how many times each pixel counts
    for each style. Lessons are held in memory, 6 bytes a pixel. A training crop differs at every
    reading. A validation crop is the middle of its photo at the lesson's size, as it is alone.
    """

    def __init__(self, folder: Path, *, size: int, length: int | None = None) -> None:
        self.folder, self.size, self.length = folder, size, length
        self.lessons: dict[str, Lesson] = {}
        self.refresh()
        if not self.lessons:
            raise FileNotFoundError(f"{folder} holds no lessons: python -m models photos")

    def refresh(self) -> None:
        """Take up the lessons that were drawn since."""
        for path in sorted(self.folder.glob(f"*.{STYLES[-1]}.png")):
            name = path.name.removesuffix(f".{STYLES[-1]}.png")
            if name not in self.lessons:
                self.lessons[name] = _read(self.folder, name)

    def __len__(self) -> int:
        return self.length or len(self.lessons)

    def new_empty(self) -> Crops:
        """The same without lessons, as an exported learner carries it."""
        empty = copy.copy(self)
        empty.lessons = {}
        return empty

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """[views, 3, size, size], [], and [styles, size, size] twice."""
        lessons = list(self.lessons.values())
        if self.length is None:
            lesson, scale = lessons[index], 1.0
            whole = np.dstack([np.asarray(layer) for layer in lesson.layers])
            crop = _fill(_middle(whole, self.size), self.size)
            views, art = [crop[..., :3]], crop[..., 3:]
            care = np.ones(art.shape, np.float32)
        else:
            with_faces = [lesson for lesson in lessons if len(lesson.faces)]
            wanted = with_faces if with_faces and random.random() < FACES else lessons
            lesson = random.choice(wanted)
            scale = _scale()
            photo, art, people = _somewhere(lesson, self.size, scale, face=wanted is with_faces)
            line = THIN * scale * max(lesson.size)
            inks = np.moveaxis(art < 128, -1, 0)
            care = np.dstack([cared(people, ink, line) for ink in inks])
            turns = random.choice((1, 2, 3)) * (random.random() < 0.2)
            mirrored = random.random() < 0.5
            *views, art, care = (
                np.rot90(layer[:, ::-1] if mirrored else layer, turns)
                for layer in (photo, degrade(photo, people), art, care)
            )
        doublings = torch.tensor(math.log2(scale * max(lesson.size) / SIDE))
        paper = torch.from_numpy(np.ascontiguousarray(art)).permute(2, 0, 1).float() / 255
        counts = torch.from_numpy(np.ascontiguousarray(care)).permute(2, 0, 1)
        photos = torch.stack([normalise(np.ascontiguousarray(view)) for view in views])
        return photos, doublings, paper, counts


def _read(folder: Path, name: str) -> Lesson:
    layers = [Image.open(folder / f"{name}.{kind}.png") for kind in ("photo", *STYLES)]
    for layer in layers:
        layer.load()
    meshes = np.load(folder / f"{name}.faces.npy")
    if meshes.shape[1:] != (faces.MESH, 2):
        raise ValueError(f"{folder.parent} holds lessons of an earlier version: delete it")
    return Lesson(tuple(layers), meshes)


def _fill(pixels: Pixels, size: int) -> Pixels:
    """At least `size` pixels each way, by reflection, as the service pads a photo."""
    height, width = pixels.shape[:2]
    short = (0, max(0, size - height)), (0, max(0, size - width)), (0, 0)
    if short[0][1] < height and short[1][1] < width:
        return np.pad(pixels, short, mode="reflect")
    return np.pad(pixels, short, mode="symmetric")


def _scale() -> float:
    """How much larger than the lesson: about its size, smaller and larger, a third of each."""
    low, high = random.choice([(0.85, 1.1), (0.42, 0.85), (1.1, 2.0)])
    return math.exp(random.uniform(math.log(low), math.log(high)))


def _somewhere(
    lesson: Lesson, size: int, scale: float, *, face: bool
) -> tuple[Pixels, Pixels, list[Face]]:
    """A square of photo and line art, where a face is if there shall be one, and its faces."""
    side = size / scale
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
    target = [max(1, min(size, round(taken * scale))) for taken in extent]
    photo, *arts = (
        np.asarray(layer.resize(target, Image.Resampling.BICUBIC, box)) for layer in lesson.layers
    )
    filled = _fill(np.dstack([photo, *(crisp(art, scale) for art in arts)]), size)
    moved = [Face(mesh).moved((left, top), scale) for mesh in lesson.faces]
    return filled[..., :3], filled[..., 3:], moved


def cared(people: Sequence[Face], ink: Mask, line: float) -> Floats:
    """How many times each pixel counts, [H, W], by the faces and by where there shall be ink.

    A face counts `CARE` times more than what is around it. What a network that is unsure gets
    wrong counts more too: ink narrower than `line` pixels, which breaks off; and in a face, paper
    on skin, which shade turns black, ink along pale lips, and dark hair.
    """
    rows, columns = np.ogrid[: ink.shape[0], : ink.shape[1]]
    near, head = np.zeros((2, *ink.shape), np.float32)
    for face in people:
        x, y = face.middle
        squared = ((columns - x) ** 2 + (rows - y) ** 2).astype(np.float32)
        for area, radius in ((near, 1.2), (head, 1.9)):
            np.maximum(area, np.exp(-np.square(squared / (radius * face.size) ** 2)), out=area)
    skin, lips = _skin_and_lips(people, ink.shape)
    lines = ink & ~ndimage.grey_opening(ink, max(3, round(line)))
    more = SKIN * skin * ~ink + LIPS * lips * ink + LINES * lines + HAIR * head * (ink & ~lines)
    return np.asarray((1 + CARE * near) * (1 + more), np.float32)


def _skin_and_lips(people: Sequence[Face], shape: tuple[int, int]) -> tuple[Pixels, Mask]:
    """Skin (1), bare skin (2) and what is neither (0), and the lines of the lips; each [H, W]."""
    skin, lips = np.zeros(shape, np.uint8), Image.new("1", shape[::-1])
    for face in people:
        skin[faces.polygon(face.mesh[list(faces.OVAL)], shape)] = 1
        for ring in (*faces.EYES, *faces.BROWS, faces.LIPS):
            points = face.mesh[list(ring)]
            middle = points.mean(0)
            skin[faces.polygon(middle + CLEAR * (points - middle), shape)] = 0
        for area in faces.BARE:
            skin[faces.polygon(face.mesh[list(area)], shape)] = 2
        around = faces.corners(face.mesh[[*faces.LIPS, faces.LIPS[0]]])
        ImageDraw.Draw(lips).line(around, fill=1, width=max(4, round(LIP * face.eyes)))
    return skin, np.asarray(lips)


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


def degrade(photo: np.ndarray, people: Sequence[Face] = ()) -> np.ndarray:
    """A worse picture of the same thing, RGB uint8 [H, W, 3]: the lines in it stay as they are."""
    for face in people:
        if random.random() < DARK_SKIN:
            photo = _dark_skin(photo, face)
    photo = _light(photo)
    if random.random() < SIDE_LIGHT:
        photo = _side_light(photo)
    if random.random() < 0.3:
        photo = _soften(photo)
    if random.random() < 0.5:
        # In every channel, or of lightness only, as after a camera's own denoising.
        channels = random.choice((1, 3))
        generator = np.random.default_rng(random.getrandbits(64))
        noise = generator.standard_normal((*photo.shape[:2], channels), np.float32)
        noise *= random.uniform(1, 22)
        photo = np.clip(photo + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.6:
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=random.randint(25, 95))
        photo = np.array(Image.open(file))
    return photo


def _dark_skin(photo: np.ndarray, face: Face) -> np.ndarray:
    """The photo with a face that is darker, as a whole or on one side of a soft edge."""
    oval = face.mesh[list(faces.OVAL)]
    middle = oval.mean(0)
    area = faces.polygon(middle + random.uniform(1.0, 1.2) * (oval - middle), photo.shape[:2])
    soft = ImageFilter.GaussianBlur(random.uniform(0.03, 0.15) * face.size)
    shade = np.asarray(Image.fromarray(area).convert("L").filter(soft), np.float32) / 255
    if random.random() < 0.5:
        turn = random.uniform(0, 2 * math.pi)
        rows, columns = np.ogrid[: photo.shape[0], : photo.shape[1]]
        x, y = face.middle
        away = (columns - x) * math.cos(turn) + (rows - y) * math.sin(turn)
        edge = random.uniform(-0.6, 0.6) + away / face.size
        shade = shade * (1 + np.tanh(random.uniform(2, 10) * edge)) / 2
    light = 1 - random.uniform(0.1, 0.65) * shade[..., None]
    return np.asarray(photo * light, np.uint8)


def _light(photo: np.ndarray) -> np.ndarray:
    gamma = np.exp(random.uniform(-0.4, 0.4)) * np.exp(np.random.uniform(-0.08, 0.08, 3))
    gain = random.uniform(0.75, 1.15)  # what is darker yet, the model file brightens
    ramp = np.linspace(0, 1, 256)[:, None]
    table = np.clip(gain * ramp**gamma, 0, 1) * 255
    lit = Image.fromarray(photo).point(table.astype(np.uint8).T.ravel().tolist())
    colour = 0.0 if random.random() < 0.08 else random.uniform(0.4, 1.4)
    return np.array(ImageEnhance.Color(lit).enhance(colour))


def _side_light(photo: np.ndarray) -> np.ndarray:
    """The photo with one side in the shade: skin is still skin there."""
    turn, steep = random.uniform(0, 2 * math.pi), random.uniform(3, 9)
    rows, columns = (np.linspace(-0.5, 0.5, side, dtype=np.float32) for side in photo.shape[:2])
    towards = rows[:, None] * math.sin(turn) + columns * math.cos(turn)
    lit = 1 / (1 + np.exp(-steep * towards + random.uniform(-1.5, 1.5)))
    shade = random.uniform(0.3, 0.8)
    light = (shade + (1.05 - shade) * lit)[..., None]
    return np.clip(photo * light, 0, 255).astype(np.uint8)


def _soften(photo: np.ndarray) -> np.ndarray:
    picture, scale = Image.fromarray(photo), random.uniform(1.1, 1.8)
    small = [round(side / scale) for side in picture.size]
    return np.array(picture.resize(small, Image.Resampling.BOX).resize(picture.size, 3))


def loaders(
    lessons: Path, *, size: int, batch: int, steps: int, workers: int = 0, device: str = "cpu"
) -> DataLoaders:
    """Loaders for fastai: an epoch is `steps` batches of random crops; validation is `held_out`."""
    train = Crops(lessons / "train", size=size, length=batch * steps)
    valid = Crops(lessons / "held_out", size=320)
    both = DataLoaders(
        DataLoader(train, bs=batch, shuffle=False, num_workers=workers),
        DataLoader(valid, bs=batch, num_workers=0),
        device=torch.device(device),
    )
    both.n_inp = 2  # photo and doublings go in; line art and care are for the loss
    return both
