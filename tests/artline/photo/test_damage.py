"""Bytes overwritten at random: what Pillow's own decoder refuses is refused, and nothing else."""

import io
import warnings
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.AvifImagePlugin import AvifImageFile

from artline.errors import PhotoError
from artline.photo.reader import decode

from .corpus import encoded, pattern

SIDES = (200, 600, 2000)
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "baseline JPEG": ("JPEG", "RGB", {}),
    "progressive JPEG": ("JPEG", "RGB", {"progressive": True}),
    "CMYK JPEG": ("JPEG", "CMYK", {}),
    "PNG": ("PNG", "RGB", {}),
    "PNG with alpha": ("PNG", "RGBA", {}),
    "PNG of 16 bits": ("PNG", "I;16", {}),
    "GIF": ("GIF", "P", {}),
    "BMP": ("BMP", "RGB", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "TIFF, LZW": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "TIFF, JPEG": ("TIFF", "RGB", {"compression": "jpeg"}),
    "TIFF, deflate, 16 bits": ("TIFF", "I;16", {"compression": "tiff_adobe_deflate"}),
    "WebP": ("WEBP", "RGB", {"method": 0}),
    "lossless WebP": ("WEBP", "RGBA", {"lossless": True, "method": 0, "quality": 0}),
    "AVIF": ("AVIF", "RGB", {"speed": 10}),
    "JPEG 2000": ("JPEG2000", "RGB", {"irreversible": True, "quality_layers": [40]}),
    "PPM": ("PPM", "RGB", {}),
}


@cache
def whole(kind: str, side: int) -> bytes:
    name, mode, options = KINDS[kind]
    return encoded(pattern(mode, side, side * 3 // 4), name, **options)


@st.composite
def overwritten(draw: Any, kind: str, side: int) -> bytes:
    data = bytearray(whole(kind, side))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data) - 1))
        piece = draw(st.binary(min_size=1, max_size=min(16, len(data) - at)))
        data[at : at + len(piece)] = piece
    return bytes(data)


def opened(data: bytes, kind: str) -> Image.Image:
    """As Pillow opens it; AVIF by any of its brands, where Pillow looks at the first alone."""
    file = io.BytesIO(data)
    with warnings.catch_warnings(action="ignore"):
        return AvifImageFile(file) if kind == "AVIF" else Image.open(file)


def pillow_reads(data: bytes, kind: str) -> bool:
    try:
        with warnings.catch_warnings(action="ignore"):
            opened(data, kind).load()
    except Exception:  # its decoders raise whatever a broken file led them to
        return False
    return True


def too_large(data: bytes, kind: str) -> bool:
    """Whether a damaged header says so: Pillow draws the line elsewhere."""
    try:
        width, height = opened(data, kind).size
    except Exception:
        return False
    return width * height > 50_000_000


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_what_pillow_says_it_is(kind: str, side: int) -> None:
    @settings(
        max_examples=20 if side < 2000 else 4,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(overwritten(kind, side))
    def agree(data: bytes) -> None:
        try:
            decode(data, (1024, 1024))
        except PhotoError:
            assert not pillow_reads(data, kind) or too_large(data, kind)
        else:
            assert pillow_reads(data, kind)

    agree()
