"""Photos as phones and programs write them, made ready to send."""

import io
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from PIL import Image

import artline
from artline import (
    DamagedPhotoError,
    Limits,
    PhotoError,
    PhotoSource,
    PhotoTooLargeError,
    UnknownFormatError,
)
from artline.client._photo import Photo, prepare

LIMITS = Limits()
WHITE = (255, 255, 255)


def corners(size: tuple[int, int] = (300, 200)) -> Image.Image:
    """A picture that shows how it was turned: red at the upper left, blue at the lower right."""
    image = Image.new("RGB", size, "white")
    width, height = size
    image.paste("red", (0, 0, width // 4, height // 4))
    image.paste("blue", (width - width // 4, height - height // 4, width, height))
    return image


def file(image: Image.Image, format: str, **options: object) -> bytes:  # noqa: A002
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def turned(orientation: int, size: tuple[int, int] = (300, 200)) -> bytes:
    """A JPEG whose pixels are stored turned, with the tag that turns `corners` upright again."""
    undo = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    image = corners(size)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = image if undo is None else image.transpose(undo)
    return file(stored, "JPEG", exif=exif, quality=95)


def opened(photo: Photo) -> Image.Image:
    image = Image.open(io.BytesIO(photo.data))
    image.load()
    return image


def shrunk(source: PhotoSource, side: int = 100) -> Image.Image:
    return opened(prepare(source, side=side, limits=LIMITS))


def near(image: Image.Image, at: tuple[float, float], colour: tuple[int, int, int]) -> bool:
    pixel = image.convert("RGB").getpixel((int(at[0] * image.width), int(at[1] * image.height)))
    return bool(np.abs(np.asarray(pixel, int) - colour).max() < 40)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_sent_upright(orientation: int) -> None:
    image = shrunk(turned(orientation))
    assert (image.size, dict(image.getexif())) == ((100, 67), {})
    assert near(image, (0.1, 0.1), (255, 0, 0))
    assert near(image, (0.9, 0.9), (0, 0, 255))


def test_a_sample_that_a_phone_held_upright(samples: Path) -> None:
    assert shrunk(samples / "rotated.jpg", 1024).size == (682, 1024)


def test_what_fits_is_sent_untouched_with_its_tag() -> None:
    data = turned(6)
    assert prepare(data, side=300, limits=LIMITS) == Photo(data, "image/jpeg")


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
def test_other_formats_that_fit_are_sent_untouched(format: str) -> None:  # noqa: A002
    data = file(corners(), format)
    assert prepare(data, side=300, limits=LIMITS) == Photo(data, f"image/{format.lower()}")


@pytest.mark.parametrize("format", ["GIF", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_formats_that_are_not_sent_become_jpeg(format: str) -> None:  # noqa: A002
    photo = prepare(file(corners(), format), side=300, limits=LIMITS)
    assert photo.media_type == "image/jpeg"
    assert opened(photo).format == "JPEG"
    assert opened(photo).size == (300, 200)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_mode_keeps_its_colours(mode: str) -> None:
    grey = mode in ("1", "L", "LA")
    image = shrunk(corners().convert(mode))
    assert image.size == (100, 67)
    assert near(image, (0.9, 0.1), (255, 255, 255))
    assert grey or near(image, (0.1, 0.1), (255, 0, 0))


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
def test_more_than_eight_bits(mode: str) -> None:
    values = np.linspace(0, 65535, 300 * 200).reshape(200, 300)
    kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
    photo = prepare(Image.fromarray(values.astype(kind)), side=100, limits=LIMITS)
    assert photo.media_type == "image/jpeg"
    assert opened(photo).size == (100, 67)
    assert near(opened(photo), (0.5, 0.5), (127, 127, 127))
    assert near(opened(photo), (0.9, 0.99), (254, 254, 254))


def test_a_large_scan_of_sixteen_bits() -> None:
    scan = Image.new("I;16", (6600, 5000), 65535)
    assert near(shrunk(file(scan, "TIFF", compression="tiff_adobe_deflate")), (0.5, 0.5), WHITE)


def test_two_hundred_megapixels_are_shrunk() -> None:
    assert shrunk(file(Image.new("L", (16_320, 12_240)), "JPEG")).size == (100, 75)


def test_transparency_becomes_paper() -> None:
    image = Image.new("RGBA", (300, 200), (0, 0, 0, 0))
    assert near(shrunk(image), (0.5, 0.5), (255, 255, 255))
    palette = file(image.convert("RGBA").quantize(4), "PNG", transparency=0)
    assert near(shrunk(palette), (0.5, 0.5), (255, 255, 255))


def test_the_first_of_many_frames() -> None:
    frames = [corners(), Image.new("RGB", (300, 200), "black")]
    data = file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert near(shrunk(data), (0.1, 0.1), (255, 0, 0))


def test_a_callers_image_is_left_alone() -> None:
    image = corners()
    shrunk(image)
    assert image.size == (300, 200)


def test_a_photo_is_never_enlarged() -> None:
    assert shrunk(file(corners(), "BMP"), 1024).size == (300, 200)


def test_a_large_photo_leaves_small(samples: Path) -> None:
    photo = prepare(samples / "landscape.jpg", side=1024, limits=LIMITS)
    assert opened(photo).size == (1024, 768)
    assert len(photo.data) < 400_000


def test_full_size_is_sent_untouched(samples: Path) -> None:
    data = (samples / "landscape.jpg").read_bytes()
    assert prepare(data, side=None, limits=LIMITS).data == data


def test_full_size_of_a_format_that_is_not_sent() -> None:
    assert opened(prepare(turned_heic(), side=None, limits=LIMITS)).size == (300, 200)


def test_too_many_pixels_at_full_size() -> None:
    data = file(Image.new("1", (8000, 6500)), "PNG")
    with pytest.raises(PhotoTooLargeError, match="52 megapixels, over the 50"):
        prepare(data, side=None, limits=LIMITS)
    assert opened(prepare(data, side=1024, limits=LIMITS)).size == (1024, 832)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", UnknownFormatError),
        (b"%PDF-1.7", UnknownFormatError),
        (b"\xff\xd8\xff\xe0", DamagedPhotoError),
        (turned(1, (3000, 2000))[:9000], DamagedPhotoError),
        (file(Image.new("1", (20_000, 20_000)), "PNG"), PhotoTooLargeError),
    ],
    ids=["nothing", "PDF", "a signature alone", "cut short", "400 megapixels"],
)
def test_what_cannot_be_sent(data: bytes, error: type[PhotoError]) -> None:
    with pytest.raises(error):
        prepare(data, side=100, limits=LIMITS)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="No such file"):
        prepare(tmp_path / "none.jpg", side=100, limits=LIMITS)
    with pytest.raises(PhotoError, match="directory"):
        prepare(tmp_path, side=100, limits=LIMITS)


def turned_heic() -> bytes:
    """A HEIC file whose container says to turn it, and whose EXIF says so again."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = corners().transpose(Image.Transpose.ROTATE_90)
    return file(upright, "HEIF", exif=exif.tobytes(), quality=95)


def test_heic_upright() -> None:
    image = shrunk(turned_heic())
    assert (image.format, image.size) == ("JPEG", (100, 67))
    assert near(image, (0.1, 0.1), (255, 0, 0))
    assert near(image, (0.9, 0.9), (0, 0, 255))


@pytest.mark.parametrize(
    "takes",
    [artline.draw, artline.Model.draw, artline.Client.draw, artline.AsyncClient.submit],
)
def test_types_are_there_at_run_time(takes: Any) -> None:
    assert get_type_hints(takes)["photo"] == PhotoSource
    assert type(None) in get_args(PhotoSource | None)
