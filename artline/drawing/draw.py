"""Photos to line art in this process: no service, no network."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, Unpack

from ..errors import MissingExtraError
from ..options import Options, RequestOptions
from ..photo.bounds import LOCAL
from ..photo.source import PhotoSource, load
from ..version import MODEL
from .art import LineArt

try:
    from . import model as runtime
except ModuleNotFoundError as error:
    raise MissingExtraError(
        "Drawing on this machine needs one more package: pip install 'artline[draw]'"
    ) from error
from .transform import Timings, transform

Provider: TypeAlias = str | tuple[str, Mapping[str, Any]]
"""An execution provider of ONNX Runtime: its name, or its name and its options."""


class Model(runtime.Model):
    """A model file, loaded once and kept, for many photos. Safe to share between threads.

    `path` is by default the model that comes with the package. `providers` are ONNX Runtime's, in
    the order of preference, by default the CPU's; others come with other builds of onnxruntime.
    `threads` is how many cores one photo may use, 0 for all. Raises `ModelError`.

    >>> model = artline.Model("my-model.onnx", threads=4)
    >>> model.draw("photo.jpg", max_side=2048, format="png").save("out")
    PosixPath('out/20261123101500.png')
    """

    def __init__(
        self,
        path: str | os.PathLike[str] = MODEL,
        *,
        providers: Sequence[Provider] | None = None,
        threads: int = 1,
    ) -> None:
        super().__init__(Path(path), threads=threads, providers=providers)

    def draw(self, photo: PhotoSource, **options: Unpack[RequestOptions]) -> LineArt:
        """Draws `photo` as line art, by the same options as the service.

        `photo` is a path, an image file's bytes, an open file, a Pillow image, or a uint8 array of
        `[H, W]`, `[H, W, 3]` RGB or `[H, W, 4]` RGBA. Raises `OptionError` and `PhotoError`.
        """
        chosen = Options.read(options, self)
        timings = Timings()
        data = transform(load(photo), self, chosen, timings, LOCAL)
        return LineArt(data, chosen.media_type, timings.steps, f"{self.name}/{self.version}")


def draw(photo: PhotoSource, **options: Unpack[RequestOptions]) -> LineArt:
    """Draws `photo` as line art, with the model that comes with the package.

    The options, the line art and the errors are those of the service: see `Model.draw`.

    >>> art = artline.draw("photo.jpg", max_side=512)
    >>> art.save("art.jpg")                 # or art.data, art.image, art.array
    PosixPath('art.jpg')
    """
    return _default().draw(photo, **options)


@cache
def _default() -> Model:
    return Model()
