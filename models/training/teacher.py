"""The teacher: slow, careful line art that the network learns to draw in one pass.

Difference-of-Gaussians lines, taken across the edges and smoothed along them (Kang, Lee & Chui,
"Coherent Line Drawing", NPAR 2007) with a soft threshold as in XDoG (Winnemöller, Kyprianidis &
Olsen, Computers & Graphics 2012), multiplied by a gate from a learned edge map (HED), which knows
a contour from a blade of grass. Edge tangents come from the smoothed structure tensor
(Kyprianidis & Döllner, TPCG 2008), which needs no iterations.

What differs from the papers, each for a fault seen in their line art: A line's ink is measured
against the other lines around it, so that strokes are even and soft skin still gets its mouth. A
second, wider difference finds the contours of what is out of focus. A line that crosses a learned
contour, as grass crosses the edge of a shoe, is dropped. So is a stroke that no sure contour
supports (hysteresis), or too light to mean anything. A contour that is certain is drawn even
where lightness has no step. A face is drawn at a scale of its own, and
`blacks.py` adds what is black.

Every photo is drawn at `SIDE` pixels. Other sizes are scaled from that, so a stroke keeps its
share of the picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.measure import label
from skimage.morphology import skeletonize
from torch import Tensor
from torch.nn import functional

from models.training import blacks, faces
from models.training.faces import Face, People
from models.training.flow import across, along, gaussian, lightness_of, smoothstep, tangents
from models.training.hed import HED

SIDE = 1024  # pixels of the longer side that a photo is drawn at
SEEN = 0.3  # ink that shows, before contrast is raised
EYES = 96.0  # pixels between the eyes of a face while its lines are drawn
FEATURE = 0.06  # of the distance of the eyes: how wide the gate is open along eyes and lips
NARROWEST = 4  # pixels; a narrower line would be blurred away
KNOWN = 0.3  # edge probability that they have at least
ROUGE = 0.25  # how much darker lips are drawn from
SMALL = 20.0  # pixels between the eyes of the smallest face whose lips are drawn so
SPECK = 32.0  # pixels of the smallest piece of ink
CERTAIN = 0.6  # edge probability of a contour that is drawn even where lightness shows no line
LEAST_CONTOUR = 24  # pixels of length of such a contour
BESIDE = 3.0  # pixels within which a line is that contour's
FACE_SIDE = 448  # pixels of a face's surroundings while HED looks at them


@dataclass(frozen=True)
class Look:
    """What the lines look like. Lengths are in pixels of the picture that is drawn."""

    stroke: float = 1.1  # sigma of the inner Gaussian; a stroke is about 2.5 of it wide
    surround: float = 1.6  # outer sigma over inner, as in Marr & Hildreth 1980
    flow: float = 4.0  # sigma along the edge
    tensor: float = 2.5  # sigma that the structure tensor is smoothed with
    floor: float = 0.006  # a difference this small is noise, however even the paper
    neighbourhood: float = 5.0  # sigma of "the other lines around it"
    gate: tuple[float, float] = (0.09, 0.36)  # edge probability: nothing below, all ink above
    aligned: tuple[float, float] = (0.4, 0.85)  # |cos| between a line and the contour it is on
    weight: float = 16.0  # ink times edge probability, summed, of the least stroke that is kept
    sure: float = 0.3  # edge probability that a stroke reaches somewhere

    def larger(self, scale: float) -> Look:
        """The look for a part that is drawn `scale` times as large: strokes grow by its root."""
        root = scale**0.5
        return replace(
            self,
            stroke=self.stroke * root,
            flow=self.flow * root,
            tensor=self.tensor * root,
            neighbourhood=self.neighbourhood * scale,
            gate=(0.08, 0.28),
            weight=self.weight * scale * 0.22,
            sure=0.15,
        )


def resize(image: Tensor, size: tuple[int, int]) -> Tensor:
    """[N, C, H, W] at `size`, antialiased."""
    return functional.interpolate(image, size, mode="bilinear", antialias=True, align_corners=False)


@torch.inference_mode()
def edges(image: Tensor, hed: HED, side: int = 640) -> Tensor:
    """Edge probability [N, 1, H, W] of RGB in 0..1 [N, 3, H, W], seen at `side` pixels or less."""
    height, width = image.shape[-2:]
    scale = min(1.0, side / max(height, width))
    small = resize(image, (max(round(height * scale), 16), max(round(width * scale), 16)))
    # HED pads with zeros and so sees an edge all around the frame: let it see a mirror.
    frame = 12
    seen = hed(functional.pad(small, (frame,) * 4, mode="reflect"))[..., frame:-frame, frame:-frame]
    chosen = 0.35 * seen[:, 1:2] + 0.35 * seen[:, 2:3] + 0.6 * seen[:, 5:6]
    return functional.interpolate(chosen, (height, width), mode="bilinear", align_corners=False)


def around(face: Face, reach: float, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns within `reach` face sizes of a face's middle, of a picture of `size`."""
    x, y = face.middle
    far = reach * face.size
    return (
        slice(max(0, round(y - far)), max(2, min(size[0], round(y + far)))),
        slice(max(0, round(x - far)), max(2, min(size[1], round(x + far)))),
    )


def disc(face: Face, window: tuple[slice, slice], inner: float, outer: float) -> Tensor:
    """1 within `inner` face sizes of a face's middle, 0 from `outer`, over a window's pixels."""
    rows = torch.arange(window[0].start, window[0].stop)[:, None] - float(face.middle[1])
    columns = torch.arange(window[1].start, window[1].stop)[None, :] - float(face.middle[0])
    return smoothstep(-torch.hypot(rows, columns) / face.size, -outer, -inner)[None, None]


@torch.inference_mode()
def edges_with_faces(image: Tensor, hed: HED, people: People) -> Tensor:
    """As `edges`, and looked at once more around every face; the larger of the two counts."""
    found = edges(image, hed)
    for face in people.faces:
        window = around(face, 1.9, (image.shape[-2], image.shape[-1]))
        part = image[(..., *window)]
        scale = FACE_SIDE / max(part.shape[-2:])
        closer = edges(resize(part, _scaled(part, scale)), hed)
        closer = resize(closer, (part.shape[-2], part.shape[-1]))
        blended = closer * disc(face, window, 1.2, 1.8)
        found[(..., *window)] = torch.maximum(found[(..., *window)], blended)
    return found


def _scaled(image: Tensor, scale: float) -> tuple[int, int]:
    return max(16, round(image.shape[-2] * scale)), max(16, round(image.shape[-1] * scale))


def lines(image: Tensor, edge: Tensor, look: Look) -> Tensor:
    """Ink from 0 to 1, [N, 1, H, W], before light strokes are dropped."""
    grey = gaussian(lightness_of(image), 0.5)
    lightness = grey.clamp_min(1e-4).pow(1 / 1.6)  # a step counts in the shade as in the sun
    tangent, _ = tangents(grey, look.tensor)

    near = gaussian(functional.max_pool2d(edge, 5, 1, 2), 1.0)
    contour, agreement = tangents(edge, 3.0)
    cosine = (contour * tangent).sum(1, keepdim=True).abs()
    gate = smoothstep(near, *look.gate) * (1 - agreement * (1 - smoothstep(cosine, *look.aligned)))

    strokes = (look.stroke, 2 * look.stroke)
    found = along(across(lightness, tangent, strokes, look.surround), tangent, look.flow)
    found = found.clamp_min(0)
    around = gaussian(found.square(), look.neighbourhood).sqrt()
    ink = gate * smoothstep(found / (0.9 * around + look.floor), 0.35, 1.0)
    fine, wide = ink.chunk(2, 1)
    return torch.maximum(fine, wide * (1 - functional.max_pool2d(fine, 9, 1, 4)))


def drop_light(ink: Tensor, edge: Tensor, least: float, sure: float = 0.0) -> Tensor:
    """`ink` [1, 1, H, W] without strokes that weigh less than `least` or never reach `sure`."""
    strokes = label(ink[0, 0].numpy() > SEEN, connectivity=2)
    near = functional.max_pool2d(edge, 5, 1, 2)[0, 0].numpy().ravel()
    count = int(strokes.max()) + 1
    weight = np.bincount(strokes.ravel(), weights=(ink * edge)[0, 0].numpy().ravel())
    highest = np.zeros(count)
    np.maximum.at(highest, strokes.ravel(), near)
    keep = (weight >= least) & (highest >= sure)
    keep[0] = False  # the paper, and what is too faint to be part of a stroke
    kept = torch.from_numpy(keep[strokes]).float()[None, None]
    return ink * functional.max_pool2d(kept, 5, 1, 2)


def face_lines(image: Tensor, edge: Tensor, face: Face, look: Look) -> tuple[Tensor, Tensor]:
    """Ink around one face, drawn at the face's own scale, and how far it counts (0 to 1)."""
    window = around(face, 1.8, (image.shape[-2], image.shape[-1]))
    part = image[(..., *window)]
    scale = float(np.clip(EYES / max(face.eyes, 0.8 * face.size), 1.0, 4.0))
    size = _scaled(part, scale)
    larger = look.larger(scale)
    seen = resize(edge[(..., *window)], size)
    ink = lines(functional.interpolate(part, size, mode="bicubic").clamp(0, 1), seen, larger)
    ink = drop_light(ink, seen, larger.weight, larger.sure)
    ink = resize(ink, (part.shape[-2], part.shape[-1]))
    return (ink * min(1.35, scale**0.5)).clamp(0, 1), disc(face, window, 1.2, 1.75)


def with_features(edge: Tensor, people: People) -> Tensor:
    """`edge` [1, 1, H, W] with a faint contour where the mesh has eyes and lips.

    HED sees soft lips and lids weakly: the gate opens for them, and the difference of Gaussians
    says whether there is a line, and where.
    """
    height, width = edge.shape[-2:]
    canvas = Image.new("L", (width, height))
    drawing = ImageDraw.Draw(canvas)
    for face in people.faces:
        wide = max(NARROWEST, round(FEATURE * face.eyes))
        for ring in (*(ring + ring[:1] for ring in (*faces.EYES, faces.LIPS)), faces.MOUTH):
            points = faces.corners(face.mesh[list(ring)])
            drawing.line(points, fill=255, width=wide, joint="curve")
    marked = torch.from_numpy(np.array(canvas))[None, None].float() / 255
    return torch.maximum(edge, KNOWN * gaussian(marked, 1.5))


def with_lips(image: Tensor, people: People) -> Tensor:
    """`image` [1, 3, H, W] with lips a little darker than they are, so that their outline shows."""
    height, width = image.shape[-2:]
    for face in people.faces:
        if face.eyes < SMALL:
            continue
        lips = faces.polygon(face.mesh[list(faces.LIPS)], (height, width))
        place = gaussian(torch.from_numpy(lips.copy())[None, None].float(), 0.8)
        image = image * (1 - ROUGE * place)
    return image


def with_contours(ink: Tensor, edge: Tensor, people: People) -> Tensor:
    """`ink` [1, 1, H, W] with a stroke wherever the edges are certain and no line is near.

    Two colours of one lightness meet in a contour that no difference of lightness finds. In faces
    there are lines enough.
    """
    spine = skeletonize(gaussian(edge, 1.0)[0, 0].numpy() > CERTAIN)
    spine &= ~faces.ovals(people, spine.shape)
    away = ndimage.distance_transform_edt(ink[0, 0].numpy() < SEEN)
    missing = blacks.without_specks(spine & (away > BESIDE), LEAST_CONTOUR, corners=True)
    stroke = torch.from_numpy(missing)[None, None].float()
    return torch.maximum(ink, gaussian(functional.max_pool2d(stroke, 3, 1, 1), 0.8))


def without_specks(ink: Tensor, people: People) -> Tensor:
    """`ink` [1, 1, H, W] without small pieces; less small near a face, whose features are small."""
    least = torch.full_like(ink, float(SPECK))
    for face in people.faces:
        window = around(face, 1.6, (ink.shape[-2], ink.shape[-1]))
        own = SPECK * min(1.0, 0.3 * max(face.size / EYES, 0.35) ** 2)
        there = least[(..., *window)]
        near = disc(face, window, 1.3, 1.5) > 0.5
        least[(..., *window)] = torch.where(near, there.clamp_max(own), there)
    black = ink[0, 0].numpy() > 0.5
    pieces = blacks.without_specks(black, least[0, 0].numpy(), corners=True)
    kept = torch.from_numpy(pieces)[None, None].float()
    dropped = torch.from_numpy(black)[None, None].float() - kept
    # The soft rim goes too, where it is not another stroke's.
    rim = functional.max_pool2d(dropped, 5, 1, 2) * (1 - functional.max_pool2d(kept, 3, 1, 1))
    return ink * (1 - rim)


@torch.inference_mode()
def draw(
    image: Tensor, edge: Tensor, people: People, look: Look | None = None
) -> tuple[Tensor, Tensor]:
    """Line art with black areas, and of lines alone; each [1, 1, H, W], 0 ink to 1 paper.

    Args:
        image: one RGB picture in 0..1, [1, 3, H, W], its longer side `SIDE` pixels.
        edge: its edge probability from `edges_with_faces`, [1, 1, H, W].
        people: the faces in it.
        look: what the lines look like.

    """
    look = look or Look()
    edge = with_features(edge, people)
    image = with_lips(image, people)
    ink = drop_light(lines(image, edge, look), edge, look.weight, look.sure)
    for face in people.faces:
        window = around(face, 1.8, (image.shape[-2], image.shape[-1]))
        own, counts = face_lines(image, edge, face, look)
        ink[(..., *window)] = ink[(..., *window)] * (1 - counts) + own * counts
    ink = with_contours(ink, edge, people)
    line = 1 - smoothstep(ink, 0.06, 0.75)
    photo = image[0].permute(1, 2, 0).numpy()
    black = torch.from_numpy(blacks.black(photo, edge[0, 0].numpy(), people))[None, None]
    ink = torch.maximum(1 - line, black)
    return 1 - without_specks(ink, people), 1 - without_specks(1 - line, people)
