"""Specks: dots of ink that are no stroke."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class WithoutSpecks(nn.Module):
    """Takes away what ink fits into three by three pixels with none on the ring around them.

    `black` is the level up to which a pixel is ink as a whole, `white` that from which it is paper;
    what is lighter than the middle of the two is no ink here. The ink on a ring is what five by
    five pixels hold less what the inner three by three do: two means, which cost less than sixteen
    comparisons. A stroke crosses the ring, and so stays as it is.
    """

    def __init__(self, black: float, white: float) -> None:
        super().__init__()
        self.black, self.middle, self.white = black, (black + white) / 2, white

    def forward(self, levels: Tensor) -> Tensor:
        """Float [N, C, H, W] → the same. Beyond the border is paper."""
        ink = (self.middle - levels).clamp(0, self.middle - self.black)
        # Twice the ink on the ring: one black pixel is as much as there is from black to white.
        ring = 50 * functional.avg_pool2d(ink, 5, 1, 2) - 18 * functional.avg_pool2d(ink, 3, 1, 1)
        return torch.maximum(levels, functional.max_pool2d(self.white - ring, 3, 1, 1))
