"""Each metric says what it should of line art whose faults are known."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.training import faces, judging
from models.training.faces import Face, Mask, People
from models.training.judging import Case, Pixels

SIDE = 768


@pytest.fixture(scope="module")
def face(people: People) -> Face:
    """The face of face.jpg in a picture of 768 by 768, its eyes over 50 pixels apart."""
    return people.faces[0].moved((0, 0), SIDE / 1024)


def outlines(face: Face, shift: float = 0.0) -> Pixels:
    """Eyes and lips as thin lines on white, `shift` pixels lower than they are."""
    page = Image.new("L", (SIDE, SIDE), 255)
    for ring in (*faces.EYES, faces.LIPS):
        points = [(float(x), float(y) + shift) for x, y in face.mesh[[*ring, ring[0]]]]
        ImageDraw.Draw(page).line(points, fill=0, width=1)
    return np.array(page)


def case(face: Face, photo: Pixels | None = None) -> Case:
    """A made-up held-out photo: grey, flat, with one face."""
    if photo is None:
        photo = np.full((SIDE, SIDE, 3), 200, np.uint8)
    even = np.zeros((SIDE, SIDE), np.float32)
    return Case("x", photo, even, People((face,), even + 1), np.full((SIDE, SIDE), 255, np.uint8))


def of_face(art: Pixels, face: Face) -> dict[str, float]:
    """Every score of the photo and its one face."""
    return {name: each[0] for name, each in judging.judge(art, case(face)).items()}


def test_contours_are_found_where_they_are_and_not_beside(face: Face) -> None:
    assert face.eyes >= judging.LARGE
    there = of_face(outlines(face), face)
    beside = of_face(outlines(face, shift=0.08 * face.eyes), face)
    for name in ("eye contour found, eyes ≥50 px apart", "lip contour found, ≥50 px"):
        assert there[name] == 1
        assert beside[name] < 0.6


def test_blank_paper_finds_nothing_and_keeps_the_guards(face: Face) -> None:
    blank = of_face(np.full((SIDE, SIDE), 255, np.uint8), face)
    assert blank["eye contour found, eyes ≥50 px apart"] == 0
    assert blank["pupil ink, ≥50 px"] == blank["brow ink, ≥50 px"] == 0
    assert blank["ink on cheeks and forehead (guard)"] == 0
    assert blank["ink on flat light paper (guard)"] == 0
    assert blank["tone correlation in the head"] == 0
    assert blank["photos with less than 0.3 % ink"] == 1


def test_black_paper_wins_ink_and_fails_the_guards(face: Face) -> None:
    black = of_face(np.zeros((SIDE, SIDE), np.uint8), face)
    assert black["pupil ink, ≥50 px"] == black["brow ink, ≥50 px"] == 1
    assert black["ink on cheeks and forehead (guard)"] == 1
    assert black["ink on flat light paper (guard)"] == 1


def test_skin_is_guarded_of_all_faces_and_of_plain_and_hard_ones(face: Face) -> None:
    black = np.zeros((SIDE, SIDE), np.uint8)
    plain, hard = (of_face(black, replace(face, plain=each)) for each in (True, False))
    assert plain[judging.ON_SKIN] == plain[judging.ON_PLAIN] == 1
    assert hard[judging.ON_SKIN] == hard[judging.ON_HARD] == 1
    assert judging.ON_HARD not in plain
    assert judging.ON_PLAIN not in hard


def test_filled_pupils_and_brows_count_and_rings_do_not(face: Face) -> None:
    art = np.full((SIDE, SIDE), 255, np.uint8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for side in (0, 1):
        centre, radius = face.iris(side)
        away = np.hypot(columns - centre[0], rows - centre[1])
        art[abs(away - radius) < 1] = 0
    assert of_face(art, face)["pupil ink, ≥50 px"] == 0
    for side in (0, 1):
        centre, radius = face.iris(side)
        art[np.hypot(columns - centre[0], rows - centre[1]) < radius] = 0
        art[faces.polygon(face.mesh[list(faces.BROWS[side])], art.shape)] = 0
    assert of_face(art, face)["pupil ink, ≥50 px"] == 1
    assert of_face(art, face)["brow ink, ≥50 px"] == 1


def test_tone_follows_the_photo(face: Face) -> None:
    grey = np.full((SIDE, SIDE), 0.8, np.float32)
    grey[: int(face.middle[1])] = 0.2
    dark = grey < 0.5
    assert judging.tone(dark, grey, face) > 0.95
    assert judging.tone(~dark, grey, face) < -0.95


def test_smaller_faces_are_reported_apart(face: Face) -> None:
    small = judging.of_face(
        np.zeros((SIDE, SIDE), bool),
        np.full((SIDE, SIDE), np.inf),
        np.ones((SIDE, SIDE), np.float32),
        face.moved((0, 0), 30 / face.eyes),
    )
    assert "eye contour found, 20 to 50 px" in small
    assert not any("≥50 px" in name for name in small)


def test_only_light_even_paper_far_from_edges_is_flat() -> None:
    rng = np.random.default_rng(0)
    grey = np.full((60, 200), 0.8, np.float32)
    grey[:, 50:100] = 0.3
    grey[:, 100:150] += rng.normal(0, 0.05, (60, 50)).astype(np.float32)
    edge = np.zeros_like(grey)
    edge[:, 190] = 0.2
    paper = judging.flat_paper(grey, edge)
    assert paper[:, :30].all()
    assert not paper[:, 60:90].any(), "dark"
    assert not paper[:, 110:140].any(), "uneven"
    assert paper[:, 186].all()
    assert not paper[:, 187:194].any(), "beside an edge"


def test_strong_contours_are_found_within_three_pixels(face: Face) -> None:
    found = case(face)
    found.edge[100:103] = 0.9
    art = np.full((SIDE, SIDE), 255, np.uint8)
    art[104, : SIDE // 2] = 0
    assert judging.of_photo(art, found)["strong contour found"] == pytest.approx(0.5, abs=0.02)
    found.edge[:] = 0
    assert np.isnan(judging.of_photo(art, found)["strong contour found"])


def ink(*boxes: tuple[slice, slice]) -> Mask:
    mask = np.zeros((100, 100), bool)
    for box in boxes:
        mask[box] = True
    return mask


def test_ends_specks_and_widths_are_counted() -> None:
    line = ink(np.s_[50:51, 10:60])
    assert judging.ends(line) == pytest.approx(1000 * 2 / 50)
    assert judging.specks(ink(np.s_[2:4, 2:4], np.s_[10:15, 10:15], np.s_[50:52, 50:52])) == 200
    thin, thick = (judging.stroke_width(ink(np.s_[50 : 50 + n, 10:90])) for n in (3, 9))
    assert thick == pytest.approx(3 * thin, rel=0.35)
    assert np.isnan(judging.stroke_width(ink()))


def test_mid_grey_is_neither_ink_nor_paper(face: Face) -> None:
    art = np.full((SIDE, SIDE), 255, np.uint8)
    art[: SIDE // 4] = 128
    art[SIDE // 2 :] = 40
    assert judging.of_photo(art, case(face))["mid-grey pixels"] == 0.25


def test_steadiness_and_widths_are_measured_of_further_line_art(face: Face) -> None:
    def draw(photo: Pixels) -> Pixels:
        """Strokes that are 4 pixels wide, whatever the size."""
        height, width = photo.shape[:2]
        art = np.full((height, width), 255, np.uint8)
        middle = height // 2
        art[middle : middle + 4, 8:-8] = 0
        return art

    photo = case(face).photo
    scores = judging.of_drawing(draw, draw(photo), photo)
    widths = [scores[f"stroke width at {side} px, ‰ of the side"] for side in judging.SIDES]
    assert widths[0] == pytest.approx(4 * widths[1])
    for kind in ("noise of 20", "JPEG 30", "darker"):
        assert scores[f"SSIM to its own line art: {kind}"] == 1


@pytest.fixture
def build(samples: Path, golden: Path, lessons: Path, tmp_path: Path) -> Path:
    """A build folder whose held-out photos are the face, a double of it, and the cat."""
    for folder in ("photos", "edges", "lessons"):
        (tmp_path / folder / "held_out").mkdir(parents=True)
    for name, sample in (("face", "face"), ("face2", "face"), ("cat", "cat")):
        photo = tmp_path / "photos" / "held_out" / f"{name}.png"
        Image.open(samples / f"{sample}.jpg").save(photo)
        marks = photo.with_suffix(".faces.npz")
        marks.write_bytes((golden / "face.faces.npz").read_bytes())
        edges = (golden / f"{sample}.edges.png").read_bytes()
        (tmp_path / "edges" / "held_out" / photo.name).write_bytes(edges)
        art = (lessons / "held_out" / f"{sample}.ink.png").read_bytes()
        (tmp_path / "lessons" / "held_out" / f"{name}.ink.png").write_bytes(art)
    return tmp_path


def test_the_table_compares_ways_of_drawing_over_the_held_out_photos(build: Path) -> None:
    examined = list(judging.cases(build))
    assert [each.name for each in examined] == ["cat", "face"], "a double counts once"
    assert all(each.teacher.shape == each.photo.shape[:2] for each in examined)
    measured = judging.measure(examined[1:], {"XDoG": judging.xdog, "Canny": judging.canny_edges})
    teacher = measured["teacher"]
    assert teacher["SSIM to the teacher (imitation)"] == pytest.approx(1)
    assert measured["XDoG"]["tone correlation in the head"] > 0.7
    assert measured["Canny"]["mid-grey pixels"] == 0
    names = {name for each in measured.values() for name in each}
    assert names <= judging.GOALS.keys()
    lines = judging.table(measured).splitlines()
    assert lines[0] == "| metric | XDoG | Canny | teacher | must reach |"
    assert len(lines) == 2 + len(judging.GOALS)


def test_no_held_out_lessons_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="models photos"):
        list(judging.cases(tmp_path))
