"""Measures line art as people see it: faces, tone, contours, strokes and empty paper.

A score is a number for one face or one photo; a metric is the mean of its scores. Ink is what is
darker than 128 unless said. All lengths are in pixels of the photo at its own size, at most 1024.
Metrics of ink are won by a page that is all black, so the guards are read beside them: ink on
cheeks and forehead, and ink on flat light paper.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.feature import canny
from skimage.metrics import structural_similarity
from skimage.morphology import skeletonize

from models.training import faces
from models.training.data import crisp
from models.training.faces import Face, Floats, Mask, People
from models.training.lessons import at_side
from models.training.packages import NO_FACES
from models.training.photos import ALIKE, fingerprint

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Pixels], Pixels]  # RGB [H, W, 3] to grey line art [H, W]
Scores = dict[str, list[float]]

LARGE, MEDIUM = 50.0, 20.0  # pixels between the eyes of a large face, and of a medium one
CONTOUR, SOME_EDGE = 0.55, 0.08  # edge probability of a strong contour, and of any
SPECK = 24  # pixels of a connected piece of ink: less is a speck
LEAST_INK = 0.003  # of the page
SIDES = (512, 2048)  # pixels of the longer side that stroke widths are compared at

ON_SKIN = "ink on cheeks and forehead (guard)"
# MediaPipe's mesh does not find the others by itself: small, turned away or half covered.
ON_PLAIN, ON_HARD = f"{ON_SKIN}, plain faces", f"{ON_SKIN}, hard ones"

GOALS = {
    "eye contour found, eyes ≥50 px apart": "≥0.92",
    "eye contour found, 20 to 50 px": "≥0.75",
    "lip contour found, ≥50 px": "≥0.83",
    "pupil ink, ≥50 px": "≥0.75",
    "brow ink, ≥50 px": "≥0.52",
    "tone correlation in the head": "≥0.75",
    ON_SKIN: "≤0.05",
    ON_PLAIN: "≤0.05",
    ON_HARD: "",
    "ink on flat light paper (guard)": "≤0.001",
    "strong contour found": "≥0.83",
    "stroke ends per 1000 px": "≤50",
    "specks per megapixel": "≤200",
    "mid-grey pixels": "≤0.04",
    "photos with less than 0.3 % ink": "0",
    "SSIM to the teacher (imitation)": "",
    "stroke width at 512 px, ‰ of the side": "",
    "stroke width at 2048 px, ‰ of the side": "within 1.6 times",
    "SSIM to its own line art: noise of 20": "≥0.93",
    "SSIM to its own line art: JPEG 30": "≥0.97",
    "SSIM to its own line art: darker": "≥0.92",
}
"""Every metric in the table's order, and what it must reach."""


@dataclass(frozen=True)
class Case:
    """A held-out photo and what is known of it, all at the photo's size."""

    name: str
    photo: Pixels  # RGB [H, W, 3]
    edge: Floats  # edge probability [H, W]
    people: People
    teacher: Pixels  # the teacher's line art [H, W]

    @property
    def grey(self) -> Floats:
        """The photo's lightness from 0 to 1, [H, W]."""
        return np.asarray(Image.fromarray(self.photo).convert("L"), np.float32) / np.float32(255)


def cases(build: Path) -> Iterator[Case]:
    """The held-out photos with a lesson in `build`, near-duplicates of earlier ones left out.

    Raises:
        FileNotFoundError: `build` holds no held-out lesson.

    """
    known: list[int] = []
    for path in sorted((build / "photos" / "held_out").glob("*.png")):
        lesson = build / "lessons" / "held_out" / f"{path.stem}.ink.png"
        picture = Image.open(path).convert("RGB")
        own = fingerprint(picture)
        if not lesson.exists() or any((own ^ other).bit_count() <= ALIKE for other in known):
            continue
        known.append(own)
        size = (picture.height, picture.width)
        edge = _grey(build / "edges" / "held_out" / path.name, picture.size)
        art = Image.open(lesson)
        scale = max(picture.size) / max(art.size)
        drawn = np.array(art.resize(picture.size, Image.Resampling.BICUBIC))
        yield Case(
            path.stem,
            np.array(picture),
            edge.astype(np.float32) / np.float32(255),
            faces.read(path, size, trusted=path.stem not in NO_FACES),
            drawn if scale >= 1 else crisp(torch.from_numpy(drawn), scale).numpy(),
        )
    if not known:
        raise FileNotFoundError(f"{build} holds no held-out lessons: python -m models photos")


def _grey(path: Path, size: tuple[int, int]) -> Pixels:
    return np.array(Image.open(path).convert("L").resize(size, Image.Resampling.BICUBIC))


def xdog(photo: Pixels) -> Pixels:
    """XDoG of RGB [H, W, 3] (Winnemöller, Kyprianidis & Olsen 2012), grey [H, W]."""
    grey = np.asarray(Image.fromarray(photo).convert("L"), np.float32) / 255
    inner, outer = (ndimage.gaussian_filter(grey, sigma) for sigma in (0.9, 0.9 * 1.6))
    sharp = inner + 19 * (inner - outer)
    soft = np.where(sharp >= 0.5, 1, 1 + np.tanh(10 * (sharp - 0.5)))
    return (soft * 255).round().astype(np.uint8)


def canny_edges(photo: Pixels) -> Pixels:
    """Canny's edges of RGB [H, W, 3], black on white, [H, W]."""
    grey = np.asarray(Image.fromarray(photo).convert("L"), np.float32) / 255
    return np.where(canny(grey, sigma=1.5), 0, 255).astype(np.uint8)


def found(points: Floats, away: Floats, within: float) -> float:
    """Share of the points along a closed contour [N, 2] with ink `within` pixels."""
    steps = np.linspace(0, 1, 8, endpoint=False)[:, None, None]
    dense = (points * (1 - steps) + np.roll(points, -1, 0) * steps).reshape(-1, 2)
    x, y = np.clip(np.rint(dense).astype(int), 0, [away.shape[1] - 1, away.shape[0] - 1]).T
    return float((away[y, x] <= within).mean())


def inside(ink: Mask, area: Mask) -> float:
    """Share of an area that is ink; of an empty area, not a number."""
    return float(ink[area].mean()) if area.any() else float("nan")


def disc(ink: Mask, centre: Floats, radius: float) -> Mask:
    """The pixels within `radius` of a point, at least the one under it."""
    rows, columns = np.mgrid[: ink.shape[0], : ink.shape[1]]
    return np.asarray(np.hypot(columns - centre[0], rows - centre[1]) <= max(0.75, radius))


def tone(art: Mask, grey: Floats, face: Face) -> float:
    """Correlation of ink and dark in the head, both blurred; not a number where one is even."""
    x, y = face.middle
    q = face.eyes
    left, top = max(0, round(x - 2.5 * q)), max(0, round(y - 2.8 * q))
    window = np.s_[top : round(y + 2.8 * q) + 1, left : round(x + 2.5 * q) + 1]
    paper, light = (
        ndimage.gaussian_filter(part[window].astype(np.float32), 0.12 * q) for part in (~art, grey)
    )
    rows, columns = np.mgrid[: light.shape[0], : light.shape[1]]
    head = ((columns + left - x) / (1.9 * q)) ** 2 + ((rows + top - y) / (2.2 * q)) ** 2 <= 1
    if paper[head].std() < 1e-4 or light[head].std() < 1e-4:
        return 0.0
    return float(np.corrcoef(paper[head], light[head])[0, 1])


def of_face(ink: Mask, away: Floats, grey: Floats, face: Face) -> dict[str, float]:
    """The scores of one face: of a small one, tone and bare skin alone."""
    q, mesh = face.eyes, face.mesh
    within = max(1.5, 0.04 * q)
    bare = np.any([faces.polygon(mesh[list(ring)], ink.shape) for ring in faces.BARE], 0)
    on_skin = inside(ink, bare)
    scores = {
        "tone correlation in the head": tone(ink, grey, face),
        ON_SKIN: on_skin,
        ON_PLAIN if face.plain else ON_HARD: on_skin,
    }
    eyes = float(np.mean([found(mesh[list(ring)], away, within) for ring in faces.EYES]))
    if MEDIUM <= q < LARGE:
        scores["eye contour found, 20 to 50 px"] = eyes
    if q < LARGE:
        return scores
    pupils = [disc(ink, centre, radius / 2) for centre, radius in map(face.iris, (0, 1))]
    brows = [faces.polygon(mesh[list(brow)], ink.shape) for brow in faces.BROWS]
    return scores | {
        "eye contour found, eyes ≥50 px apart": eyes,
        "lip contour found, ≥50 px": found(mesh[list(faces.LIPS)], away, within),
        "pupil ink, ≥50 px": float(np.mean([inside(ink, area) for area in pupils])),
        "brow ink, ≥50 px": float(np.mean([inside(ink, area) for area in brows])),
    }


def flat_paper(grey: Floats, edge: Floats) -> Mask:
    """Where the photo is light, even and far from any edge, [H, W]."""
    mean, square = (ndimage.gaussian_filter(each, 5) for each in (grey, grey * grey))
    even = np.sqrt(np.maximum(square - mean * mean, 0)) < 0.008
    near_edge = ndimage.maximum_filter(edge, 7) > SOME_EDGE
    return np.asarray(even & (grey > 0.45) & ~near_edge)


def ends(skeleton: Mask) -> float:
    """Ends of strokes per 1000 pixels of a skeleton."""
    neighbours = ndimage.convolve(skeleton.astype(np.uint8), np.ones((3, 3), np.uint8)) - 1
    return float(1000 * (skeleton & (neighbours == 1)).sum() / max(1, skeleton.sum()))


def specks(ink: Mask) -> float:
    """Connected pieces of ink under `SPECK` pixels, per megapixel."""
    pieces, _ = ndimage.label(ink, np.ones((3, 3)))
    return float(1e6 * (np.bincount(pieces.ravel())[1:] < SPECK).sum() / ink.size)


def stroke_width(ink: Mask) -> float:
    """The median width of the strokes in ‰ of the longer side; not a number without ink."""
    inner = ndimage.distance_transform_edt(ink)[skeletonize(ink)]
    return float(2000 * np.median(inner) / max(ink.shape)) if inner.size else float("nan")


def of_photo(art: Pixels, case: Case) -> dict[str, float]:
    """The scores of one photo."""
    ink = art < 128
    skeleton = skeletonize(ink)
    contour = skeletonize(case.edge > CONTOUR)
    paper = flat_paper(case.grey, case.edge)
    near_ink = ndimage.distance_transform_edt(~ink) <= 3 if ink.any() else ink
    return {
        "ink on flat light paper (guard)": inside(ink, paper),
        "strong contour found": inside(near_ink, contour),
        "stroke ends per 1000 px": ends(skeleton),
        "specks per megapixel": specks(ink),
        "mid-grey pixels": float(((art >= 41) & (art <= 214)).mean()),
        "photos with less than 0.3 % ink": float(ink.mean() < LEAST_INK),
        "SSIM to the teacher (imitation)": float(structural_similarity(art, case.teacher)),
    }


def worse(photo: Pixels) -> dict[str, Pixels]:
    """The photo with noise, as a poor JPEG, and darker."""
    noise = np.random.default_rng(0).normal(0, 20, photo.shape)
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=30)
    return {
        "noise of 20": np.clip(photo + noise, 0, 255).astype(np.uint8),
        "JPEG 30": np.array(Image.open(file)),
        "darker": (photo * 0.6).astype(np.uint8),
    }


def of_drawing(draw: Draw, art: Pixels, photo: Pixels) -> dict[str, float]:
    """The scores that need further line art: of the photo at other sizes, and of worse photos."""
    scores: dict[str, float] = {}
    for side in SIDES:
        resized = np.array(at_side(Image.fromarray(photo), side))
        scores[f"stroke width at {side} px, ‰ of the side"] = stroke_width(draw(resized) < 128)
    for kind, degraded in worse(photo).items():
        likeness = float(structural_similarity(draw(degraded), art))
        scores[f"SSIM to its own line art: {kind}"] = likeness
    return scores


def judge(art: Pixels, case: Case) -> Scores:
    """Every score of one photo's line art, grey [H, W], by metric."""
    ink = art < 128
    away = ndimage.distance_transform_edt(~ink) if ink.any() else np.full(ink.shape, np.inf)
    scores: Scores = defaultdict(list)
    rows = [of_photo(art, case)]
    rows += [of_face(ink, away, case.grey, face) for face in case.people.faces]
    for row in rows:
        for metric, score in row.items():
            scores[metric].append(score)
    return scores


def measure(
    examined: list[Case], draws: dict[str, Draw], *, every: int = 4
) -> dict[str, dict[str, float]]:
    """Each way of drawing's metrics, and the teacher's, by the name of the way.

    Other sizes and worse photos, which cost most, are drawn of one photo in `every`.
    """
    totals: dict[str, Scores] = {name: defaultdict(list) for name in [*draws, "teacher"]}
    for index, case in enumerate(examined):
        arts = {name: draw(case.photo) for name, draw in draws.items()}
        for name, art in [*arts.items(), ("teacher", case.teacher)]:
            for metric, scores in judge(art, case).items():
                totals[name][metric] += scores
            if index % every == 0 and name in draws:
                for metric, score in of_drawing(draws[name], art, case.photo).items():
                    totals[name][metric].append(score)
    return {name: _metrics(scores) for name, scores in totals.items()}


def _metrics(scores: Scores) -> dict[str, float]:
    metrics = {metric: float(np.nanmean(each)) for metric, each in scores.items()}
    few = "photos with less than 0.3 % ink"
    return metrics | {few: float(np.sum(scores[few]))}


def table(measured: dict[str, dict[str, float]]) -> str:
    """Markdown: a metric a row, a way of drawing a column, and last what must be reached."""
    lines = ["| metric | " + " | ".join(measured) + " | must reach |"]
    lines.append("| --- |" + " ---: |" * (len(measured) + 1))
    for metric, goal in GOALS.items():
        cells = [_shown(metrics.get(metric)) for metrics in measured.values()]
        lines.append(f"| {metric} | " + " | ".join(cells) + f" | {goal} |")
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return f"{value:.0f}" if value >= 10 or value == 0 else f"{value:.3f}"
