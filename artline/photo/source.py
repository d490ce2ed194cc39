"""What a caller may give as a photo, made into an image file's bytes or an image of Pillow's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from PIL import Image

from ..errors import (
    DamagedPhotoError,
    PhotoError,
    PhotoTooLargeError,
    UnknownFormatError,
    reason,
)


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self) -> bytes:
        """All that is left of it."""


class Array(Protocol):
    """An array of numpy's, or of another library that numpy reads."""

    @property
    def __array_interface__(self) -> dict[str, Any]:
        """Where its numbers are."""


PhotoSource: TypeAlias = (
    bytes | bytearray | memoryview | str | os.PathLike[str] | Readable | Image.Image | Array
)
"""A path, an image file's bytes, an open file, a Pillow image, or a uint8 array of `[H, W]`,
`[H, W, 1]`, `[H, W, 3]` RGB or `[H, W, 4]` RGBA."""

CHANNELS = (1, 3, 4)

FILE_BYTES = 4 << 30
"""More than any photo that a decoder here takes: the most that is read of a file."""

TOO_LARGE = "The file is too large for a photo."

TEXT = "The file is open as text: open it with mode 'rb'."


def load(source: PhotoSource) -> bytes | Image.Image:
    """The bytes of an image file, or the image that `source` is. Raises `PhotoError`."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    if isinstance(source, str | os.PathLike):
        return _read(source)
    if isinstance(source, Image.Image):
        return source
    if hasattr(source, "__array_interface__"):
        import numpy as np

        return _image(np.asarray(source))
    if hasattr(source, "read"):
        return _drain(source)
    raise UnknownFormatError(
        "A photo is a path, bytes, an open file, a Pillow image or an array, not"
        f" {type(source).__name__}."
    )


def read_file(path: str | os.PathLike[str]) -> bytes:
    """The file's bytes. Raises `PhotoTooLargeError`, `OSError` and `ValueError`."""
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size > FILE_BYTES:
            raise PhotoTooLargeError(TOO_LARGE)
        try:
            return file.read()
        except MemoryError as error:
            raise PhotoTooLargeError(TOO_LARGE) from error


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        raise PhotoError(f"{os.fspath(path)} cannot be read: {reason(error)}") from error


def _drain(file: Readable) -> bytes:
    try:
        data: object = file.read()
    except UnicodeDecodeError as error:
        raise UnknownFormatError(TEXT) from error
    except MemoryError as error:
        raise PhotoTooLargeError(TOO_LARGE) from error
    except Exception as error:  # files of every kind raise anything, as archives that are damaged
        raise PhotoError(f"The file cannot be read: {reason(error)}") from error
    if not isinstance(data, bytes | bytearray | memoryview):
        raise UnknownFormatError(TEXT)
    return bytes(data)


def _image(array: Any) -> Image.Image:
    shape: tuple[int, ...] = getattr(array, "shape", ())
    if str(getattr(array, "dtype", "")) != "uint8" or not (
        len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS)
    ):
        raise UnknownFormatError(
            "An array is a photo where it is uint8 of shape [H, W], [H, W, 1], [H, W, 3] or"
            f" [H, W, 4], not {getattr(array, 'dtype', '?')} of {list(shape)}."
        )
    if 0 in shape:
        raise DamagedPhotoError("The array has no pixels.")
    return Image.fromarray(array[..., 0] if shape[2:] == (1,) else array)
