"""The student: a compact fully convolutional U-Net.

Photo in, line art out, one pass. What makes it quick: a space-to-depth stem, so that nothing runs
at full resolution; few channels where there are many pixels, many where there are few; a decoder
that reduces before it enlarges; a pixel-shuffle head, which gives every pixel its own line and so
keeps the lines crisp. What makes it see: five halvings, so that the deepest features look at some
500 pixels around, enough to tell a contour from a texture.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional

MULTIPLE = 32  # H and W: half for the stem, four halvings below it
WIDTHS = (16, 32, 48, 80, 128)


class Block(nn.Sequential):
    """Convolution, batch normalisation (folded into it at export), ReLU."""

    def __init__(self, inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, (size - 1) // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two blocks beside the identity: context at little cost where there are few pixels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(width, width), Block(width, width))

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] → the same."""
        return x + self.blocks(x)


class Up(nn.Module):
    """Narrows, enlarges to the skip's size, joins it."""

    def __init__(self, below: int, skip: int) -> None:
        super().__init__()
        self.narrow = Block(below, skip, size=1)
        self.join = Block(2 * skip, skip)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Below [N, C, H, W] and the skip [N, S, 2H, 2W] → [N, S, 2H, 2W]."""
        x = functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        return self.join(torch.cat([x, skip], 1))


class Network(nn.Module):
    """The network: normalised RGB [N, 3, H, W] → logits of paper [N, 1, H, W].

    H and W are multiples of `MULTIPLE`. A pixel is paper (1) or ink (0) by the logit's sigmoid.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        # Space to depth and a convolution over it, written as the one convolution it is.
        self.stem = Block(3, widths[0], size=6, stride=2)
        pairs = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(
            nn.Sequential(Block(above, below, stride=2), Residual(below)) for above, below in pairs
        )
        self.up = nn.ModuleList(Up(below, above) for above, below in reversed(pairs))
        self.head = nn.Sequential(
            Block(widths[0], widths[0]), nn.Conv2d(widths[0], 4, 3, padding=1), nn.PixelShuffle(2)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of paper, at the picture's own size."""
        skips = [self.stem(x)]
        for down in self.down:
            skips.append(down(skips[-1]))
        x = skips.pop()
        for up in self.up:
            x = up(x, skips.pop())
        return self.head(x)
