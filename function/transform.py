"""Bytes of a photo in, bytes of line art out.

The photo's way is short: decoded at no more than the size needed, turned upright, drawn, encoded.
Nothing is written to disk.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter

import numpy as np
from PIL import (  # noqa: F401  named here, or Pillow imports all its plugins on first need
    AvifImagePlugin,
    IcoImagePlugin,
    Image,
    ImageOps,
    Jpeg2KImagePlugin,
    QoiImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from .limits import IMAGE_PIXELS
from .model import Model, Pixels
from .problem import Problem

READS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "QOI")
"""Formats that begin with a signature; Pillow's others are guessed, or run another program."""

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
"""How the common ones begin: bytes that begin so are an image, if only a broken one."""

ENCODINGS = {
    "image/jpeg": ("JPEG", {"quality": 90}),
    "image/png": ("PNG", {}),
    "image/webp": ("WEBP", {"quality": 90, "method": 2}),
}
"""What the line art can be written as: Pillow's name and options by media type."""

AVERAGES = {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}
"""Pillow's modes whose pixels can be averaged; a palette's indices, say, cannot."""

HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypmsf1")


@dataclass(slots=True)
class Timings:
    """Milliseconds that each step took, in order."""

    steps: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        start = perf_counter()
        yield
        self.steps[name] = (perf_counter() - start) * 1000


def transform(
    photo: bytes,
    model: Model,
    *,
    media_type: str = "image/jpeg",
    max_side: int | None = None,
    timings: Timings | None = None,
) -> bytes:
    """Draws `photo`, an image file, as an image file of `media_type` (a key of `ENCODINGS`).

    The line art is upright, has the photo's aspect ratio, and its longer side is at most `max_side`
    pixels (by default the model's own default); a smaller photo is not enlarged.

    Raises `Problem`: 413 over the limits, 415 for no image, 422 for a broken one.
    """
    timings = timings or Timings()
    with timings.step("decode"):
        pixels = decode(photo, model.fit(max_side or model.default_side))
    with timings.step("inference"):
        art = model.run(pixels)
    with timings.step("encode"):
        return encode(art, media_type)


@cache
def prove(model: Model) -> None:
    """Draws a small photo, the first time that it is asked: raises where that cannot be done."""
    photo = io.BytesIO()
    Image.new("RGB", (64, 64)).save(photo, "JPEG")
    transform(photo.getvalue(), model)


def is_image(data: bytes) -> bool:
    """Whether `data` begins like an image of a format that is read here."""
    try:
        _open(data)
    except Problem as problem:
        return problem.status != 415
    return True


def decode(photo: bytes, box: tuple[int, int]) -> Pixels:
    """The photo as uint8 `[H, W, 3]` RGB: first frame, upright, on white, shrunk into `box`.

    `box` is (width, height) in pixels of the upright photo. Raises `Problem` as `transform` does.
    """
    image = _open(photo)
    try:
        with warnings.catch_warnings(action="ignore"):
            if image.mode in AVERAGES:
                # A JPEG is decoded small in the first place. A quarter turn may still swap the
                # sides: a square of the longer one holds either.
                image.thumbnail((max(box), max(box)), reducing_gap=3.0)
            elif image.mode == "I;16":
                image.thumbnail((max(box), max(box)), reducing_gap=None)  # which it cannot reduce
            image = _rgb(_upright(image))
            image.thumbnail(box, reducing_gap=3.0)
            return np.asarray(image)
    except Exception as error:  # Pillow's decoders raise whatever a broken file led them to
        raise _corrupt() from error


def encode(art: Pixels, media_type: str) -> bytes:
    """uint8 `[H, W, 1 or 3]` as an image file of `media_type`, with no metadata."""
    name, options = ENCODINGS[media_type]
    file = io.BytesIO()
    Image.fromarray(art[..., 0] if art.shape[2] == 1 else art).save(file, name, **options)
    return file.getvalue()


def _open(data: bytes) -> Image.Image:
    """The image's header, read and within the limits; its pixels are not decoded yet."""
    try:
        with warnings.catch_warnings(action="ignore"):  # a large one is refused below
            image = Image.open(io.BytesIO(data), formats=READS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except UnidentifiedImageError as error:
        raise _unidentified(data) from error
    except Exception as error:  # Pillow's plugins raise whatever a broken header led them to
        raise _corrupt() from error
    if image.width * image.height > IMAGE_PIXELS:
        raise _too_many_pixels()
    return image


def _unidentified(data: bytes) -> Problem:
    if data.startswith(SIGNATURES):
        return _corrupt()
    if data[4:12] in HEIC:
        advice = "HEIC is not read here: convert the photo to JPEG first, as artline does."
    elif data.startswith(b"--"):
        advice = "A form is not read here: send the image file itself as the body."
    else:
        advice = "These bytes are no image that is read here: send a JPEG, PNG or WebP file."
    return Problem(415, advice)


def _corrupt() -> Problem:
    return Problem(
        422, "The image is cut short or corrupt: send it again, or open it and save it anew."
    )


def _too_many_pixels() -> Problem:
    return Problem(
        413, f"The image has over {IMAGE_PIXELS // 1_000_000} megapixels: send a smaller one."
    )


def _rgb(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes as RGB, transparency on white."""
    if image.mode == "RGB":
        return image
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.array(image, dtype=np.float32), copy=False)
        # 16-bit files say their scale; the 32-bit modes do not, so it is read off the brightest.
        scale = 65535.0 if image.mode.startswith("I;16") else _scale(float(values.max()))
        values *= 255 / scale
        return Image.fromarray(values.clip(0, 255, out=values).astype(np.uint8)).convert("RGB")
    if image.mode == "LAB":
        return image.getchannel("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(paper, image).convert("RGB")
    return image.convert("RGB")


def _scale(peak: float) -> float:
    return next((scale for scale in (1.0, 255.0, 65535.0) if peak <= scale), peak)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block says nothing about the pixels
        return image
