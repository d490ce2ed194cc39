"""The client and the service see the same photo: what one sends is what the other would decode."""

import io
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from artline.client import Limits
from artline.client._photo import prepare
from artline.photo.reader import decode

from .corpus import DRAWN, encoded, pattern, photo

BOX = (128, 128)
LIMITS = Limits()
MODES = {
    "PNG": "1 L LA P I;16 RGB RGBA",
    "JPEG": "L RGB CMYK",
    "TIFF": "1 L LA P RGB RGBA CMYK LAB YCbCr I;16",
}
OTHERS = ("GIF", "BMP", "WEBP", "AVIF", "PPM", "QOI", "JPEG2000")
FILES: dict[str, bytes] = {
    **{name: photo(name) for name in DRAWN},
    **{
        f"{name} {mode}": encoded(pattern(mode), name)
        for name, modes in MODES.items()
        for mode in modes.split()
    },
    **{name: encoded(pattern("RGB"), name) for name in OTHERS},
}


def _tiff(values: Any, order: Any, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, byteorder=order, **options)
    return file.getvalue()


GREY = np.asarray(pattern("L")).astype(np.float64) / 255
for _order in ("<", ">"):
    FILES |= {
        f"TIFF 16 bits {_order}": _tiff((GREY * 65535).astype(np.uint16), _order),
        f"TIFF 32 bits {_order}": _tiff((GREY * 65535).astype(np.int32), _order),
        f"TIFF float {_order}": _tiff(GREY.astype(np.float32), _order),
        f"TIFF 16-bit RGB {_order}": _tiff(
            (np.stack([GREY] * 3, -1) * 65535).astype(np.uint16), _order, photometric="rgb"
        ),
    }


@pytest.mark.parametrize("name", FILES)
def test_the_same_pixels(name: str) -> None:
    sent = prepare(FILES[name], side=max(BOX), limits=LIMITS).data
    ours, theirs = decode(FILES[name], BOX).astype(int), decode(sent, BOX).astype(int)
    assert ours.shape == theirs.shape
    # JPEG keeps colours at half the size, and loses some noise.
    assert np.abs(ours.mean(axis=-1) - theirs.mean(axis=-1)).mean() < 6


@pytest.mark.parametrize("name", [name for name in FILES if "TIFF" in name and "bit" in name])
def test_deep_greys_are_what_they_were(name: str) -> None:
    grey = decode(FILES[name], (200, 200)).astype(int)
    assert np.abs(grey[..., 0] - np.asarray(pattern("L"), int)).max() <= 1


def test_an_image_of_pillows_is_the_same_photo() -> None:
    data = FILES["PNG RGBA"]
    opened = Image.open(io.BytesIO(data))
    sent = prepare(opened, side=max(BOX), limits=LIMITS).data
    assert np.abs(decode(data, BOX).astype(int) - decode(sent, BOX).astype(int)).mean() < 6
