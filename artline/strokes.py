"""Line art as single strokes, for plotters, engravers and cutters: the centre of every line.

AutoTrace finds the centre lines (the extra `plot`). Black areas have none: they become outlines or
hatching. Needs no network, and is no part of the service: AutoTrace is under the GPL.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from .errors import MissingExtraError

NEEDED: Final = "Strokes need one more package: pip install 'artline[plot]'"

try:
    from .drawing.outlines import outlines
except ModuleNotFoundError as error:
    raise MissingExtraError(NEEDED) from error

if TYPE_CHECKING:
    from autotrace import Bitmap

Pixels: TypeAlias = npt.NDArray[np.uint8]
Mask: TypeAlias = npt.NDArray[np.bool_]
Point: TypeAlias = tuple[float, float]
Blacks: TypeAlias = Literal["outline", "hatch"]

WIDEST_LINE: Final = 0.012
"""The widest line, as a share of the longer side; what is wider is a black area."""

PEN_MM: Final = 0.3
"""The width in which strokes are shown, and the shortest stroke that is drawn, in millimetres."""

MARGIN: Final = 1
"""Pixels of paper around what is traced."""

HATCH_MM: Final = 0.7
"""The distance between the lines of a hatching, in millimetres."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One movement of the pen: where it begins, and cubic Bézier curves of three points each."""

    start: Point
    curves: tuple[tuple[Point, Point, Point], ...]

    @property
    def end(self) -> Point:
        return self.curves[-1][2]

    def reversed(self) -> Stroke:
        """The same line, drawn from its end."""
        points = [self.start, *(point for curve in self.curves for point in curve)][::-1]
        curves = zip(points[1::3], points[2::3], points[3::3], strict=True)
        return Stroke(points[0], tuple(curves))


def svg(art: Pixels, *, width_mm: float = 210.0, blacks: Blacks = "outline") -> bytes:
    """Line art, uint8 `[H, W, 1 or 3]`, as an SVG image of strokes, `width_mm` millimetres wide.

    Every stroke is a path. Their order keeps the pen's travel between them short. Raises
    `MissingExtraError` without AutoTrace.
    """
    height, width = art.shape[:2]
    scale = width / width_mm  # pixels in a millimetre
    strokes = ordered(trace(art, scale=scale, blacks=blacks))
    paths = "".join(f'<path d="{_path(stroke)}"/>' for stroke in strokes)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width_mm:g}mm"'
        f' height="{width_mm * height / width:.6g}mm" viewBox="0 0 {width} {height}">'
        f'<g fill="none" stroke="black" stroke-width="{PEN_MM * scale:.3g}"'
        f' stroke-linecap="round" stroke-linejoin="round">{paths}</g></svg>'
    ).encode()


def trace(art: Pixels, *, scale: float, blacks: Blacks = "outline") -> list[Stroke]:
    """The strokes of line art, in pixels; `scale` is how many pixels a millimetre has."""
    grey = art.mean(axis=2, dtype=np.float32)
    ink = grey < 128
    area = _areas(ink)
    strokes = list(_centre_lines(ink & ~area))
    if blacks == "hatch":
        strokes += _hatching(ink & area, HATCH_MM * scale)
    else:
        strokes += _borders(np.where(area, grey, 255))
    return [stroke for stroke in strokes if _extent(stroke) >= PEN_MM * scale]


def ordered(strokes: Iterable[Stroke]) -> list[Stroke]:
    """`strokes`, each after the one that ends nearest to it, some of them reversed."""
    left = list(strokes)
    if not left:
        return left
    ends = np.array([[stroke.start, stroke.end] for stroke in left])
    open_ = np.ones(len(left), bool)
    pen, found = np.zeros(2), []
    for _ in left:
        distance = np.where(open_[:, np.newaxis], np.hypot(*(ends - pen).T).T, np.inf)
        nearest, end = np.unravel_index(int(distance.argmin()), distance.shape)
        open_[nearest] = False
        stroke = left[nearest].reversed() if end else left[nearest]
        found.append(stroke)
        pen = np.array(stroke.end)
    return found


def travel(strokes: Iterable[Stroke]) -> float:
    """How far the pen moves without drawing, from the corner on, in pixels."""
    pen, total = (0.0, 0.0), 0.0
    for stroke in strokes:
        total += math.dist(pen, stroke.start)
        pen = stroke.end
    return total


def _areas(ink: Mask) -> Mask:
    """Where the ink is wider than a line, and a pixel around it."""
    size = 2 * max(2, round(WIDEST_LINE * max(ink.shape) / 2)) + 1
    eroded = Image.fromarray(ink).convert("L").filter(ImageFilter.MinFilter(size))
    return np.asarray(eroded.filter(ImageFilter.MaxFilter(size + 2))) > 0


def tracer() -> type[Bitmap]:
    """AutoTrace's bitmap, which traces itself. Raises `MissingExtraError`."""
    try:
        from autotrace import Bitmap
    except ImportError as error:
        raise MissingExtraError(NEEDED) from error
    return Bitmap


def _centre_lines(ink: Mask) -> Iterator[Stroke]:
    bitmap = tracer()
    if not ink.any():
        return
    ink = np.pad(ink, MARGIN)  # AutoTrace loses lines along the left border
    height = ink.shape[0]
    pixels = np.repeat(np.where(ink, 0, 255).astype(np.uint8)[..., np.newaxis], 3, axis=2)
    traced = bitmap(pixels).trace(centerline=True, background_color=(255, 255, 255))
    for path in traced.paths:
        # AutoTrace counts whole pixels, upwards from the last row; lines run through their centres.
        curves = [
            [(point.x + 0.5 - MARGIN, height - 0.5 - point.y - MARGIN) for point in each.points]
            for each in path.splines
        ]
        if curves:
            yield Stroke(curves[0][0], tuple((b, c, d) for _, b, c, d in curves))


def _borders(grey: npt.NDArray[np.float32]) -> Iterator[Stroke]:
    points, offsets = outlines(grey)
    for begin, end in pairwise(offsets):
        yield _straight([tuple(point) for point in points[begin:end].tolist()])


def _hatching(black: Mask, pitch: float) -> Iterator[Stroke]:
    """Lines at 45 degrees, `pitch` pixels apart, wherever it is black."""
    height, width = black.shape
    for offset in np.arange(-height, width, max(pitch, 1.0) * math.sqrt(2)):
        rows = np.arange(height)
        columns = np.rint(offset + rows).astype(int)
        inside = (columns >= 0) & (columns < width)
        rows, columns = rows[inside], columns[inside]
        on = np.concatenate([[False], black[rows, columns], [False]])
        edges = np.flatnonzero(on[1:] != on[:-1])
        for begin, end in zip(edges[::2], edges[1::2] - 1, strict=True):
            corners = [(columns[i] + 0.5, rows[i] + 0.5) for i in (begin, end)]
            yield _straight([(float(x), float(y)) for x, y in corners])


def _straight(points: list[Point]) -> Stroke:
    """A polyline, as curves whose control points are at their ends."""
    return Stroke(points[0], tuple((a, b, b) for a, b in pairwise(points)))


def _extent(stroke: Stroke) -> float:
    """The longer side of the box around the stroke's points."""
    points = np.array([stroke.start, *(point for curve in stroke.curves for point in curve)])
    return float(np.ptp(points, axis=0).max())


def _path(stroke: Stroke) -> str:
    """The `d` of a path; a curve whose control points are its ends is a line."""
    parts, pen = [f"M{_at(stroke.start)}"], stroke.start
    for first, second, end in stroke.curves:
        straight = first == pen and second == end
        parts.append(f"L{_at(end)}" if straight else f"C{_at(first)} {_at(second)} {_at(end)}")
        pen = end
    return "".join(parts)


def _at(point: Point) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
