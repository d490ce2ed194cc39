"""The teacher's line art of the photos, made once and kept on disk."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.training import faces, hed, teacher
from models.training.network import STYLES
from models.training.packages import NO_FACES
from models.training.photos import HED

VERSION = "3"  # of the teacher: lessons of two teachers are not learned from together


def to_tensor(picture: Image.Image) -> Tensor:
    """RGB or grey picture → float [1, C, H, W] in 0..1."""
    pixels = torch.from_numpy(np.array(picture))
    return pixels.reshape(*pixels.shape[:2], -1).permute(2, 0, 1)[None].float() / 255


def to_picture(image: Tensor) -> Image.Image:
    """Grey float [1, 1, H, W] in 0..1 → picture."""
    return Image.fromarray((image[0, 0].clamp(0, 1) * 255).round().byte().numpy())


def at_side(picture: Image.Image, side: int = teacher.SIDE) -> Image.Image:
    """The picture with a longer side of `side` pixels."""
    scale = side / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC)


class Teacher:
    """Draws photos, and keeps what the edge detector saw in `build`/edges."""

    def __init__(self, build: Path) -> None:
        self.edges = build / "edges"
        self.hed = hed.load(next((build / "packages" / HED).iterdir())).quick()

    def people(self, path: Path, size: tuple[int, int]) -> faces.People:
        """The faces in a photo, in pixels of a picture of `size` (height, width)."""
        return faces.read(path, size, trusted=path.stem not in NO_FACES)

    def look(self, path: Path) -> tuple[Image.Image, Tensor, faces.People]:
        """A photo at the teacher's size, its edges [1, 1, H, W] and its faces."""
        picture = at_side(Image.open(path).convert("RGB"))
        people = self.people(path, (picture.height, picture.width))
        kept = self.edges / path.parent.name / path.name
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            found = teacher.edges_with_faces(to_tensor(picture), self.hed, people)
            to_picture(found).save(kept, compress_level=1)
        return picture, to_tensor(Image.open(kept)), people

    def draw(self, path: Path) -> dict[str, Image.Image]:
        """The photo at the teacher's size, as `photo`, and its line art by style."""
        return self.drawn(*self.look(path))

    def drawn(
        self, picture: Image.Image, edge: Tensor, people: faces.People
    ) -> dict[str, Image.Image]:
        """The same, of what `look` gives."""
        styles = teacher.draw(to_tensor(picture), edge, people)
        drawn = {style: to_picture(art) for style, art in zip(STYLES, styles, strict=True)}
        return {"photo": picture, **drawn}


def teach(build: Path) -> int:
    """Draw every photo in `build`/photos into `build`/lessons; returns how many were drawn.

    A lesson is three PNGs of the same size, NAME.photo.png, NAME.ink.png and NAME.line.png, and
    the meshes of its faces in pixels, NAME.faces.npy. What is there already is left alone, so that
    this may be stopped and begun again.

    Raises:
        ValueError: another version of the teacher drew what is there.

    """
    mark = build / "lessons" / "teacher"
    version = mark.read_text() if mark.exists() else None
    if version != VERSION and any(mark.parent.glob("*/*.png")):
        raise ValueError(f"{mark.parent} holds lessons of another teacher: delete it")
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(VERSION)
    teacher_ = Teacher(build)
    photos = sorted((build / "photos").glob("*/*.png"))
    random.Random(1).shuffle(photos)  # what is ready so far makes a fair sample
    photos.sort(key=lambda path: not _shows_faces(path))  # faces are few: first
    photos.sort(key=lambda path: path.parent.name == "held_out" and not _shows_faces(path))
    drawn = 0
    for path in photos:
        folder = build / "lessons" / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / f"{path.stem}.{STYLES[-1]}.png").exists():
            picture, edge, people = teacher_.look(path)
            meshes = [face.mesh for face in people.faces]
            np.save(folder / f"{path.stem}.faces.npy", np.reshape(meshes, (-1, faces.MESH, 2)))
            for kind, layer in teacher_.drawn(picture, edge, people).items():
                layer.save(folder / f"{path.stem}.{kind}.png", compress_level=1)
            drawn += 1
    return drawn


def _shows_faces(path: Path) -> bool:
    with np.load(path.with_suffix(".faces.npz")) as file:
        return len(file["faces"]) > 0 and path.stem not in NO_FACES
