"""Pillow's plugin of each format, imported when the first such photo comes.

They are called directly: `Image.open` would try one after the other, and would refuse on its own
terms what `bounds` allows on the caller's machine.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, TypeAlias

# Named here, as most photos need one of them. What encodes line art needs them registered, too.
from PIL import Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from . import formats
from .bounds import BLOCK, SCAN_BLOCK, BoundedFile, Deadline, ShortReads
from .formats import Format

Plugin: TypeAlias = Callable[[io.BytesIO], ImageFile.ImageFile]
"""Reads the header of an image file, or raises whatever a broken one led it to."""


class _Jpeg(JpegImagePlugin.JpegImageFile):
    def _read_dpi_from_exif(self) -> None:
        """Nobody asks for the resolution, and a wrong tag in EXIF must not end the reading."""


SCAN, END = b"\xff\xda", b"\xff\xd9"
"""How a scan of a JPEG begins, and what comes after the last."""

MODULES = {
    formats.GIF: "GifImagePlugin.GifImageFile",
    formats.BMP: "BmpImagePlugin.BmpImageFile",
    formats.AVIF: "AvifImagePlugin.AvifImageFile",
    formats.JPEG2000: "Jpeg2KImagePlugin.Jpeg2KImageFile",
    formats.PPM: "PpmImagePlugin.PpmImageFile",
    formats.ICO: "IcoImagePlugin.IcoImageFile",
    formats.QOI: "QoiImagePlugin.QoiImageFile",
}


@cache
def _plugin(form: Format) -> Plugin:
    if form is formats.JPEG:
        return _Jpeg
    if form is formats.PNG:
        return PngImagePlugin.PngImageFile
    if form is formats.WEBP:
        return WebPImagePlugin.WebPImageFile
    if form is formats.TIFF:
        return _tiff()
    module, _, name = MODULES[form].partition(".")
    plugin: Plugin = getattr(import_module(f"PIL.{module}"), name)
    return plugin


def _tiff() -> Plugin:
    from PIL.TiffImagePlugin import TiffImageFile

    class _Tiff(TiffImageFile):
        def load_prepare(self) -> None:
            """Makes room for the image: how large it may be is for `bounds` to say."""
            if self._im is None:
                self.im = Image.new(self.mode, self._tile_size, None).im
            ImageFile.ImageFile.load_prepare(self)

        def load_end(self) -> None:
            """Leaves the image as stored: Pillow would look at every other tag of EXIF first."""
            self._size = self._tile_size

    return _Tiff


def prepare(form: Format) -> None:
    """Imports what reads the format."""
    if form is formats.HEIF:
        import_module("pi_heif")
    else:
        _plugin(form)


def _scans(data: bytes) -> int:
    """How many scans a JPEG has, without those of the images inside its headers or behind it."""
    at = 2
    while data[at : at + 1] == b"\xff" and data[at + 1 : at + 2] != SCAN[1:]:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    end = data.find(END, at)
    return data.count(SCAN, at, len(data) if end < 0 else end)


def read_header(form: Format, data: bytes, deadline: Deadline) -> Any:
    """The image in `data`, of the format `form`, with its pixels to be loaded."""
    file: io.BytesIO
    if form is formats.JPEG2000:
        file = io.BytesIO(data)  # its decoder would hide what is raised while it reads
    elif form is formats.PPM:
        file = ShortReads(data, deadline)
    else:
        file = BoundedFile(data, deadline)
    image = _plugin(form)(file)
    if "progressive" in image.info or (form is formats.JPEG and _scans(data) > 1):
        image.decodermaxblock = SCAN_BLOCK
    elif form is not formats.JPEG:  # what libjpeg finds damaged depends on how much it is given
        image.decodermaxblock = BLOCK
    return image
