"""Where the teacher puts down black: hair, brows, pupils, beards, hats, clothes; spots elsewhere.

A head is judged against its own skin: a plane fitted to the lightness of cheeks, forehead and nose
is what counts as paper there, so that dark skin stays paper and dark hair turns black. Lightness
is sharpened and smoothed along the flow first, as in XDoG, so that black areas have the outline
and the highlights of a brush. Last, an area is black or it is not: what reaches far from the head
is none of the head's. Clothes much darker than their wearer's skin are black as a whole, and so is
a dark backdrop of a portrait.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from scipy import ndimage  # type: ignore[import-untyped]
from skimage.color import rgb2lab
from skimage.measure import regionprops
from skimage.morphology import skeletonize

from models.training import faces
from models.training.faces import Face, Floats, Mask, People
from models.training.flow import LUMINANCE, along, gaussian, smoothstep, tangents

SIZE = 72.0  # pixels that a face's size is brought to
BARELY = 0.22  # of the skin's lightness: what is darker is black even on a bare cheek
REACH = 4.2  # face sizes around the middle of the face that are looked at
CLOTH = 0.45  # of the skin's lightness: upper limit of each pixel of black clothes
DARK = 0.315  # of the skin's lightness: upper limit of their mean
FOLD = 0.3  # edge probability of a contour inside them
BORDER = 0.35  # edge probability along which dark areas are cut into pieces
LARGE = 0.3  # of a face's size squared: pixels of the least piece of clothes
PORTRAIT = 0.05  # of the picture's side: size of the smallest face that makes it a portrait
BACKDROP = 0.3  # of the skin's lightness: upper limit of most of a dark backdrop
MOSTLY = 0.6  # share of the background that is as dark as that
REST = 0.4  # of the skin's lightness: upper limit of the rest of it


@dataclass(frozen=True)
class Head:
    """A head cut out and scaled so that its face is `SIZE` large."""

    box: tuple[int, int, int, int]
    grey: Floats
    colour: Floats  # [H, W, 2], a and b of Lab
    edge: Floats
    person: Floats
    face: Face


def blurred(image: Floats, sigma: float) -> Floats:
    """Gaussian blur of [H, W], borders repeated."""
    return np.asarray(ndimage.gaussian_filter(image, sigma, mode="nearest"))


def resized(image: Floats, size: tuple[int, int]) -> Floats:
    """Float [H, W] at `size` (height, width), antialiased."""
    picture = Image.fromarray(image).resize(size[::-1], Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.float32)


def step(x: Floats, low: float, high: float) -> Floats:
    """0 up to `low`, 1 from `high`, smooth between."""
    return smoothstep(torch.from_numpy(x.copy()), low, high).numpy()


def cut(photo: Floats, edge: Floats, people: People, face: Face) -> Head:
    """The surroundings of a face, at the face's own scale."""
    height, width = edge.shape
    reach = REACH * face.size
    x, y = face.middle
    left, top = max(0, round(x - reach)), max(0, round(y - reach))
    right, bottom = min(width, round(x + reach)), min(height, round(y + reach))
    scale = SIZE / face.size
    size = (max(8, round((bottom - top) * scale)), max(8, round((right - left) * scale)))
    window = np.s_[top:bottom, left:right]
    small = np.dstack([resized(photo[(*window, channel)], size) for channel in range(3)])
    small = small.clip(0, 1)
    colour = rgb2lab(ndimage.gaussian_filter(small, (2, 2, 0)))[..., 1:].astype(np.float32)
    seen, person = (resized(part[window], size) for part in (edge, people.person))
    moved = face.moved((left, top), scale)
    box = (left, top, right, bottom)
    return Head(box, lightness(small), colour, seen, person, moved)


def lightness(photo: Floats) -> Floats:
    """RGB [H, W, 3] → grey [H, W]."""
    return (photo @ np.array(LUMINANCE, np.float32)).astype(np.float32)


def skin(head: Head) -> Floats:
    """The lightness of that face's skin, as a plane over the head, [H, W]."""
    height, width = head.grey.shape
    points = head.face.mesh[list(faces.SKIN)]
    x, y = np.clip(np.rint(points).astype(int), 0, [width - 1, height - 1]).T
    light = blurred(head.grey, 0.05 * SIZE)[y, x]
    offset = (points - head.face.middle) / SIZE
    terms = np.column_stack([np.ones(len(points)), offset])
    weight = np.ones(len(points))
    for _ in range(5):  # points under hair, glasses or a highlight lose their say
        plane, *_ = np.linalg.lstsq(terms * weight[:, None], light * weight, rcond=None)
        error = light - terms @ plane
        weight = 1 / (1 + (error / (0.06 + 0.02 * (error > 0))) ** 2)
    middle = max(float(np.average(light, weights=weight)), 0.06)
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    fitted = plane[0] + plane[1] * (columns - head.face.middle[0]) / SIZE
    fitted = fitted + plane[2] * (rows - head.face.middle[1]) / SIZE
    return np.asarray(np.clip(fitted, 0.6 * middle, 1.35 * middle), np.float32)


def brushed(grey: Floats) -> Floats:
    """Lightness sharpened as by XDoG and averaged along the flow, [H, W]."""
    image = torch.from_numpy(grey.copy())[None, None]
    tangent, _ = tangents(gaussian(image, 0.7), 3.0)
    inner, outer = gaussian(image, 1.0), gaussian(image, 1.8)
    return along(inner + 9 * (inner - outer), tangent, 3.0)[0, 0].numpy()


def unlike_hair(head: Head, ratio: Floats) -> Floats:
    """1 where the colour is another than the hair's, as a coloured collar's is, [H, W]."""
    rows, columns = np.mgrid[: ratio.shape[0], : ratio.shape[1]]
    x, y = (columns - head.face.middle[0]) / SIZE, (rows - head.face.middle[1]) / SIZE
    outside = ~faces.polygon(head.face.mesh[list(faces.OVAL)], ratio.shape)
    crown = outside & (ratio < 0.6) & (np.hypot(x, y) < 2) & (y < 0.2) & (head.person > 0.5)
    if crown.sum() < 0.05 * SIZE**2:
        return np.zeros_like(ratio)
    hair = np.median(head.colour[crown], 0)
    return step(np.hypot(*np.moveaxis(head.colour - hair, 2, 0)), 18, 30) * outside


def threshold(head: Head, ratio: Floats, paper: Floats) -> Floats:
    """How dark, beside skin, a place must be to be black, [H, W]."""
    shape = head.grey.shape
    face = head.face
    # The darker the skin, the nearer to it is the darkest hair.
    most = 0.68 + 0.06 * float(step(np.array([-paper.mean()], np.float32), -0.45, -0.22)[0])
    limit = np.clip(0.97 * blurred(ratio, 0.35 * SIZE) + 0.06, 0.17, most)
    limit = limit * (1 - unlike_hair(head, ratio)) * step(head.person, 0.15, 0.5)
    oval = blurred(faces.polygon(face.mesh[list(faces.OVAL)], shape).astype(np.float32), 4)
    limit = limit + oval * (np.minimum(limit, 0.44) - limit)  # shade on a cheek is no beard
    bare = np.any([faces.polygon(face.mesh[list(ring)], shape) for ring in faces.BARE], 0)
    bare = blurred(ndimage.binary_dilation(bare, iterations=2).astype(np.float32), 1.5)
    limit = limit + bare * (np.minimum(limit, BARELY) - limit)
    limit = limit + neck(face, shape) * (np.minimum(limit, 0.22) - limit)
    for brow in faces.BROWS:
        inside = ndimage.binary_dilation(faces.polygon(face.mesh[list(brow)], shape))
        place = blurred(inside.astype(np.float32), 1)
        limit = limit + place * (np.maximum(limit, 0.80) - limit)
    for side, ring in enumerate(faces.EYES):
        opening = faces.polygon(face.mesh[list(ring)], shape)
        centre, radius = face.iris(side)
        rows, columns = np.mgrid[: shape[0], : shape[1]]
        away = np.hypot(columns - centre[0], rows - centre[1])
        limit = np.where(opening & (away < radius), np.maximum(limit, 0.60), limit)
        limit = np.where(opening & (away < 0.55 * radius), np.maximum(limit, 0.75), limit)
    return np.asarray(limit, np.float32)


def from_chin(face: Face, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """How far below the chin, and beside it, each pixel lies, in face sizes, each [H, W]."""
    chin, forehead = face.mesh[faces.CHIN], face.mesh[faces.FOREHEAD]
    down = (chin - forehead) / max(float(np.hypot(*(chin - forehead))), 1e-3)
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = (columns - chin[0]) / SIZE, (rows - chin[1]) / SIZE
    return x * down[0] + y * down[1], np.abs(x * down[1] - y * down[0])


def neck(face: Face, shape: tuple[int, int]) -> Floats:
    """The skin below the chin, which lies in the chin's shade, [H, W] from 0 to 1."""
    below, beside = from_chin(face, shape)
    return step(below, -0.02, 0.15) * step(-below, -1.7, -1.2) * step(-beside, -0.95, -0.65)


def near(face: Face, shape: tuple[int, int]) -> Floats:
    """1 on the head, 0 far from it and on the clothes below it, [H, W]."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    x, y = (columns - face.middle[0]) / SIZE, (rows - face.middle[1]) / SIZE
    close = step(-np.hypot(x, np.where(y > 0, 1.15 * y, y)), -3.6, -2.1)
    below, beside = from_chin(face, shape)
    clothes = step(below, 0.6, 0.9) * step(0.35 + 0.6 * below - beside, 0.0, 0.2)
    return close * (1 - clothes)


def decided(black: Mask, head: Head) -> Mask:
    """The areas of `black` that belong to the head, whole."""
    close = near(head.face, black.shape)
    # A collar does not go with the hair that lies on it.
    pieces, numbers = cut_along(black, head.edge)
    if not len(numbers):
        return black & (close > 0.5)
    belongs = ndimage.mean(close, pieces, numbers)
    on_person = ndimage.mean(head.person, pieces, numbers)
    strays = ndimage.mean(close < 0.15, pieces, numbers)
    # What is large and begins below the chin is clothes, however little of them is in view.
    below, _ = from_chin(head.face, black.shape)
    large = ndimage.sum_labels(black, pieces, numbers) > LARGE * SIZE**2
    clothes = large & (ndimage.minimum(below, pieces, numbers) > -0.1)
    whole = (belongs > 0.55) & (on_person > 0.8) & (strays < 0.25) & ~clothes
    return black & only(pieces, whole)


def cut_along(dark: Mask, edge: Floats) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int_]]:
    """The pieces that contours cut `dark` into, numbered from 1, [H, W], and their numbers."""
    pieces, count = ndimage.label(dark & (edge < BORDER))
    return pieces, np.arange(1, count + 1)


def only(pieces: npt.NDArray[np.int32], wanted: Mask) -> Mask:
    """Where the nearest piece is a wanted one, [H, W]: what lay under a cut goes with it."""
    nearest = ndimage.distance_transform_edt(
        pieces == 0, return_distances=False, return_indices=True
    )
    return np.asarray(np.concatenate([[False], wanted])[pieces[tuple(nearest)]])


def of_head(photo: Floats, edge: Floats, people: People, face: Face) -> tuple[Head, Floats, float]:
    """The head, how black it is (under 0 paper, over 0 ink, a pixel soft), its skin's lightness."""
    head = cut(photo, edge, people, face)
    paper = skin(head)
    ratio = brushed(head.grey) / paper
    over = threshold(head, blurred(head.grey, 1.0) / paper, paper) - ratio
    black = decided(over > 0, head)
    least = round(0.010 * SIZE**2)
    inside = faces.polygon(head.face.mesh[list(faces.OVAL)], black.shape)
    black = np.where(inside, black, ndimage.binary_opening(black, np.ones((3, 3))))
    black = without_specks(black, np.where(inside, least // 4, least))
    black = ~without_specks(~black, np.where(inside, least // 8, least // 2))
    soft = np.where(black, np.maximum(over, 0.02), np.minimum(over, -0.02))
    soft = blurred(np.clip(soft, -0.1, 0.1).astype(np.float32), 0.7)
    return head, soft, float(paper.mean())


def without_specks(mask: Mask, least: int | np.ndarray, *, corners: bool = False) -> Mask:
    """`mask` without pieces of fewer pixels than `least` at their place.

    Pixels that touch at `corners` alone are of one piece where that is said.
    """
    pieces, count = ndimage.label(mask, np.ones((3, 3)) if corners else None)
    if not count:
        return mask
    numbers = np.arange(1, count + 1)
    area = ndimage.sum_labels(mask, pieces, numbers)
    wanted = ndimage.mean(np.broadcast_to(least, mask.shape), pieces, numbers)
    return np.asarray(mask & np.concatenate([[False], area >= wanted])[pieces])


def spots(grey: Floats, edge: Floats) -> Mask:
    """Small dark things on something lighter, as pupils, noses, paws and lenses are."""
    smooth = blurred(grey, 1.2)
    dark = smooth < np.minimum(0.6 * blurred(grey, 0.03 * max(grey.shape)), 0.34)
    pieces, _ = ndimage.label(ndimage.binary_opening(dark, iterations=2))
    kept = np.zeros(grey.shape, bool)
    for piece in regionprops(pieces):
        top, left, bottom, right = piece.bbox
        high, wide = bottom - top, right - left
        if not 0.00004 < piece.area / grey.size < 0.008 or not 0.3 < high / wide < 3.3:
            continue
        if piece.extent < 0.42 or piece.solidity < 0.84:
            continue
        around = round(3 + 0.3 * max(high, wide))
        if min(top, left, grey.shape[0] - bottom, grey.shape[1] - right) <= around:
            continue
        window = np.s_[top - around : bottom + around, left - around : right + around]
        shape = pieces[window] == piece.label
        away = ndimage.distance_transform_edt(~shape)
        ring = smooth[window][(away > 0.4 * around) & (away <= around)]
        rim = (away <= 3) & ~ndimage.binary_erosion(shape, iterations=2)
        stands_out = np.percentile(ring, 20) > 2.2 * smooth[window][shape].mean()
        if stands_out and edge[window][rim].mean() > 0.30:
            kept[window] |= shape
    return kept


def clothes(grey: Floats, edge: Floats, people: People, skins: list[float]) -> Mask:
    """Clothes that are much darker than the skin of who wears them, whole or not at all, [H, W].

    Args:
        grey: lightness of the picture, [H, W].
        edge: edge probability, [H, W].
        people: the faces in it, in its pixels; the nearest face says who wears a pixel.
        skins: the lightness of each face's skin.

    """
    if not skins:
        return np.zeros(grey.shape, bool)
    rows, columns = np.ogrid[: grey.shape[0], : grey.shape[1]]
    middles = [face.middle for face in people.faces]
    away = [np.hypot(columns - x, rows - y) for x, y in middles]
    wearer = np.argmin(away, axis=0)
    size = np.array([face.size for face in people.faces], np.float32)[wearer]
    ratio = blurred(grey, max(1.0, 0.03 * float(size.max())))
    ratio = ratio / np.array(skins, np.float32)[wearer]
    # The wall behind does not go with the coat before it.
    dark = ratio < CLOTH
    pieces, numbers = cut_along(dark, edge)
    if not len(numbers):
        return np.zeros(grey.shape, bool)
    large = ndimage.sum_labels(dark / size**2, pieces, numbers) > LARGE
    on_person = ndimage.mean(people.person, pieces, numbers) > 0.85
    even = ndimage.mean(ratio, pieces, numbers) < DARK
    whole = dark & only(pieces, large & on_person & even) & (people.person > 0.5)
    whole &= ~faces.ovals(people, grey.shape)  # `of_head` judges a face
    whole = ~without_specks(~whole, 0.02 * size**2)
    # A lapel, or an arm before the chest, is a white line.
    folds = ndimage.binary_dilation(skeletonize(edge > FOLD))
    return np.asarray(whole & ~(folds & ndimage.binary_erosion(whole, iterations=4)))


def backdrop(grey: Floats, people: People, skins: list[float]) -> Mask:
    """What is behind a portrait, where most of that is much darker than skin, [H, W].

    What is as dark before it goes with it, hair and clothes; `of_head` judges the faces. Elsewhere
    a background is paper, however dark parts of it are.

    Args:
        grey: lightness of the picture, [H, W].
        people: the faces in it, in its pixels; the skin of the largest is the measure.
        skins: the lightness of each face's skin.

    """
    nothing = np.zeros(grey.shape, bool)
    behind = people.person < 0.3
    if not skins or not behind.any():
        return nothing
    size, skin = max((face.size, skin) for face, skin in zip(people.faces, skins, strict=True))
    ratio = blurred(grey, 3) / skin
    if size < PORTRAIT * max(grey.shape) or (ratio[behind] < BACKDROP).mean() < MOSTLY:
        return nothing
    dark = (ratio < REST) & ~faces.ovals(people, grey.shape)
    least = round(0.02 * size**2)
    dark = without_specks(ndimage.binary_opening(dark, iterations=2), 10 * least)
    return np.asarray(~without_specks(~dark, least))


def black(photo: Floats, edge: Floats, people: People) -> Floats:
    """Ink of the black areas of a picture, [H, W] from 0 to 1.

    Args:
        photo: RGB from 0 to 1, [H, W, 3].
        edge: edge probability, [H, W].
        people: the faces in it, in its pixels.

    """
    grey = lightness(photo)
    heads = [of_head(photo, edge, people, face) for face in people.faces]
    skins = [skin for *_, skin in heads]
    area = spots(grey, edge) | clothes(grey, edge, people, skins) | backdrop(grey, people, skins)
    ink = blurred(area.astype(np.float32), 0.7)
    for head, soft, _ in heads:
        left, top, right, bottom = head.box
        whole = step(resized(soft, (bottom - top, right - left)), -0.02, 0.02)
        window = ink[top:bottom, left:right]
        np.maximum(window, whole, out=window)
    return ink
