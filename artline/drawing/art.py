"""Line art as the library gives it."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from .save import save


@dataclass(frozen=True, slots=True)
class LineArt:
    """An image file's bytes and media type, and how it was made.

    `timings` are the service's own, in milliseconds: decode, inference, encode. `model` is a name
    and version. A job's result carries neither.
    """

    data: bytes = field(repr=False)
    content_type: str
    timings: Mapping[str, float] = field(default_factory=dict)
    model: str | None = None
    cold: bool = False

    @property
    def image(self) -> Image.Image:
        """The drawing as a Pillow image."""
        return Image.open(io.BytesIO(self.data))

    def save(self, directory: str | Path = ".") -> Path:
        """Saves it in `directory` as `yyyyMMddHHmmss.jpg` or the like, and says where.

        Never over another file: the second of one second is `yyyyMMddHHmmss-1.jpg`.
        """
        return save(self.data, self.content_type, Path(directory))
