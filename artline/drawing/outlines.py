"""Line art as an SVG image: the outlines of the ink, found between the pixels.

The outline runs where the grey line art, interpolated between the pixels' centres, is half black.
It is simplified to a tenth of a pixel and written in steps of that size. Straight segments were
measured against quadratic splines (bench/RESULTS.md): for the same agreement with the raster, the
splines' file is larger.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from contourpy import LineType, contour_generator

from ..photo.reader import Pixels

Points = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

HALF: Final = 127.5
"""The grey level at which ink begins."""

TOLERANCE: Final = 0.1
"""How far, in pixels, a simplified outline may be from the outline."""

STEPS: Final = 10
"""Units of the SVG's coordinates in a pixel."""


def svg(art: Pixels) -> bytes:
    """Line art, uint8 `[H, W, 1 or 3]`, as an SVG image: black on a transparent background.

    It has one path, no script, no style and no reference, and the raster's size.
    """
    height, width = art.shape[:2]
    grey = art.mean(axis=2, dtype=np.float32)
    path = _path(*outlines(grey))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width * STEPS} {height * STEPS}">'
        f'<path fill-rule="evenodd" d="{path}"/></svg>'
    ).encode()


def outlines(grey: npt.NDArray[np.float32]) -> tuple[Points, Indices]:
    """The closed outlines of the ink in grey line art `[H, W]`, simplified.

    Gives their points (x, y) in pixels, and the offsets at which each begins; the last offset is
    where the last outline ends. An outline ends at its first point.
    """
    return _simplified(*_contours(grey))


def _contours(grey: npt.NDArray[np.float32]) -> tuple[Points, Indices]:
    paper = np.pad(grey, 1, constant_values=255)  # so that each outline is closed
    lines: Any = contour_generator(z=paper, line_type=LineType.ChunkCombinedOffset).lines(HALF)
    (points,), (offsets,) = lines
    if points is None:
        return np.zeros((0, 2)), np.zeros(1, np.intp)
    # A pixel's centre is half a pixel from its corner, and the margin is one pixel wide.
    return points - 0.5, offsets.astype(np.intp)


def _simplified(points: Points, offsets: Indices) -> tuple[Points, Indices]:
    """The outlines with as few of their points as `TOLERANCE` allows.

    This is the algorithm of Ramer (1972) and Douglas and Peucker (1973) on all segments at once: in
    each round, every segment is split at its farthest point, until none is too far.
    """
    if not len(points):
        return points, offsets
    kept = np.zeros(len(points), bool)
    kept[offsets[:-1]] = kept[offsets[1:] - 1] = True
    kept[_farthest(np.hypot(*(points - _spread(points[offsets[:-1]], offsets)).T), offsets)] = True
    ends = np.flatnonzero(kept)
    first, last = ends[:-1], ends[1:]
    while len(first):
        between = last - first > 1  # which leaves out the gap between two outlines
        first, last = first[between], last[between]
        if not len(first):
            break
        bounds = np.concatenate([[0], np.cumsum(last - first - 1)])
        inner = np.arange(bounds[-1]) + _spread(first + 1 - bounds[:-1], bounds)
        distance = _distance(points[inner], points[first], points[last], bounds)
        farthest = _farthest(distance, bounds)
        split = distance[farthest] > TOLERANCE
        middle = inner[farthest[split]]
        kept[middle] = True
        first = np.concatenate([first[split], middle])
        last = np.concatenate([middle, last[split]])
    return points[kept], np.concatenate([[0], np.cumsum(kept)])[offsets]


def _distance(points: Points, first: Points, last: Points, bounds: Indices) -> Points:
    """How far each point is from the line through the ends of its segment."""
    along = last - first
    length = np.hypot(along[:, 0], along[:, 1])
    along = along / np.maximum(length, 1e-9)[:, np.newaxis]
    offset, along = points - _spread(first, bounds), _spread(along, bounds)
    distance: Points = np.abs(offset[:, 0] * along[:, 1] - offset[:, 1] * along[:, 0])
    return distance


def _spread(values: npt.NDArray[Any], bounds: Indices) -> npt.NDArray[Any]:
    """A group's value for each of its members; group i is `bounds[i]` to `bounds[i + 1]`."""
    return np.repeat(values, np.diff(bounds), axis=0)


def _farthest(distance: Points, bounds: Indices) -> Indices:
    """The index of the first largest distance in each group. No group is empty."""
    largest = np.maximum.reduceat(distance, bounds[:-1])
    candidates = np.flatnonzero(distance == _spread(largest, bounds))
    group = np.searchsorted(bounds, candidates, side="right")
    return candidates[np.unique(group, return_index=True)[1]]


def _path(points: Points, offsets: Indices) -> str:
    """The outlines as the `d` of a path, in whole units."""
    units = np.rint(points * STEPS).astype(int)
    starts = units[offsets[:-1]].tolist()
    steps = [f"{x} {y}" for x, y in np.diff(units, axis=0).tolist()]
    outlines = []
    for (x, y), begin, end in zip(starts, offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        # The step that closes the outline is what z draws.
        moves = [step for step in steps[begin : end - 2] if step != "0 0"]
        if len(moves) > 1:
            outlines.append(f"M{x} {y}l{' '.join(moves)}z")
    return "".join(outlines).replace(" -", "-")
