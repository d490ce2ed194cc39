"""Which formats are read, how each begins, and the names of some that are not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..errors import UnknownFormatError


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read.

    `share` is how much of the allowed pixels its decoder can take in the allowed time and memory,
    `most_bytes` how much compressed data. `bench/photos.py` measures both.
    """

    name: str
    """As Pillow calls it, but for HEIF, which Pillow does not know."""
    media_type: str
    share: float = 1.0
    most_bytes: int = 50_000_000


JPEG: Final = Format("JPEG", "image/jpeg")
PNG: Final = Format("PNG", "image/png")
WEBP: Final = Format("WEBP", "image/webp")
GIF: Final = Format("GIF", "image/gif")
BMP: Final = Format("BMP", "image/bmp")
TIFF: Final = Format("TIFF", "image/tiff")
AVIF: Final = Format("AVIF", "image/avif", most_bytes=25_000_000)
HEIF: Final = Format("HEIF", "image/heic", most_bytes=25_000_000)
JPEG2000: Final = Format("JPEG2000", "image/jp2", share=0.6, most_bytes=15_000_000)
PPM: Final = Format("PPM", "image/x-portable-anymap")
ICO: Final = Format("ICO", "image/x-icon")
QOI: Final = Format("QOI", "image/qoi")

SIGNATURES: Final[tuple[tuple[bytes, Format], ...]] = (
    (rb"\xff\xd8\xff", JPEG),
    (rb"\x89PNG\r\n\x1a\n", PNG),
    (rb"RIFF....WEBP", WEBP),
    (rb"GIF8[79]a", GIF),
    (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", BMP),
    (rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]", TIFF),
    (rb"\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51", JPEG2000),
    (rb"P[1-6f][\s#]", PPM),
    (rb"\0\0\x01\0[^\0]\0|\0\0\x01\0.[^\0]", ICO),
    (rb"qoif", QOI),
)

AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
HEIF_BRANDS: Final = frozenset(
    b"heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf".split()
)

OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (rb"FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR|FOVb|\0MRM|....ftypcrx ", "camera raw"),
    (rb"\xff\x0a|\0\0\0\x0cJXL ", "JPEG XL"),
    (rb"II\xbc\x01", "JPEG XR"),
    (rb"8BP[SB]", "a Photoshop file"),
    (rb"gimp xcf", "a GIMP file"),
    (rb"\x0a[\0-\x05]\x01[\x01\x02\x04\x08]", "PCX"),
    (rb"v/1\x01", "OpenEXR"),
    (rb"#\?R", "Radiance HDR"),
    (rb"DDS ", "a DDS texture"),
    (rb"\0\0\x02\0[^\0]\0", "a Windows cursor"),
    (rb"icns", "a macOS icon"),
    (rb".{128}DICM", "DICOM"),
    (rb"P7\s", "PAM"),
    (rb"%PDF", "PDF"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "PostScript"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb"\x1f\x8b|BZh|7z\xbc\xaf|\xfd7zXZ|Rar!", "a compressed archive"),
    (rb"....(ftyp|moov|mdat|wide)|\x1aE\xdf\xa3|RIFF....AVI ", "a video"),
    (
        rb"[\s\xef\xbb\xbf]*+(?><\?xml.*?\?>\s*)?+"
        rb"(?>(?:<!--.*?-->|<![^\[>]*+(?:\[.*?\]\s*)?+>)\s*)*+<svg\b",
        "SVG",
    ),
)
"""How some formats begin that are no photo, or that no decoder here reads. Repetitions are
possessive, so that no file takes long."""


def sniff(data: bytes) -> Format | None:
    """The format that `data` begins like, None where it is none that is read."""
    if data[4:8] == b"ftyp":
        return _container(data)
    return next((found for begin, found in SIGNATURES if _begins(begin, data)), None)


def recognise(data: bytes) -> Format:
    """As `sniff`. Raises `UnknownFormatError`, which names the format where that is known."""
    found = sniff(data)
    if found is None:
        raise unknown(other(data))
    return found


def other(data: bytes) -> str | None:
    """The name of a format that is not read, None where it has no signature that is known."""
    return next((name for begin, name in OTHERS if _begins(begin, data)), None)


def unknown(name: str | None) -> UnknownFormatError:
    """The error for a file in the format `name`, or in none that is known."""
    advice = "send a JPEG, PNG or WebP file"
    if name is None:
        return UnknownFormatError(f"This is no image in a supported format: {advice}.")
    if name == "camera raw":
        advice = "export the photo as JPEG and send that"
    return UnknownFormatError(f"This is {name}, which is not supported: {advice}.")


def unsupported(name: str) -> UnknownFormatError:
    """The error for a healthy file in the format `name`, of a kind that no decoder here reads."""
    return UnknownFormatError(
        f"This kind of {name} is not supported: save the photo as JPEG or PNG and send that."
    )


def _begins(pattern: bytes, data: bytes) -> bool:
    return re.match(pattern, data[:4096], re.DOTALL) is not None


def _container(data: bytes) -> Format | None:
    """AVIF and HEIF share a container, and often the major brand: any brand may tell them apart."""
    brands = set(_brands(data))
    if brands & AVIF_BRANDS:
        return AVIF
    return HEIF if brands & HEIF_BRANDS else None


def _brands(data: bytes) -> Iterator[bytes]:
    yield data[8:12]
    for at in range(16, min(int.from_bytes(data[:4], "big"), 256), 4):
        yield data[at : at + 4]
