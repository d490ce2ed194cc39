"""HEIC and HEIF, which Pillow does not read: libheif's decoder, imported for such a file only."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from .formats import unsupported


class HeifPhoto:
    """The primary image. libheif has turned it upright as the container says, as browsers do."""

    def __init__(self, data: bytes) -> None:
        from pi_heif import HeifFile  # type: ignore[import-untyped]

        try:
            file = HeifFile(io.BytesIO(data), remove_stride=False)
        except (RuntimeError, ValueError) as error:
            if "nsupported" in str(error):
                raise unsupported("HEIF") from error
            raise
        self._image: Any = file[file.primary_index]
        self.size: tuple[int, int] = self._image.size

    def load(self) -> Image.Image:
        """Decodes it. Raises whatever the decoder does where the file is damaged."""
        image = self._image
        data = image.data
        return Image.frombytes(image.mode, image.size, data, "raw", image.mode, image.stride)
