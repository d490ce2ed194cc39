"""Lightness, and means and differences along and across its edges, on tensors [N, C, H, W]."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

LUMINANCE = (0.299, 0.587, 0.114)  # of RGB


def lightness_of(image: Tensor) -> Tensor:
    """RGB [N, 3, H, W] → grey [N, 1, H, W]."""
    return (image * image.new_tensor(LUMINANCE).view(3, 1, 1)).sum(1, keepdim=True)


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
    dx, dy = functional.conv2d(padded, torch.stack([sobel, sobel.T]).unsqueeze(1)).chunk(2, 1)
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
    both = torch.cat([tangent, value], 1)
    total, weights = value, 1.0
    for sign in (1.0, -1.0):
        point = _grid(value).expand(value.shape[0], -1, -1, -1)
        heading = tangent * sign
        for step in range(1, round(2 * sigma) + 1):
            point = point + heading.permute(0, 2, 3, 1)
            seen = sample(both, point)
            turn = seen[:, :2]
            # A tangent has no sign: keep going the way we came.
            turn = turn * torch.where((turn * heading).sum(1, keepdim=True) < 0, -1.0, 1.0)
            heading = turn * turn.square().sum(1, keepdim=True).clamp_min(1e-8).rsqrt()
            weight = math.exp(-(step**2) / (2 * sigma**2))
            total, weights = total + weight * seen[:, 2:], weights + weight
    return total / weights


def smoothstep(x: Tensor, low: float, high: float) -> Tensor:
    """0 up to `low`, 1 from `high`, without a corner between."""
    x = ((x - low) / (high - low)).clamp(0, 1)
    return x * x * (3 - 2 * x)
