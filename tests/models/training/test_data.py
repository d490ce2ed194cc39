"""Crops show a photo and its line art in every style, at the size they say, and often a face."""

import dataclasses
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from models.training import data
from models.training.data import Crops, crisp
from models.training.faces import BARE, EYES, IRISES, LIPS, OVAL, Face, People, polygon
from models.training.network import STYLES

CHIN = (200, 199)  # two points of the mesh between the lower lip and the chin


def test_a_crop_is_a_photo_its_size_and_its_art(lessons: Path) -> None:
    crops = Crops(lessons / "train", size=64, length=5)
    photo, light, doublings, paper, care = crops[0]
    assert len(crops) == 5
    assert photo.shape == (3, 64, 64)
    assert light.shape == (1, 64, 64)
    assert doublings.shape == ()
    assert paper.shape == (len(STYLES), 64, 64)
    assert photo.dtype == light.dtype == paper.dtype == torch.uint8
    assert care.shape == paper.shape
    assert care.min() >= 1


def test_crops_come_at_many_sizes(lessons: Path) -> None:
    crops = Crops(lessons / "train", size=32, length=60)
    doublings = [float(crops[index][2]) for index in range(60)]
    assert min(doublings) < -0.5
    assert max(doublings) > 0.3
    assert math.log2(0.42) <= min(doublings) <= max(doublings) <= 1


@pytest.mark.parametrize("tilted", [0.0, 1.0])
def test_a_crop_with_a_face_holds_its_middle(
    lessons: Path, tilted: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    lesson = Crops(lessons / "train", size=64, length=1).lessons["face"]
    x, y = map(round, Face(lesson.faces[0]).middle.tolist())
    layers = torch.full_like(lesson.layers, 255)
    layers[:, y - 12 : y + 12, x - 12 : x + 12] = 0
    marked_lesson = dataclasses.replace(lesson, layers=layers)
    monkeypatch.setattr(data, "TILTED", tilted)
    for scale in (0.5, 1.0, 2.0):
        crop = data._somewhere(marked_lesson, 256, scale, face=True)
        assert {layer.shape[1:] for layer in (crop.photo, crop.arts, crop.counts)} == {(256, 256)}
        (face,) = crop.faces
        for layer in (crop.photo, crop.arts, crop.counts):
            ink = torch.nonzero((layer < 128).all(0)).float()
            assert len(ink), scale
            assert face.middle[::-1] == pytest.approx(ink.mean(0).numpy(), abs=3)


def test_a_tilted_crop_of_paper_is_paper(lessons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing comes in from beside the lesson."""
    monkeypatch.setattr(data, "TILTED", 1.0)
    lesson = Crops(lessons / "train", size=64, length=1).lessons["face"]
    paper = dataclasses.replace(lesson, layers=torch.full_like(lesson.layers, 255))
    random.seed(0)
    for size in (63, 64, 150):
        for _ in range(20):
            crop = data._somewhere(paper, size, random.uniform(0.5, 2), face=False)
            assert all((layer == 255).all() for layer in (crop.photo, crop.arts, crop.counts))


def test_a_face_counts_more(head: Face) -> None:
    care = cares([head], np.zeros((512, 512), bool))
    x, y = head.middle.astype(int)
    assert care[y - 20 : y + 20, x - 20 : x + 20].min() > 0.9 * (1 + data.CARE)


def test_a_small_photo_is_not_tilted(lessons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of it would be turned out of the crop."""
    monkeypatch.setattr(data, "TILTED", 1.0)
    lesson = Crops(lessons / "train", size=64, length=1).lessons["face"]
    for _ in range(20):
        crop = data._somewhere(lesson, 256, 200 / max(lesson.size), face=True)
        (face,) = crop.faces
        level = Face(lesson.faces[0]).moved((0, 0), 200 / max(lesson.size))
        assert face.mesh == pytest.approx(level.mesh, abs=1)


@pytest.fixture
def head(people: People) -> Face:
    """A face with its eyes 96 pixels apart, in the middle of 512 by 512."""
    (face,) = people.faces
    face = face.moved((0, 0), 96 / face.eyes)
    x, y = face.middle
    return face.moved((x - 256, y - 256), 1)


def cares(people: list[Face], ink: np.ndarray, line: float = 14) -> np.ndarray:
    """How many times each pixel of line art counts, [H, W]."""
    counts = torch.from_numpy(data.counted(people, ink[None], line))
    art = torch.from_numpy(np.where(ink, 0, 255)[None])
    return data.cared(art, counts)[0].numpy()


def test_what_is_far_from_any_face_counts_once(head: Face) -> None:
    paper = np.zeros((512, 512), bool)
    care = cares([head], paper)
    assert care[0, 0] == care[511, 0] == care[0, 511] == 1
    assert (cares([], paper) == 1).all()


def test_paper_on_skin_counts_more_and_ink_in_hair_and_along_lips_and_eyes(head: Face) -> None:
    empty = np.zeros((512, 512), bool)
    on_paper, on_ink = cares([head], empty), cares([head], ~empty)
    hair, chin, cheek, pupil, lip, lid = (
        tuple(point.astype(int)[::-1])
        for point in (
            2 * head.mesh[10] - head.mesh[9],
            head.mesh[list(CHIN)].mean(0),
            head.mesh[list(BARE[0])].mean(0),
            head.mesh[IRISES[0]],
            head.mesh[LIPS[4]],
            head.mesh[EYES[0][4]],
        )
    )
    assert on_ink[hair] > 2 * on_paper[hair]
    assert on_ink[pupil] > 2 * on_paper[pupil]
    assert on_paper[chin] / on_ink[chin] == pytest.approx(1 + data.SKIN, rel=0.03)
    bare = 1 + data.BARE_SKIN * data.SKIN
    assert on_paper[cheek] / on_ink[cheek] == pytest.approx(bare, rel=0.03)
    for line in (lip, lid):
        assert on_ink[line] / on_paper[line] == pytest.approx(1 + data.OUTLINES, rel=0.05)


def test_a_line_counts_more_than_an_area() -> None:
    ink = np.zeros((64, 64), bool)
    ink[4:12] = ink[30:60, 10:40] = True
    care = cares([], ink, 9)
    assert care[4:12] == pytest.approx(1 + data.LINES, rel=0.03), "narrower than nine pixels"
    beside = np.exp2(data.counted([], ink[None], 9)[0, :4, 32] / data.STEPS)
    assert beside == pytest.approx([1, 1, 1 + data.LINES, 1 + data.LINES], rel=0.03)
    assert (care[30:60, 10:40] == 1).all()
    assert (care[~ink] == 1).all()


@pytest.mark.parametrize("in_part", [0.0, 1.0])
def test_dark_skin_darkens_the_face_alone(
    head: Face, in_part: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a whole, or on one side of it."""
    monkeypatch.setattr(random, "random", lambda: 0.9 * (1 - in_part))
    monkeypatch.setattr(data, "DARK_SKIN", 1.0)
    for seed in range(20):
        random.seed(seed)
        light = data.shade([head], (512, 512))
        assert (light[:60] >= 254).all()
        on_face = light[head_area(head)]
        assert 0.3 * 255 < on_face.min() < 0.95 * 255
        if not in_part:
            assert on_face.max() < 254


def test_the_shade_lies_on_the_crop_s_face(lessons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "DARK_SKIN", 1.0)
    crops = Crops(lessons / "train", size=451, length=1)
    lesson = crops.lessons["face"]
    scale = 120 / Face(lesson.faces[0]).size
    random.seed(0)
    for _ in range(10):
        crop = data._somewhere(lesson, 451, scale, face=True)
        light = crops._light(crop)[0].numpy()
        assert light.shape == (451, 451)
        (moved,) = crop.faces
        rows, columns = np.mgrid[:451, :451]
        away = np.hypot(columns - moved.middle[0], rows - moved.middle[1]) / moved.size
        assert light[away < 0.7].mean() < 0.97 * 255
        assert (light[away > 2] >= 254).all()


def test_some_faces_keep_their_light(head: Face) -> None:
    random.seed(0)
    changed = [data.shade([head], (512, 512)).min() < 255 for _ in range(60)]
    assert 0.2 < np.mean(changed) < 0.6
    assert (data.shade([], (512, 512)) == 255).all()


def head_area(head: Face) -> np.ndarray:
    """Well inside the face's outline, [512, 512]."""
    oval = head.mesh[list(OVAL)]
    return polygon(oval.mean(0) + 0.5 * (oval - oval.mean(0)), (512, 512))


def test_small_photos_are_filled_by_reflection(lessons: Path) -> None:
    photo, _, _, paper, care = Crops(lessons / "held_out", size=700)[0]  # the cat is 1024 by 681
    assert photo.shape == (3, 700, 700)
    assert care.shape == paper.shape == (len(STYLES), 700, 700)


@pytest.mark.parametrize(("size", "mode"), [(9, "reflect"), (30, "symmetric")])
def test_filled_as_numpy_pads(size: int, mode: str) -> None:
    layers = np.random.default_rng(0).integers(0, 256, (3, 5, 8)).astype(np.uint8)
    short = [(0, 0), (0, size - 5), (0, size - 8)]
    filled = data._fill(torch.from_numpy(layers), size).numpy()
    assert (filled == np.pad(layers, short, mode)).all()  # type: ignore[call-overload]


def test_a_learner_s_crops_are_taken_on_any_machine(lessons: Path) -> None:
    crops = Crops(lessons / "train", size=64)
    crops.device = "cuda"  # as after training on one
    elsewhere = crops.new_empty()
    assert not elsewhere.lessons
    elsewhere.refresh()
    assert elsewhere.lessons.keys() == crops.lessons.keys()


def test_validation_is_the_same_every_time(lessons: Path) -> None:
    crops = Crops(lessons / "held_out", size=64)
    assert len(crops) == 2
    assert all(map(torch.equal, crops[1], crops[1]))
    assert crops[1][2] == 0, "a lesson is as large as the network takes for granted"


def test_lessons_that_are_drawn_later_are_taken_up(lessons: Path, tmp_path: Path) -> None:
    for path in (lessons / "train").glob("cat.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    crops = Crops(tmp_path, size=64)
    for path in (lessons / "train").glob("face.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert crops.lessons.keys() == {"cat"}
    crops.refresh()
    assert crops.lessons.keys() == {"cat", "face"}


def test_no_lessons_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="models photos"):
        Crops(tmp_path, size=64)


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_resized_art_is_made_crisp(scale: float) -> None:
    levels = crisp(torch.arange(256, dtype=torch.uint8), scale)
    assert levels[[0, -1]].tolist() == [0, 255]
    assert (levels.int().diff() >= 0).all()
    assert ((levels > 40) & (levels < 215)).sum() < 0.7 * 174, "less grey than there was"
