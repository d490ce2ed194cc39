"""Exposure: a photo and a darker print of it are drawn alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

AREA = 16  # pixels of the side of the squares that are looked at
LIGHTER = 200  # one square in so many may be lighter than white, as lamps and reflections are
MOST = 2.5  # times that a photo is brightened; more would show little but noise


class Exposed(nn.Module):
    """Brightens a photo until its lightest part is white in one of the colours, and normalises it.

    All colours are brightened alike, which leaves their hues. A photo that has white in it already
    stays as it is. `mean` and `std` are those of the network.
    """

    std: Tensor
    offset: Tensor
    nothing: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        offset = [-each / scale for each, scale in zip(mean, std, strict=True)]
        self.register_buffer("std", torch.tensor(std))
        self.register_buffer("offset", torch.tensor(offset))
        self.register_buffer("nothing", torch.zeros(3))

    def forward(self, photo: Tensor) -> Tensor:
        """Float [1, 3, H, W] from 0 to 255 → normalised; H and W are multiples of `AREA`."""
        height, width = photo.shape[2:]
        # The engine takes means of rows and columns in less time than it pools areas, bounds pixels
        # in less than it takes minima of them, and normalises in less than it multiplies and adds.
        rows = photo.reshape(1, 3, height // AREA, AREA, width).mean(3)
        areas = rows.reshape(1, 3, -1, width // AREA, AREA).mean(4).amax(1).flatten(1)
        lightest = torch.topk(areas, areas.shape[1] // LIGHTER + 1).values[0, -1]
        white = lightest.clamp(255 / MOST, 255)
        return functional.batch_norm(
            photo.clamp(max=white),
            self.nothing,
            self.nothing + 1,
            (white * self.std).reciprocal(),
            self.offset,
            eps=0.0,
        )
