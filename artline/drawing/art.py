"""Line art as the library and the client give it."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from ..errors import SaveError, UnknownFormatError, reason
from ..options import MEDIA_TYPES
from .save import FILE_SUFFIXES, OTHER_SUFFIXES, save, save_as

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

EXISTS: Final = "{} exists already: delete it, or choose another name"


@dataclass(frozen=True, slots=True)
class LineArt:
    """An image file's bytes and media type, and how it was made.

    `timings` are in milliseconds: decode, inference, encode. `model` is a name and version. `cold`
    says whether an execution environment was started for it. A job's result carries none of them.
    """

    data: bytes = field(repr=False)
    content_type: str
    timings: Mapping[str, float] = field(default_factory=dict, hash=False)
    model: str | None = None
    cold: bool = False

    def __bytes__(self) -> bytes:
        return self.data

    @property
    def image(self) -> Image.Image:
        """The line art as a Pillow image. Raises `UnknownFormatError` for SVG: it has no pixels."""
        if self.content_type == MEDIA_TYPES["svg"]:
            raise UnknownFormatError("SVG has no pixels: draw in another format for them.")
        return Image.open(io.BytesIO(self.data))

    @property
    def array(self) -> npt.NDArray[np.uint8]:
        """The line art as uint8 `[H, W]` where it is grey, `[H, W, 3]` or `[H, W, 4]` if not.

        WebP has no grey: it gives `[H, W, 3]`, or `[H, W, 4]` without a background.
        Raises `UnknownFormatError` for SVG.
        """
        import numpy as np

        image = self.image
        return np.asarray(image.convert("RGBA") if image.mode == "LA" else image)

    def save(self, to: str | os.PathLike[str] = ".") -> Path:
        """Saves it, never over another file, and says where.

        A name that ends in `.jpg`, `.png`, `.webp` or `.svg` is the file's, and one that ends as
        another kind of image does is refused. Any other name is a directory's, and the file in it
        is `yyyyMMddHHmmss.jpg` or the like; the second one of a second is `yyyyMMddHHmmss-1.jpg`.
        Raises `SaveError`.

        >>> artline.draw("photo.jpg").save("out")
        PosixPath('out/20261123101500.jpg')
        """
        path = Path(to)
        try:
            if names_another_format(path):
                raise SaveError(
                    f"line art is saved as {', '.join(FILE_SUFFIXES)}, not as {path.suffix.lower()}"
                )
            if not names_a_file(path):
                return save(self.data, self.content_type, path)
            if FILE_SUFFIXES[path.suffix.lower()] != self.content_type:
                raise SaveError(
                    f"{path} has the wrong suffix for {self.content_type}: choose another format or"
                    " another name"
                )
            return save_as(self.data, path)
        except FileExistsError as error:
            raise SaveError(EXISTS.format(path)) from error
        except (OSError, ValueError) as error:
            raise SaveError(f"{path} cannot be written: {reason(error)}") from error


def names_a_file(path: Path) -> bool:
    """Whether line art that is saved to `path` is to be that file, not one in that directory."""
    return path.suffix.lower() in FILE_SUFFIXES and not is_directory(path)


def names_another_format(path: Path) -> bool:
    """Whether `path` names an image file of a format that line art is not saved in."""
    return path.suffix.lower() in OTHER_SUFFIXES and not is_directory(path)


def is_directory(path: Path) -> bool:
    """Whether there is a directory at `path`, which may be too long to be any file's."""
    try:
        return path.is_dir()
    except OSError:
        return False
