"""Black is put down for hair, brows and pupils, beside that face's own skin, and nowhere else."""

import numpy as np
import pytest

from models.training import blacks, faces
from models.training.faces import Face, Floats, Mask, People

SIDE = 300


@pytest.fixture
def face(people: People) -> Face:
    """A face with its middle at (150, 150) and eyes about 40 pixels apart."""
    face = people.faces[0]
    scale = 40 / face.eyes
    corner = face.middle - np.array([SIDE / 2, SIDE / 2]) / scale
    return face.moved((float(corner[0]), float(corner[1])), scale)


def head(face: Face, skin: float, hair: float) -> tuple[Floats, Floats, People]:
    """A flat head on light paper: RGB, its edges and who is in it. Brows and irises are as hair."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    x, y = face.middle
    cap = np.hypot((columns - x) / 62, (rows - y + 25) / 85) < 1
    oval = faces.polygon(face.mesh[list(faces.OVAL)], (SIDE, SIDE))
    grey = np.where(oval, skin, np.where(cap, hair, 0.9))
    for brow in faces.BROWS:
        grey[faces.polygon(face.mesh[list(brow)], (SIDE, SIDE))] = hair
    for side in (0, 1):
        centre, radius = face.iris(side)
        grey[np.hypot(columns - centre[0], rows - centre[1]) < radius] = hair / 2
    grey = blacks.blurred(grey.astype(np.float32), 0.7)
    photo = np.repeat(grey[..., None], 3, 2).astype(np.float32)
    edge = np.clip(6 * np.hypot(*np.gradient(grey)), 0, 1).astype(np.float32)
    return photo, edge, People((face,), blacks.blurred((oval | cap).astype(np.float32), 2))


def ring(face: Face, points: tuple[int, ...]) -> Mask:
    return faces.polygon(face.mesh[list(points)], (SIDE, SIDE))


@pytest.mark.parametrize(("skin", "hair"), [(0.8, 0.2), (0.35, 0.06)])
def test_hair_is_black_and_skin_is_paper_on_light_and_dark_faces(
    face: Face, skin: float, hair: float
) -> None:
    ink = blacks.black(*head(face, skin, hair))
    x, y = face.middle
    crown = np.s_[round(y - 100) : round(y - 80), round(x - 15) : round(x + 15)]
    assert ink[crown].mean() > 0.9
    for cheek in ((50, 101, 118, 117), (280, 330, 347, 346)):
        assert ink[ring(face, cheek)].mean() < 0.02
    assert ink[-20:].max() == 0, "the paper around stays white"


def test_pupils_and_brows_are_black(face: Face) -> None:
    ink = blacks.black(*head(face, 0.7, 0.15))
    for side in (0, 1):
        x, y = np.rint(face.iris(side)[0]).astype(int)
        assert ink[y, x] > 0.5
        assert ink[ring(face, faces.BROWS[side])].mean() > 0.5


def test_light_hair_stays_paper(face: Face) -> None:
    photo, edge, people = head(face, 0.7, 0.6)
    x, y = face.middle
    crown = np.s_[round(y - 100) : round(y - 80), round(x - 15) : round(x + 15)]
    assert blacks.black(photo, edge, people)[crown].mean() < 0.05


def test_what_reaches_far_from_the_head_is_no_hair(face: Face) -> None:
    photo, edge, people = head(face, 0.8, 0.7)
    photo[270:] = 0.05  # a dark desk across the whole picture
    assert blacks.black(photo, edge, people)[280:].mean() < 0.05


def wearing(face: Face, cloth: float, person: float = 1.0) -> Mask:
    """The black clothes of somebody with skin of 0.8, where all below row 240 is `cloth`."""
    grey = np.full((SIDE, SIDE), 0.9, np.float32)
    grey[240:] = cloth
    edge, mask = np.zeros_like(grey), np.zeros_like(grey)
    mask[230:] = person
    return blacks.clothes(grey, edge, People((face,), mask), [0.8])


@pytest.mark.parametrize(
    ("cloth", "person", "drawn"),
    [(0.1, 1, 1), (0.24, 1, 1), (0.3, 1, 0), (0.4, 1, 0), (0.1, 0, 0), (0.1, 0.7, 0)],
)
def test_clothes_are_black_or_paper_as_a_whole(
    face: Face, cloth: float, person: float, drawn: int
) -> None:
    black = wearing(face, cloth, person)
    assert black[242:].mean() == drawn
    assert not black[:238].any()


def test_a_dark_face_is_no_clothes(face: Face) -> None:
    lower = face.moved((0, -120), 1)
    black = wearing(lower, 0.1)
    assert not black[ring(lower, faces.OVAL)].any()
    assert black[242:].mean() > 0.5


def test_holes_in_clothes_are_filled(face: Face) -> None:
    grey = np.full((SIDE, SIDE), 0.1, np.float32)
    grey[270, 40:42] = 0.9
    nothing, everyone = np.zeros_like(grey), np.ones_like(grey)
    assert blacks.clothes(grey, nothing, People((face,), everyone), [0.8])[265:275, 30:60].all()


def test_everyone_is_judged_by_their_own_skin(face: Face) -> None:
    left, right = (face.moved((x, 60), 1) for x in (75, -75))
    grey = np.full((SIDE, SIDE), 0.9, np.float32)
    grey[200:] = 0.12
    nothing, person = np.zeros_like(grey), np.ones_like(grey)
    edge = nothing.copy()
    edge[:, 149:152] = 1  # between the two
    black = blacks.clothes(grey, edge, People((left, right), person), [0.85, 0.25])
    assert black[210:, 10:140].all(), "far darker than light skin"
    assert not black[210:, 160:290].any(), "half as light as dark skin"


def test_a_contour_within_dark_clothes_is_a_white_line(face: Face) -> None:
    photo, edge, people = head(face, 0.8, 0.7)
    photo[250:], people.person[250:] = 0.1, 1
    edge[260:, 199:202] = 0.8
    ink = blacks.black(photo, edge, people)
    assert ink[270:290, 200].max() < 0.5 < ink[270:290, 190].min()


def before(face: Face, light: float, dark: float, share: float) -> tuple[Floats, Floats, People]:
    """Light hair before a wall that is `dark` in a `share` of its columns, else `light`."""
    photo, edge, people = head(face, 0.8, 0.7)
    wall = np.where(np.arange(SIDE) < share * SIDE, dark, light).astype(np.float32)
    behind = people.person[..., None] < 0.5
    return np.where(behind, wall[None, :, None], photo).astype(np.float32), edge, people


@pytest.mark.parametrize(("dark", "share", "black"), [(0.1, 0.9, 1), (0.1, 0.4, 0), (0.5, 0.9, 0)])
def test_a_dark_backdrop_is_black_as_a_whole_or_paper(
    face: Face, dark: float, share: float, black: int
) -> None:
    """0.9 of it much darker than skin; too little of it; not dark enough."""
    ink = blacks.black(*before(face, 0.9, dark, share))
    assert ink[:, :40].mean() == pytest.approx(black, abs=0.02)
    assert ink[:, -20:].max() == 0, "what is light in it stays paper"
    for cheek in faces.BARE[:2]:
        assert ink[ring(face, cheek)].mean() < 0.02


def test_dark_hair_goes_with_a_dark_backdrop(face: Face) -> None:
    photo, edge, people = head(face, 0.8, 0.1)
    photo = np.where(people.person[..., None] < 0.5, np.float32(0.05), photo)
    ink = blacks.black(photo, edge, people)
    x, y = face.middle
    assert ink[: round(y - 75), round(x - 15) : round(x + 15)].mean() > 0.97
    for cheek in faces.BARE[:2]:
        assert ink[ring(face, cheek)].mean() < 0.02


def test_a_small_figure_makes_no_portrait(face: Face) -> None:
    photo, edge, people = before(face, 0.9, 0.1, 0.9)
    wide = (SIDE, 8 * SIDE)
    large = np.full((*wide, 3), 0.1, np.float32)
    large[:, :SIDE] = photo
    seen, person = np.zeros((2, *wide), np.float32)
    seen[:, :SIDE], person[:, :SIDE] = edge, people.person
    small = blacks.backdrop(blacks.lightness(large), People((face,), person), [0.8])
    assert not small.any()
    assert blacks.backdrop(blacks.lightness(photo), people, [0.8]).any()


def test_skin_is_fitted_past_hair_on_the_forehead(face: Face) -> None:
    photo, edge, people = head(face, 0.6, 0.1)
    cut = blacks.cut(photo, edge, people, face)
    cut.grey[: round(float(cut.face.mesh[9][1]))] = 0.1  # down to between the brows
    fitted = blacks.skin(cut)
    assert fitted[tuple(np.rint(cut.face.middle[::-1]).astype(int))] == pytest.approx(0.6, abs=0.12)


def spot(radius: int, dark: float) -> tuple[Floats, Floats]:
    """Light paper with one dark disc, and its edges."""
    rows, columns = np.mgrid[:400, :400]
    disc = np.hypot(rows - 200, columns - 200) < radius
    grey = blacks.blurred(np.where(disc, dark, 0.9).astype(np.float32), 0.7)
    return grey, np.clip(6 * np.hypot(*np.gradient(grey)), 0, 1).astype(np.float32)


def test_small_dark_things_are_spots() -> None:
    found = blacks.spots(*spot(10, 0.05))
    assert found[200, 200]
    assert 0.6 < found.sum() / (np.pi * 10**2) < 1.2


@pytest.mark.parametrize(("radius", "dark"), [(10, 0.6), (60, 0.05)])
def test_light_or_large_things_are_none(radius: int, dark: float) -> None:
    assert not blacks.spots(*spot(radius, dark)).any()


def test_a_spot_needs_an_edge_around_it() -> None:
    grey, edge = spot(10, 0.05)
    assert not blacks.spots(grey, np.zeros_like(edge)).any()


def test_specks_go_by_their_place() -> None:
    mask = np.zeros((20, 20), bool)
    mask[2:4, 2:4] = mask[12:14, 12:14] = True
    least = np.full(mask.shape, 2)
    least[10:] = 9
    kept = blacks.without_specks(mask, least)
    assert kept[2, 2]
    assert not kept[10:].any()
