"""The teacher: slow, careful line art that the network learns to draw in one pass.

Difference-of-Gaussians lines, taken across the edges and smoothed along them (Kang, Lee & Chui,
"Coherent Line Drawing", NPAR 2007) with a soft threshold as in XDoG (Winnemöller, Kyprianidis &
Olsen, Computers & Graphics 2012), multiplied by a gate from a learned edge map (HED), which knows
a contour from a blade of grass. Edge tangents come from the smoothed structure tensor
(Kyprianidis & Döllner, TPCG 2008), which needs no iterations.

Four things differ from the papers, each for a fault seen in their pictures. A line's ink is
measured against the other lines around it, so that strokes are even and soft skin still gets its
mouth. A second, wider difference finds the contours of what is out of focus. A line that crosses
a learned contour, as grass crosses the edge of a shoe, is dropped. So is a stroke too light to
mean anything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from skimage.measure import label
from torch import Tensor
from torch.nn import functional

from models.training.hed import HED


@dataclass(frozen=True)
class Look:
    """What the lines look like. Lengths are in pixels of the picture that is drawn."""

    stroke: float = 1.1  # sigma of the inner Gaussian; a stroke is about 2.5 of it wide
    surround: float = 1.6  # outer sigma over inner, as in Marr & Hildreth 1980
    flow: float = 3.0  # sigma along the edge
    tensor: float = 2.5  # sigma that the structure tensor is smoothed with
    floor: float = 0.006  # a difference this small is noise, however even the paper
    neighbourhood: float = 5.0  # sigma of "the other lines around it"
    gate: tuple[float, float] = (0.13, 0.43)  # edge probability: nothing below, all ink above
    aligned: tuple[float, float] = (0.4, 0.85)  # |cos| between a line and the contour it is on
    weight: float = 9.0  # ink times edge probability, summed, of the least stroke that is kept


def gaussian(image: Tensor, sigma: float) -> Tensor:
    """Separable Gaussian blur of [N, C, H, W], borders repeated."""
    radius = max(1, round(3 * sigma))
    steps = torch.arange(-radius, radius + 1, dtype=image.dtype)
    kernel = torch.exp(-steps.square() / (2 * sigma * sigma))
    kernel = (kernel / kernel.sum()).to(image)
    channels = image.shape[1]
    for pad, shape in (((radius, radius, 0, 0), (1, -1)), ((0, 0, radius, radius), (-1, 1))):
        weight = kernel.view(1, 1, *shape).expand(channels, 1, *kernel.view(*shape).shape)
        image = functional.conv2d(
            functional.pad(image, pad, mode="replicate"), weight, groups=channels
        )
    return image


def tangents(image: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Which way edges run in [N, 1, H, W], seen over `sigma` pixels.

    Returns unit vectors (x, y) along them [N, 2, H, W], and from 0 to 1 how far the neighbourhood
    agrees on one direction [N, 1, H, W].
    """
    sobel = image.new_tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]).div(-8)
    padded = functional.pad(image, (1, 1, 1, 1), mode="replicate")
    dx, dy = functional.conv2d(padded, torch.stack([sobel, sobel.T]).unsqueeze(1)).split(1, 1)
    e, f, g = gaussian(torch.cat([dx * dx, dx * dy, dy * dy], 1), sigma).unbind(1)
    # The gradient runs along the larger eigenvector of [[e, f], [f, g]], which is at this angle.
    angle = torch.atan2(2 * f, e - g) / 2
    agreement = ((e - g).square() + 4 * f.square()).sqrt() / (e + g + 1e-5)
    return torch.stack([-torch.sin(angle), torch.cos(angle)], 1), agreement.unsqueeze(1)


def sample(image: Tensor, points: Tensor) -> Tensor:
    """`image` [N, C, H, W] at `points` [N, H, W, 2] in pixels (x, y), bilinear."""
    height, width = image.shape[-2:]
    scale = points.new_tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
    return functional.grid_sample(
        image, points * scale - 1, mode="bilinear", padding_mode="border", align_corners=True
    )


def _grid(image: Tensor) -> Tensor:
    rows, columns = (torch.arange(n, dtype=image.dtype) for n in image.shape[-2:])
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], -1).unsqueeze(0)


def across(grey: Tensor, tangent: Tensor, strokes: tuple[float, ...], surround: float) -> Tensor:
    """Differences of Gaussians along each pixel's normal, a channel for each of `strokes`.

    Positive on a line darker than its two sides. Strokes are the inner sigmas in pixels.
    """
    normal = torch.stack([tangent[:, 1], -tangent[:, 0]], -1)
    here = _grid(grey)
    radius = round(2.5 * max(strokes) * surround)
    steps = torch.arange(-radius, radius + 1, dtype=grey.dtype)
    sigmas = torch.tensor(strokes).view(-1, 1)
    inner, outer = (
        torch.exp(-steps.square() / (2 * s.square())) for s in (sigmas, sigmas * surround)
    )
    weights = outer / outer.sum(1, keepdim=True) - inner / inner.sum(1, keepdim=True)
    difference = grey.new_zeros(1)
    for step, weight in zip(steps, weights.T, strict=True):
        value = sample(grey, here + step * normal)
        difference = difference + weight.view(1, -1, 1, 1) * value
    return difference


def along(value: Tensor, tangent: Tensor, sigma: float) -> Tensor:
    """Gaussian mean of [N, C, H, W] along the tangent flow, both ways, sigma in pixels."""
    total, weights = value, 1.0
    for sign in (1.0, -1.0):
        point = _grid(value).expand(value.shape[0], -1, -1, -1)
        heading = tangent * sign
        for step in range(1, round(2 * sigma) + 1):
            point = point + heading.permute(0, 2, 3, 1)
            turn = sample(tangent, point)
            # A tangent has no sign: keep going the way we came.
            turn = turn * torch.where((turn * heading).sum(1, keepdim=True) < 0, -1.0, 1.0)
            heading = functional.normalize(turn, dim=1)
            weight = float(torch.exp(torch.tensor(-(step**2) / (2 * sigma**2))))
            total, weights = total + weight * sample(value, point), weights + weight
    return total / weights


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    """0 up to `low`, 1 from `high`, without a corner between."""
    x = ((x - low) / (high - low)).clamp(0, 1)
    return x * x * (3 - 2 * x)


@torch.inference_mode()
def edges(image: Tensor, hed: HED, side: int = 640) -> Tensor:
    """Edge probability [N, 1, H, W] of RGB in 0..1 [N, 3, H, W], seen at `side` pixels or less."""
    height, width = image.shape[-2:]
    scale = min(1.0, side / max(height, width))
    small = functional.interpolate(
        image,
        (max(round(height * scale), 16), max(round(width * scale), 16)),
        mode="bilinear",
        antialias=True,
        align_corners=False,
    )
    # HED pads with zeros and so sees an edge all around the frame: let it see a mirror.
    frame = 12
    with torch.autocast("cpu", torch.bfloat16):  # half the time, and right to 0.01
        seen = hed(functional.pad(small, (frame,) * 4, mode="reflect")).float()
    seen = seen[..., frame:-frame, frame:-frame]
    chosen = 0.35 * seen[:, 1:2] + 0.35 * seen[:, 2:3] + 0.6 * seen[:, 5:6]
    return functional.interpolate(chosen, (height, width), mode="bilinear", align_corners=False)


def lines(image: Tensor, edge: Tensor, look: Look) -> Tensor:
    """Ink from 0 to 1, [N, 1, H, W], before light strokes are dropped."""
    weights = image.new_tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    grey = gaussian((image * weights).sum(1, keepdim=True), 0.5)
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
    fine, wide = ink.split(1, 1)
    return torch.maximum(fine, wide * (1 - functional.max_pool2d(fine, 9, 1, 4)))


def drop_light(ink: Tensor, edge: Tensor, least: float) -> Tensor:
    """`ink` [1, 1, H, W] without the strokes that weigh less than `least`, counted by `edge`."""
    strokes = label(ink[0, 0].numpy() > 0.12, connectivity=2)
    weight = np.bincount(strokes.ravel(), weights=(ink * edge)[0, 0].numpy().ravel())
    weight[0] = 0  # the paper, and what is too faint to be part of a stroke
    kept = torch.from_numpy((weight >= least)[strokes]).float()[None, None]
    return ink * functional.max_pool2d(kept, 3, 1, 1)


@torch.inference_mode()
def draw(image: Tensor, edge: Tensor, look: Look | None = None) -> Tensor:
    """Line art [1, 1, H, W], 0 ink to 1 paper.

    Args:
        image: one RGB picture in 0..1, [1, 3, H, W].
        edge: its edge probability from `edges`, [1, 1, H, W].
        look: what the lines look like.

    """
    look = look or Look()
    ink = drop_light(lines(image, edge, look), edge, look.weight)
    return 1 - smoothstep(ink, 0.06, 0.75)
