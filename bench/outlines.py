"""SVG line art: what it costs, how large it is, and how well it agrees with the raster."""

import gzip
import io
import re
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import resvg_py
from PIL import Image

from artline import strokes
from artline.drawing.model import Model
from artline.drawing.outlines import svg
from artline.photo.reader import Pixels, decode
from artline.version import MODEL

from .report import ROOT, ms, table

T = TypeVar("T")
Ink = npt.NDArray[np.bool_]

SIDE = 1024
LARGER = 4
WIDTH_MM = 210.0

SPLINES = """Straight segments or splines, measured once (2026-11-25, the model of that day) on
face.jpg, enlarged to 1024 pixels: segments 37.9 KB gzipped, IoU 0.977 and 0.970 at four times the
size; quadratic splines through the same outline, written as smooth `t` commands, 39.7 KB, IoU 0.958
and 0.939. Segments are smaller and agree better, so the outlines are segments.
"""


def report() -> str:
    """The section of bench/RESULTS.md."""
    model = Model(MODEL)
    samples = sorted((ROOT / "samples").glob("*.jpg"))
    drawn = {path.stem: _drawn(path.read_bytes(), model) for path in samples}
    rows = [_outlines(name, *each) for name, each in drawn.items()]
    head = ["outlines", "model", "outlines", "gzip", "nodes", "IoU", f"IoU at {LARGER} times"]
    lines = [_strokes(name, art) for name, (art, _) in drawn.items()]
    traced = ["strokes", "time", "gzip", "strokes", "pen travel", "in the order traced"]
    return (
        "## Outlines and strokes\n\n"
        f"Of line art of {SIDE} pixels, or the photo's side; times are CPU time.\n\n"
        f"{table(head, rows)}\n\n{SPLINES}\n{table(traced, lines)}\n"
    )


def _drawn(photo: bytes, model: Model) -> tuple[Pixels, float]:
    """The line art, and the seconds that the model takes for it."""
    pixels = decode(photo, (SIDE, SIDE))
    model.run(pixels)
    return _timed(lambda: model.run(pixels))


def _outlines(name: str, art: Pixels, seconds: float) -> list[str]:
    image, spent = _timed(lambda: svg(art))
    height, width = art.shape[:2]
    grey = Image.fromarray(art[..., 0])
    large = grey.resize((LARGER * width, LARGER * height), Image.Resampling.BILINEAR)
    agreements = [
        _agreement(_rendered(image, *each.size), np.asarray(each) < 128) for each in (grey, large)
    ]
    nodes = len(re.findall(rb"-?\d+", image.partition(b' d="')[2])) // 2
    return [
        f"{name}, {width} x {height}",
        ms(seconds),
        ms(spent),
        f"{len(gzip.compress(image)) / 1000:.1f} KB",
        f"{nodes:,}",
        *(f"{each:.3f}" for each in agreements),
    ]


def _strokes(name: str, art: Pixels) -> list[str]:
    scale = art.shape[1] / WIDTH_MM
    traced, spent = _timed(lambda: strokes.trace(art, scale=scale))
    image = strokes.svg(art, width_mm=WIDTH_MM)
    travels = (strokes.travel(strokes.ordered(traced)), strokes.travel(traced))
    return [
        name,
        ms(spent),
        f"{len(gzip.compress(image)) / 1000:.1f} KB",
        f"{len(traced):,}",
        *(f"{each / scale / 1000:.1f} m" for each in travels),
    ]


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    """What `work` gives, and the CPU seconds of its fastest of three runs."""
    spent = []
    for _ in range(3):
        start = time.process_time()
        result = work()
        spent.append(time.process_time() - start)
    return result, min(spent)


def _rendered(image: bytes, width: int, height: int) -> Ink:
    png = resvg_py.svg_to_bytes(
        svg_string=image.decode(), width=width, height=height, background="white"
    )
    return np.asarray(Image.open(io.BytesIO(bytes(png))).convert("L")) < 128


def _agreement(one: Ink, other: Ink) -> float:
    """Intersection over union; two blank sheets agree."""
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0
