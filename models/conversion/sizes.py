"""Photos of every size: the smallest side that a model file draws, and proof that it draws all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
from PIL import Image

from artline.drawing.model import Model
from models.conversion.agreement import refused
from models.conversion.pickles import RefusedError
from models.conversion.source import refuse_lack_of_memory

LARGEST = 256  # pixels: a network that needs more than this at its smallest is refused
TRIED = ((1, 1), (1, 5000), (5000, 1), (4, 4), (10, 3000), (2, 3), (97, 31), (333, 500))


def set_smallest_side(path: Path) -> None:
    """Note `min_side` in a model file that does not draw photos as small as its `multiple`."""
    model = Model(path)
    if model.fixed_size is not None:
        return
    side = _smallest_side(path, model.multiple)
    if side > model.multiple:
        made = onnx.load(path)
        given = {each.key: each.value for each in made.metadata_props}
        onnx.helper.set_model_props(made, given | {"min_side": str(side)})
        onnx.save(made, path)


def _smallest_side(path: Path, multiple: int) -> int:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails here is what is being found out
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    too_small, count = 0, 1  # sides in multiples
    while not _draws(session, count * multiple):
        too_small, count = count, 2 * count
        if count * multiple > LARGEST:
            raise RefusedError(f"a network that draws no photo with a side under {LARGEST} pixels")
    while count - too_small > 1:
        middle = (too_small + count) // 2
        if _draws(session, middle * multiple):
            count = middle
        else:
            too_small = middle
    return count * multiple


def _draws(session: onnxruntime.InferenceSession, side: int) -> bool:
    """Whether photos of that side are drawn, beside one as long and one twice as long."""
    for size in ((side, side), (side, 2 * side), (2 * side, side)):
        try:
            (art,) = session.run(["art"], {"image": np.full((1, *size, 3), 128, np.uint8)})
        except Exception as error:  # the engine's own exceptions share no base class
            refuse_lack_of_memory(error, size)
            return False
        if art.shape[1:3] != size:
            return False
    return True


def try_all(path: Path) -> None:
    """Draw photos of unusual sizes with the runtime, shrunk as the service shrinks them.

    Raises `RefusedError` naming the size that it does not draw.
    """
    model = Model(path)
    for size in TRIED:
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        photo = Image.fromarray(pixels)
        photo.thumbnail(model.fit(model.default_side))
        with refused(pixels, "a model file"):  # whatever the service would answer 500 for
            for style in model.styles:
                model.run(np.asarray(photo), style)
