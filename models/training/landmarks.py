"""Finds faces and people in photos with MediaPipe, and writes them beside each photo.

A script for an environment of its own, which `python -m models photos` makes: MediaPipe 0.10.21,
the last that ships its models in its wheel, needs numpy below 2. It takes the folder of photos.

NAME.faces.npz holds `faces`, float32 [N, 478, 2]: x and y in pixels of MediaPipe's face mesh with
irises; `plain`, bool [N]: which of them the mesh finds by itself in the whole photo, where `faces`
are sought by two detectors, in parts of it too; and `person`, uint8 [256, 256]: how likely each
part of the photo is a person, 255 for certain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mediapipe  # type: ignore[import-not-found,unused-ignore]
import numpy as np
from PIL import Image

MESH_SIDE = 384  # pixels that a face's surroundings are brought to, for the mesh
PERSON_SIDE = 256

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Points = np.ndarray[Any, np.dtype[np.float32]]


def windows(height: int, width: int) -> Iterator[tuple[int, int, int, int]]:
    """The whole photo and overlapping parts of it, as left, top, right, bottom."""
    yield 0, 0, width, height
    part = round(0.6 * max(height, width))
    for top in sorted({0, max(0, (height - part) // 2), max(0, height - part)}):
        for left in sorted({0, max(0, (width - part) // 2), max(0, width - part)}):
            yield left, top, min(left + part, width), min(top + part, height)


class Finder:
    """MediaPipe's models, loaded once."""

    def __init__(self) -> None:
        solutions = mediapipe.solutions
        self.detectors = [
            solutions.face_detection.FaceDetection(model_selection=reach) for reach in (0, 1)
        ]
        self.mesh = solutions.face_mesh.FaceMesh(
            static_image_mode=True,
            max_num_faces=1,
            refine_landmarks=True,
            min_detection_confidence=0.4,
        )
        self.whole = solutions.face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=20, refine_landmarks=True
        )
        self.segmentation = solutions.selfie_segmentation.SelfieSegmentation(model_selection=0)

    def boxes(self, photo: Pixels) -> Iterator[tuple[float, float, float]]:
        """Centre and longer side of what may be faces, in pixels."""
        for left, top, right, bottom in windows(*photo.shape[:2]):
            part = np.ascontiguousarray(photo[top:bottom, left:right])
            for detector in self.detectors:
                for found in detector.process(part).detections or ():
                    box = found.location_data.relative_bounding_box
                    wide, high = box.width * part.shape[1], box.height * part.shape[0]
                    x, y = box.xmin * part.shape[1] + left, box.ymin * part.shape[0] + top
                    yield x + wide / 2, y + high / 2, max(wide, high)

    def face(self, photo: Pixels, x: float, y: float, side: float) -> Points | None:
        """The mesh of the face in a box, [478, 2], or None where there is none."""
        corner = np.array([x - side, y - side])
        square = Image.fromarray(photo).crop((*corner, *(corner + 2 * side)))
        square = square.resize((MESH_SIDE, MESH_SIDE), Image.Resampling.BICUBIC)
        found = self.mesh.process(np.array(square)).multi_face_landmarks
        if not found:
            return None
        return np.asarray(_shares(found[0]) * 2 * side + corner, np.float32)

    def faces(self, photo: Pixels) -> Points:
        """Every face once, [N, 478, 2]."""
        kept: list[Points] = []
        for box in sorted(self.boxes(photo), key=lambda box: -box[2]):
            middle = np.array(box[:2])
            if any(np.hypot(*(mesh.mean(0) - middle)) < 0.5 * np.ptp(mesh) / 2 for mesh in kept):
                continue
            mesh = self.face(photo, *box)
            if mesh is not None and not any(_same(mesh, other) for other in kept):
                kept.append(mesh)
        return np.array(kept, np.float32).reshape(-1, 478, 2)

    def plain(self, photo: Pixels, faces: Points) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of `faces` [N, 478, 2] the mesh finds by itself in the whole photo, [N]."""
        found = self.whole.process(photo).multi_face_landmarks or ()
        meshes = [_shares(each) * photo.shape[1::-1] for each in found]
        return np.array([any(_same(face, mesh) for mesh in meshes) for face in faces], np.bool_)

    def person(self, photo: Pixels) -> Pixels:
        """How likely each part is a person, 255 for certain."""
        mask = Image.fromarray(
            (self.segmentation.process(photo).segmentation_mask * 255).astype("u1")
        )
        return np.array(mask.resize((PERSON_SIDE, PERSON_SIDE), Image.Resampling.BILINEAR))


def _shares(mesh: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The points of MediaPipe's mesh as shares of the photo's width and height, [478, 2]."""
    return np.array([(point.x, point.y) for point in mesh.landmark])


def _same(a: Points, b: Points) -> bool:
    return bool(np.hypot(*(a.mean(0) - b.mean(0))) < 0.5 * min(np.ptp(a[:, 0]), np.ptp(b[:, 0])))


def done(file: Path) -> bool:
    """Whether `file` is there, and of this version."""
    if not file.exists():
        return False
    with np.load(file) as marks:
        return "plain" in marks


def main(folder: Path) -> None:
    """Look at every photo under `folder` that has not been looked at."""
    finder = Finder()
    for path in sorted(folder.glob("*/*.png")):
        file = path.with_suffix(".faces.npz")
        if not done(file):
            photo = np.array(Image.open(path).convert("RGB"))
            faces = finder.faces(photo)
            plain, person = finder.plain(photo, faces), finder.person(photo)
            np.savez_compressed(file, faces=faces, plain=plain, person=person)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
