"""Photos of every kind, as the pixels that reach the model."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from artline.drawing.model import Model
from artline.drawing.transform import transform
from artline.options import MEDIA_TYPES, Options
from artline.photo.reader import decode
from artline.version import MODEL
from tests.networks import negative

BOX = (1024, 1024)
RED = (200, 30, 40)


def save(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def colour(photo: bytes) -> tuple[int, ...]:
    """The colour that the middle of `photo` is decoded to."""
    pixels = decode(photo, BOX)
    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    return tuple(int(value) for value in pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("AVIF", {"quality": 95}),
        ("JPEG2000", {}),
        ("PPM", {}),
        ("ICO", {}),
        ("QOI", {}),
        ("MPO", {"quality": 95}),
    ],
)
def test_formats(name: str, options: dict[str, Any]) -> None:
    photo = save(Image.new("RGB", (64, 48), RED), name, **options)
    assert np.abs(np.subtract(colour(photo), RED)).max() < 8


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr"])
def test_modes(mode: str) -> None:
    name = "PNG" if mode in {"1", "L", "P", "RGB"} else "TIFF"
    image = Image.new("RGB", (64, 48), "white").convert(mode)
    assert colour(save(image, name)) == (255, 255, 255)


def test_lab() -> None:
    photo = save(Image.new("LAB", (8, 8), (128, 0, 0)), "TIFF")
    assert colour(photo) == (128, 128, 128)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_is_paper(mode: str) -> None:
    image = Image.new("RGBA", (64, 48), (*RED, 0)).convert("LA" if mode == "LA" else "RGBA")
    photo = save(image.quantize() if mode == "PA" else image)
    assert colour(photo) == (255, 255, 255)


def test_half_transparent() -> None:
    assert colour(save(Image.new("RGBA", (8, 8), (0, 0, 0, 128)))) == (127, 127, 127)


@pytest.mark.parametrize(
    ("dtype", "grey", "name"),
    [
        (np.uint16, 65535 / 2, "PNG"),
        (np.uint16, 65535 / 2, "TIFF"),
        (np.int32, 65535 / 2, "TIFF"),
        (np.float32, 0.5, "TIFF"),
        (np.float32, 127.5, "TIFF"),
    ],
)
def test_deep_greys_keep_their_scale(dtype: Any, grey: float, name: str) -> None:
    values = np.full((32, 32), grey, dtype)
    values[0, 0] = grey * 2  # white
    assert colour(save(Image.fromarray(values), name))[0] in {127, 128}


def test_not_a_number_is_black() -> None:
    values = np.full((8, 8), np.nan, np.float32)
    assert colour(save(Image.fromarray(values), "TIFF")) == (0, 0, 0)


@pytest.mark.parametrize("name", ["GIF", "PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(name: str) -> None:
    frames = [Image.new("RGB", (32, 32), shade) for shade in ("white", "black", "black")]
    photo = save(frames[0], name, save_all=True, append_images=frames[1:])
    assert colour(photo) == (255, 255, 255)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(name: str, orientation: int) -> None:
    upright = np.zeros((40, 64, 3), np.uint8)
    upright[:20, :32] = 255  # the top left quarter
    turns = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = Image.fromarray(np.ascontiguousarray(turns[orientation](upright)))
    pixels = decode(save(stored, name, exif=exif), BOX)
    assert pixels.shape == upright.shape
    assert np.abs(pixels.astype(int) - upright)[4:16, 4:28].max() < 8
    assert np.abs(pixels.astype(int) - upright)[24:, 36:].max() < 8


def test_exif_that_is_rubbish_is_passed_over() -> None:
    photo = save(Image.new("RGB", (32, 16), RED), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert decode(photo, BOX).shape == (16, 32, 3)


@given(width=st.integers(1, 300), height=st.integers(1, 300), side=st.integers(64, 128))
def test_sizes(width: int, height: int, side: int) -> None:
    pixels = decode(save(Image.new("RGB", (width, height), RED)), (side, side))
    scale = min(1.0, side / max(width, height))
    assert max(pixels.shape) <= side
    assert pixels.shape[0] == pytest.approx(height * scale, abs=1)
    assert pixels.shape[1] == pytest.approx(width * scale, abs=1)


@given(width=st.integers(1, 70), height=st.integers(1, 70), channels=st.sampled_from([1, 3]))
def test_padding_leaves_no_trace(width: int, height: int, channels: int) -> None:
    image = np.random.default_rng(width * 71 + height).integers(0, 256, (height, width, 3))
    photo = image.astype(np.uint8)
    assert np.array_equal(MODELS[channels].run(photo), 255 - photo[..., :channels])


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("models")
    for channels in (1, 3):
        MODELS[channels] = Model(negative(folder / f"{channels}.onnx", channels=channels))


MODELS: dict[int, Model] = {}


def test_a_model_of_one_size_letterboxes(tmp_path: Path) -> None:
    model = Model(negative(tmp_path / "model.onnx", fixed_size="96x160"))
    photo = save(Image.new("RGB", (400, 400), RED))
    art = transform(photo, model, Options.read({"format": "png"}, model))
    assert Image.open(io.BytesIO(art)).size == (96, 96)
    wide = save(Image.new("RGB", (400, 100), RED))
    assert Image.open(io.BytesIO(transform(wide, model))).size == (160, 40)


@pytest.mark.parametrize("format_", sorted(MEDIA_TYPES.keys() - {"svg"}))
def test_the_drawing_carries_no_metadata(format_: str, samples: Path) -> None:
    photo = Image.open(samples / "rotated.jpg")
    exif = photo.getexif()
    exif[ExifTags.Base.Artist] = "somebody"
    photo.thumbnail((200, 200))
    model = Model(MODEL)
    options = Options.read({"format": format_}, model)
    art = transform(save(photo, "JPEG", exif=exif), model, options)
    drawn = Image.open(io.BytesIO(art))
    assert b"somebody" not in art
    assert not drawn.getexif()
    assert drawn.mode in {"L", "RGB"}  # WebP knows no grey
