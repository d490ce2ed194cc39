"""Single strokes: where the pen goes, in which order, and in which size."""

import io
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from artline.drawing.model import Model
from artline.photo.reader import decode
from artline.strokes import Blacks, Pixels, Stroke, ordered, svg, trace, travel
from artline.version import MODEL
from tests.inplace import only_the_default

DPI = 96
SVG = "{http://www.w3.org/2000/svg}"


def art(*lines: tuple[int, ...], size: tuple[int, int] = (200, 150), width: int = 2) -> Pixels:
    """White paper of `size` (width, height) with straight lines of `width` pixels."""
    paper = Image.new("L", size, "white")
    for line in lines:
        ImageDraw.Draw(paper).line(line, "black", width)
    return np.asarray(paper)[..., np.newaxis]


def length(stroke: Stroke) -> float:
    return float(np.hypot(*np.subtract(stroke.start, stroke.end)))


def test_a_line_is_one_stroke_along_its_middle() -> None:
    (stroke,) = trace(art((20, 70, 180, 70)), scale=1)
    assert length(stroke) == pytest.approx(160, abs=6)
    for x, y in (stroke.start, *(point for curve in stroke.curves for point in curve)):
        assert y == pytest.approx(70, abs=1.5)
        assert 15 < x < 185


@pytest.mark.parametrize("blacks", ["outline", "hatch"])
def test_a_black_area_has_no_centre_lines(blacks: Blacks) -> None:
    drawing = art().copy()
    drawing[40:110, 50:150] = 0
    strokes = trace(drawing, scale=1, blacks=blacks)
    ends = np.array([[stroke.start, stroke.end] for stroke in strokes]).reshape(-1, 2)
    if blacks == "outline":
        assert len(strokes) == 1
        assert strokes[0].start == strokes[0].end
    else:
        assert len(strokes) > 50
        inside = (ends >= (46, 36)).all() and (ends <= (154, 114)).all()
        assert inside


def test_the_pen_travels_little() -> None:
    rows = [(10, y, 190, y) for y in range(10, 140, 10)]
    strokes = trace(art(*rows), scale=1)
    chance = np.random.default_rng(1)
    mixed = [strokes[i] for i in chance.permutation(len(strokes))]
    found = ordered(mixed)
    assert len(found) == len(rows)
    assert travel(found) < 200  # ten pixels from a row's end to the next one's
    assert travel(mixed) > 5 * travel(found)


def test_the_size_is_in_millimetres() -> None:
    root = ElementTree.fromstring(svg(art((20, 70, 180, 70)), width_mm=100))  # noqa: S314  our own
    assert root.attrib["width"] == "100mm"
    assert root.attrib["height"] == "75mm"
    assert root.attrib["viewBox"] == "0 0 200 150"
    (group,) = root
    assert {each.tag for each in group} == {f"{SVG}path"}
    assert float(group.attrib["stroke-width"]) == pytest.approx(0.6)  # 0.3 mm


def test_what_is_drawn_is_where_the_ink_is() -> None:
    drawing = art((20, 20, 180, 120), (20, 120, 180, 20), width=3)
    image = svg(drawing, width_mm=200 / DPI * 25.4).decode()
    png = resvg_py.svg_to_bytes(svg_string=image, dpi=DPI, background="white")
    drawn = np.asarray(Image.open(io.BytesIO(bytes(png))).convert("L").resize((200, 150))) < 128
    assert drawn.sum() > 300
    assert (drawing[drawn] < 128).mean() > 0.9


def test_a_stroke_reversed_is_the_same_line() -> None:
    stroke = Stroke((0, 0), (((1, 0), (2, 1), (3, 3)), ((4, 5), (5, 5), (6, 5))))
    assert stroke.reversed().start == stroke.end
    assert stroke.reversed().end == stroke.start
    assert stroke.reversed().reversed() == stroke


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 30), st.integers(1, 30), st.sampled_from([1, 3])),
        elements=st.sampled_from([0, 120, 255]),
    ),
    st.sampled_from(["outline", "hatch"]),
)
@settings(max_examples=50)
def test_any_line_art_has_strokes_that_can_be_read(drawing: Pixels, blacks: Blacks) -> None:
    image = svg(drawing, blacks=blacks)
    ElementTree.fromstring(image)  # noqa: S314  our own
    assert not re.search(rb"nan|inf", image)


@only_the_default
def test_vpype_reads_them_and_sorts_them_hardly_better(samples: Path, tmp_path: Path) -> None:
    photo = decode((samples / "face.jpg").read_bytes(), (512, 512))
    (tmp_path / "plot.svg").write_bytes(svg(Model(MODEL).run(photo), width_mm=150))
    vpype = [sys.executable, "-m", "vpype_cli", "read", "plot.svg", "stat", "linesort", "stat"]
    done = subprocess.run(vpype, cwd=tmp_path, capture_output=True, text=True, check=True)
    width = re.search(r"Current page size: \(([\d.]+)", done.stdout)
    assert width is not None
    assert float(width[1]) == pytest.approx(150 / 25.4 * DPI, rel=1e-3)
    layers, paths = (
        [int(count) for count in re.findall(rf"{of} count: (\d+)", done.stdout)]
        for of in ("Layer", "Path")
    )
    assert layers == [1, 1]
    assert min(paths) > 50, "every stroke is a path"
    ours, theirs = re.findall(r"Layer 1\n.*\n +Pen-up length: ([\d.]+)", done.stdout)
    assert float(ours) < 1.1 * float(theirs)


@pytest.mark.parametrize("turns", range(4))
def test_a_line_along_any_border_is_a_stroke(turns: int) -> None:
    pytest.importorskip("autotrace")
    art = np.full((200, 200, 1), 255, np.uint8)
    art[50:150, 0:2] = 0
    assert len(trace(np.rot90(art, turns).copy(), scale=1)) == 1
