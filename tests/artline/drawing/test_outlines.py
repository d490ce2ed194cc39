"""SVG line art: what it holds, and that it agrees with the raster."""

import gzip
import io
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
import resvg_py
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from artline.drawing.model import Model
from artline.drawing.outlines import svg
from artline.drawing.transform import transform
from artline.errors import OptionError
from artline.options import Options
from artline.photo.reader import Pixels, decode
from artline.version import MODEL
from tests.inplace import only_the_default
from tests.networks import negative

SVG = "{http://www.w3.org/2000/svg}"
Ink = npt.NDArray[np.bool_]
SAMPLES = ["face", "cat", "rotated", "landscape"]


def rendered(image: bytes, width: int, height: int) -> Ink:
    png = resvg_py.svg_to_bytes(
        svg_string=image.decode(), width=width, height=height, background="white"
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("L")) < 128


def agreement(one: Ink, other: Ink) -> float:
    """Intersection over union; two blank sheets agree."""
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(MODEL)


@pytest.fixture(scope="module", params=SAMPLES)
def art(request: pytest.FixtureRequest, samples: Path, model: Model) -> Pixels:
    photo = (samples / f"{request.param}.jpg").read_bytes()
    return model.run(decode(photo, (1024, 1024)))


@only_the_default
def test_it_agrees_with_the_raster(art: Pixels) -> None:
    height, width = art.shape[:2]
    image = svg(art)
    assert agreement(rendered(image, width, height), art[..., 0] < 128) >= 0.95
    large = Image.fromarray(art[..., 0]).resize((4 * width, 4 * height), Image.Resampling.BILINEAR)
    assert agreement(rendered(image, 4 * width, 4 * height), np.asarray(large) < 128) >= 0.94


def test_it_is_one_path_and_nothing_that_runs(art: Pixels) -> None:
    image = svg(art)
    root = ElementTree.fromstring(image)  # noqa: S314  our own
    height, width = art.shape[:2]
    assert root.tag == f"{SVG}svg"
    assert root.attrib == {
        "width": str(width),
        "height": str(height),
        "viewBox": f"0 0 {10 * width} {10 * height}",
    }
    (path,) = root
    assert path.tag == f"{SVG}path"
    assert path.attrib.keys() == {"fill-rule", "d"}
    assert not list(path)
    assert b"<!--" not in image


def test_a_portrait_is_small(samples: Path, model: Model) -> None:
    with Image.open(samples / "face.jpg") as face:
        art = model.run(np.asarray(face.convert("RGB").resize((1024, 1024))))
    assert len(gzip.compress(svg(art))) <= 60_000


@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1), (33, 65)])
def test_a_sheet_of_one_colour(level: int, size: tuple[int, int]) -> None:
    art = np.full((*size, 1), level, np.uint8)
    ink = rendered(svg(art), 8 * size[1], 8 * size[0])
    assert ink.mean() == pytest.approx(float(level == 0), abs=0.51 if min(size) == 1 else 0.01)


def test_a_hole_stays_paper() -> None:
    art = np.full((40, 40, 1), 255, np.uint8)
    art[5:35, 5:35] = 0
    art[15:25, 15:25] = 255
    ink = rendered(svg(art), 40, 40)
    assert agreement(ink, art[..., 0] < 128) > 0.98
    assert not ink[20, 20]


@given(arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.sampled_from([1, 3]))))
@settings(max_examples=60)
def test_any_line_art_is_an_image(art: Pixels) -> None:
    image = svg(art)
    ElementTree.fromstring(image)  # noqa: S314  our own
    assert rendered(image, art.shape[1], art.shape[0]).shape == art.shape[:2]


@given(
    arrays(
        np.uint8,
        st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(1)),
        elements=st.sampled_from([0, 255]),
    )
)
@settings(max_examples=60)
def test_black_and_white_keep_their_pixels(small: Pixels) -> None:
    """Enlarged, so that what is a corner of half a pixel is a small part of it."""
    art = small.repeat(8, axis=0).repeat(8, axis=1)
    ink = rendered(svg(art), art.shape[1], art.shape[0])
    assert (ink != (art[..., 0] < 128)).mean() < 0.05


def test_it_is_asked_for_as_a_format(samples: Path, model: Model) -> None:
    photo = (samples / "face.jpg").read_bytes()
    image = transform(photo, model, Options.read({"format": "svg", "max_side": 256}, model))
    assert image.startswith(b'<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256"')


@pytest.mark.parametrize("format_", ["png", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_ink_on_white_is_the_line_art(
    tmp_path: Path, format_: str, channels: int
) -> None:
    model = Model(negative(tmp_path / "model.onnx", channels=channels))
    photo = io.BytesIO()
    Image.effect_noise((96, 64), 90).convert("RGB").save(photo, "PNG")
    white, clear = (
        Image.open(
            io.BytesIO(
                transform(
                    photo.getvalue(),
                    model,
                    Options.read({"format": format_, "background": background}, model),
                )
            )
        )
        for background in ("white", "transparent")
    )
    assert clear.has_transparency_data
    paper = Image.new("RGBA", clear.size, "white")
    shown = Image.alpha_composite(paper, clear.convert("RGBA")).convert("L")
    difference = np.abs(np.asarray(shown).astype(int) - np.asarray(white.convert("L")))
    assert difference.max() <= (2 if format_ == "png" else 60)
    assert difference.mean() <= (1 if format_ == "png" else 12)


def test_jpeg_has_no_transparency(model: Model) -> None:
    with pytest.raises(OptionError, match="JPEG has no transparency"):
        Options.read({"background": "transparent"}, model)
