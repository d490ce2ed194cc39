"""Exposure: a photo and a darker print of it are drawn alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

AREA = 16  # pixels of the side of the squares that are looked at
LIGHTER = 200  # one square in so many may be lighter than white, as lamps and reflections are
MOST = 2.5  # times that a photo is brightened; more would show little but noise


class Scaled(nn.Module):
    """Channels times a scale each, plus an offset each.

    Written as a normalisation: the engine does that in one pass, and a product and a sum in two.
    """

    nothing: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("nothing", torch.zeros(channels))

    def forward(self, x: Tensor, scale: Tensor, offset: Tensor) -> Tensor:
        """Float [N, C, H, W], [C] and [C] → [N, C, H, W]."""
        return functional.batch_norm(x, self.nothing, self.nothing + 1, scale, offset, eps=0.0)


class Exposed(nn.Module):
    """Brightens a photo until its lightest part is white in one of the colours, and normalises it.

    All colours are brightened alike, which leaves their hues. A photo that has white in it already
    stays as it is. `mean` and `std` are those of the network.
    """

    std: Tensor
    offset: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        offset = [-each / scale for each, scale in zip(mean, std, strict=True)]
        self.register_buffer("std", torch.tensor(std))
        self.register_buffer("offset", torch.tensor(offset))
        self.scaled = Scaled(len(std))

    def forward(self, photo: Tensor) -> Tensor:
        """Float [1, 3, H, W] from 0 to 255 → normalised; H and W are multiples of `AREA`."""
        height, width = photo.shape[2:]
        # The engine takes means of rows and columns in less time than it pools areas, and bounds
        # pixels in less than it takes minima of them.
        rows = photo.reshape(1, 3, height // AREA, AREA, width).mean(3)
        areas = rows.reshape(1, 3, -1, width // AREA, AREA).mean(4).amax(1).flatten(1)
        lightest = torch.topk(areas, areas.shape[1] // LIGHTER + 1).values[0, -1]
        white = lightest.clamp(255 / MOST, 255)
        exposed: Tensor = self.scaled(
            photo.clamp(max=white), (white * self.std).reciprocal(), self.offset
        )
        return exposed
