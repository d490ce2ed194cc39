"""Exposure: a photo and a darker print of it are drawn alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

AREA = 16  # pixels of the side of the squares of which the lightest is to be white
MOST = 2.5  # times that a photo is brightened; more would show little but noise


class Exposed(nn.Module):
    """Brightens a photo until its lightest area is white in one of the colours, and normalises it.

    All colours are brightened alike, which leaves their hues. A photo that has white in it already
    stays as it is. `mean` and `std` are those of the network; one multiplication does both.
    """

    std: Tensor
    offset: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        offset = [-each / scale for each, scale in zip(mean, std, strict=True)]
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))
        self.register_buffer("offset", torch.tensor(offset).view(1, 3, 1, 1))

    def forward(self, photo: Tensor) -> Tensor:
        """Float [1, 3, H, W] from 0 to 255 → normalised; H and W are `AREA` at least."""
        lightest = functional.avg_pool2d(photo, AREA).amax((1, 2, 3), keepdim=True)
        return photo * (lightest.clamp(255 / MOST, 255) * self.std).reciprocal() + self.offset
