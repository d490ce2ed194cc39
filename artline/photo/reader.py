"""The reader: an image file's bytes to upright RGB pixels."""

import io
import warnings

import numpy as np
import numpy.typing as npt
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

from ..errors import DamagedPhotoError, PhotoError, PhotoTooLargeError, UnknownFormatError
from ..limits import IMAGE_PIXELS

Pixels = npt.NDArray[np.uint8]

READS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "ICO", "QOI")
"""Formats that begin with a signature; Pillow's others are guessed, or run another program."""

SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF", b"GIF8", b"II*\0", b"MM\0*")
"""How the common ones begin: bytes that begin so are an image, if only a broken one."""

AVERAGES = {"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"}
"""Pillow's modes whose pixels can be averaged; a palette's indices, say, cannot."""

HEIC = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc", b"ftypmsf1")


def is_image(data: bytes) -> bool:
    """Whether `data` begins like an image of a format that is read here."""
    try:
        _open(data)
    except UnknownFormatError:
        return False
    except PhotoError:
        pass
    return True


def decode(photo: bytes, box: tuple[int, int]) -> Pixels:
    """The photo as uint8 `[H, W, 3]` RGB: first frame, upright, on white, shrunk into `box`.

    `box` is (width, height) in pixels of the upright photo. Raises `PhotoError`.
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


def _unidentified(data: bytes) -> PhotoError:
    if data.startswith(SIGNATURES):
        return _corrupt()
    if data[4:12] in HEIC:
        advice = "HEIC is not read here: convert the photo to JPEG first, as artline does."
    elif data.startswith(b"--"):
        advice = "A form is not read here: send the image file itself as the body."
    else:
        advice = "These bytes are no image that is read here: send a JPEG, PNG or WebP file."
    return UnknownFormatError(advice)


def _corrupt() -> PhotoError:
    return DamagedPhotoError(
        "The image is cut short or corrupt: send it again, or open it and save it anew."
    )


def _too_many_pixels() -> PhotoError:
    return PhotoTooLargeError(
        f"The image has over {IMAGE_PIXELS // 1_000_000} megapixels: send a smaller one."
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
