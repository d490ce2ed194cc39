"""Faces as MediaPipe's mesh gives them: their size and the places on them.

Numbers of mesh points are those of MediaPipe's canonical face; 468 and 473 are the iris centres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

MESH = 478  # points of a face
IRISES = (468, 473)
FOREHEAD, CHIN = 10, 152
# Rings around the eyes' openings and the lips, in order.
EYES = (
    (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7),
    (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249),
)
LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
BROWS = (
    (46, 53, 52, 65, 55, 107, 66, 105, 63, 70),
    (276, 283, 282, 295, 285, 336, 296, 334, 293, 300),
)
# The gap between the lips, from corner to corner.
MOUTH = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
# Where skin is bare on most faces: cheeks, forehead, nose.
SKIN = (
    *(50, 101, 118, 117, 205, 36, 280, 330, 347, 346, 425, 266),
    *(108, 151, 337, 9, 67, 297, 5, 195),
)
# Skin that nothing grows on: both cheeks below the eyes, and the forehead.
BARE = ((50, 101, 118, 117), (280, 330, 347, 346), (108, 151, 337, 9))
LEAST = 8.0  # pixels between the eyes of the smallest face that counts


@dataclass(frozen=True)
class Face:
    """One face: the mesh in pixels, [478, 2]."""

    mesh: Floats
    plain: bool = True  # MediaPipe's mesh finds it by itself in the whole photo

    @property
    def eyes(self) -> float:
        """Distance of the iris centres in pixels."""
        left, right = self.mesh[list(IRISES)]
        return float(np.hypot(*(left - right)))

    @property
    def size(self) -> float:
        """The distance of the eyes, or what it would be if the face were not turned away."""
        return max(self.eyes, float(np.hypot(*(self.mesh[FOREHEAD] - self.mesh[CHIN]))) / 2)

    @property
    def middle(self) -> Floats:
        """Halfway between forehead and chin."""
        return np.asarray((self.mesh[FOREHEAD] + self.mesh[CHIN]) / 2, np.float32)

    def moved(self, corner: tuple[float, float], scale: float) -> Face:
        """The same face where `corner` is the origin and pixels are `scale` times as many."""
        return replace(self, mesh=((self.mesh - np.array(corner)) * scale).astype(np.float32))

    def turned(self, turn: float, centre: float) -> Face:
        """The same face, turned by `turn` radians against the clock about (`centre`, `centre`)."""
        cos, sin = math.cos(turn), math.sin(turn)
        offset = self.mesh - centre
        mesh = offset @ np.array([[cos, -sin], [sin, cos]]) + centre
        return replace(self, mesh=mesh.astype(np.float32))

    def iris(self, side: int) -> tuple[Floats, float]:
        """Centre and radius of the left (0) or right (1) iris in pixels."""
        centre = self.mesh[IRISES[side]]
        rim = self.mesh[IRISES[side] + 1 : IRISES[side] + 5]
        return centre, float(np.hypot(*(rim - centre).T).mean())


def corners(points: Floats) -> list[tuple[float, float]]:
    """`points` [N, 2] as Pillow draws them."""
    return [(float(x), float(y)) for x, y in points]


def polygon(points: Floats, size: tuple[int, int]) -> Mask:
    """The pixels inside `points` [N, 2], of a picture of `size` (height, width)."""
    canvas = Image.new("1", size[::-1])
    ImageDraw.Draw(canvas).polygon(corners(points), fill=1)
    return np.asarray(canvas)


@dataclass(frozen=True)
class People:
    """The faces in a photo, and how likely each pixel is a person."""

    faces: tuple[Face, ...]
    person: Floats  # [H, W], 0 to 1


def ovals(people: People, size: tuple[int, int]) -> Mask:
    """The pixels inside the outline of any face, of a picture of `size` (height, width)."""
    found = np.zeros(size, bool)
    for face in people.faces:
        found |= polygon(face.mesh[list(OVAL)], size)
    return found


def read(photo: Path, size: tuple[int, int], *, trusted: bool = True) -> People:
    """What `landmarks.py` found in `photo`, in pixels of a picture of `size` (height, width).

    A face is left out where it is tiny, or on nothing that looks like a person; all are where the
    photo is known to show none (not `trusted`).

    Raises:
        FileNotFoundError: `landmarks.py` has not looked at this photo.
        ValueError: it did in an earlier version.

    """
    marks = photo.with_suffix(".faces.npz")
    with np.load(marks) as file, Image.open(photo) as picture:
        if "plain" not in file:
            raise ValueError(f"{marks} is of an earlier version: python -m models photos")
        mask = Image.fromarray(file["person"]).resize(size[::-1], Image.Resampling.BILINEAR)
        person = np.asarray(mask, dtype=np.float32) / np.float32(255)
        scale = max(size) / max(picture.size)
        found = [
            Face(mesh * np.float32(scale), bool(plain))
            for mesh, plain in zip(file["faces"], file["plain"], strict=True)
        ]
    kept = [face for face in found if trusted and face.eyes >= LEAST and _on(person, face) > 0.5]
    return People(tuple(sorted(kept, key=lambda face: -face.size)), person)


def _on(person: Floats, face: Face) -> float:
    x, y = np.rint(face.mesh[[*SKIN, CHIN]]).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < person.shape[1]) & (y < person.shape[0])
    return float(person[y[inside], x[inside]].mean()) if inside.any() else 0.0
