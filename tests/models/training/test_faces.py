"""Faces are measured in pixels of the picture that is asked for, and false ones left out."""

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.training import faces
from models.training.faces import Face, People


def test_a_face_has_a_size_a_middle_and_irises(people: People) -> None:
    (face,) = people.faces
    assert people.person.shape == (1024, 1024)
    assert 60 < face.eyes <= face.size < 200
    for side in (0, 1):
        centre, radius = face.iris(side)
        assert 0.03 * face.eyes < radius < 0.2 * face.eyes
        opening = faces.polygon(face.mesh[list(faces.EYES[side])], (1024, 1024))
        assert opening[round(float(centre[1])), round(float(centre[0]))], "the iris is in the eye"
    assert faces.polygon(face.mesh[list(faces.OVAL)], (1024, 1024))[
        tuple(face.middle[::-1].astype(int))
    ]


def test_a_face_is_as_large_turned_away_as_from_the_front(people: People) -> None:
    mesh = people.faces[0].mesh.copy()
    mesh[:, 0] *= 0.3
    assert Face(mesh).size > 2 * Face(mesh).eyes
    assert Face(mesh).size == pytest.approx(people.faces[0].size, rel=0.35)


def test_turning_is_about_the_centre_and_against_the_clock(people: People) -> None:
    face = Face(np.full((faces.MESH, 2), [100, 50], np.float32))
    np.testing.assert_allclose(face.turned(math.pi / 2, 50).mesh[0], [50, 0], atol=1e-4)
    assert people.faces[0].turned(0.4, 300).size == pytest.approx(people.faces[0].size, rel=1e-4)


def test_moving_scales_about_the_corner(people: People) -> None:
    face = people.faces[0]
    moved = face.moved((10, 20), 0.5)
    np.testing.assert_allclose(moved.mesh, (face.mesh - [10, 20]) / 2, rtol=1e-4, atol=1e-3)
    assert moved.size == pytest.approx(face.size / 2, rel=1e-4)


def test_a_polygon_is_filled() -> None:
    square = np.array([[2, 3], [8, 3], [8, 9], [2, 9]], np.float32)
    area = faces.polygon(square, (12, 20))
    assert area.shape == (12, 20)
    assert area[5, 5]
    assert not area[:3].any()
    assert not area[:, 9:].any()


@pytest.fixture
def looked_at(samples: Path, golden: Path, tmp_path: Path) -> Path:
    """face.jpg with a second face far off, on no person, and the same face once more, tiny."""
    photo = tmp_path / "photo.png"
    Image.open(samples / "face.jpg").save(photo)
    with np.load(golden / "face.faces.npz") as file:
        (mesh,) = file["faces"]
        off = (mesh - mesh.mean(0)) * 0.5 + [60, 450]
        tiny = (mesh - mesh.mean(0)) * 0.05 + mesh.mean(0)
        person = file["person"].copy()
        person[200:, :60] = 0
        found = np.array([tiny, mesh, off], np.float32)
        plain = np.array([True, False, True])
        np.savez(photo.with_suffix(".faces.npz"), faces=found, plain=plain, person=person)
    return photo


def test_tiny_faces_and_faces_on_nobody_are_left_out(looked_at: Path) -> None:
    (face,) = faces.read(looked_at, (512, 512)).faces
    assert not face.plain, "what was found of it stays with it"
    assert not face.moved((1, 2), 0.5).turned(0.1, 9).plain


def test_none_is_kept_where_there_are_known_to_be_none(looked_at: Path) -> None:
    assert faces.read(looked_at, (512, 512), trusted=False).faces == ()


def test_landmarks_scale_with_the_picture(looked_at: Path) -> None:
    small, large = (faces.read(looked_at, (side, side)).faces[0] for side in (256, 1024))
    np.testing.assert_allclose(large.mesh, 4 * small.mesh, rtol=1e-5)


def test_a_photo_that_was_not_looked_at_is_an_error(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "x.png")
    with pytest.raises(FileNotFoundError):
        faces.read(tmp_path / "x.png", (9, 9))


def test_landmarks_of_an_earlier_version_are_an_error(looked_at: Path) -> None:
    marks = looked_at.with_suffix(".faces.npz")
    with np.load(marks) as file:
        np.savez(marks, faces=file["faces"], person=file["person"])
    with pytest.raises(ValueError, match="models photos"):
        faces.read(looked_at, (9, 9))
