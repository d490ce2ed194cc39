"""The student: a compact fully convolutional U-Net.

Photo in, line art out, one pass. What makes it quick: a space-to-depth stem, so that nothing runs
at full resolution; few channels where there are many pixels, many where there are few; a decoder
that reduces before it enlarges; a pixel-shuffle head, which gives every pixel its own line and so
keeps the lines crisp. What makes it see: five halvings, so that the deepest features look at some
500 pixels around, enough to tell a contour from a texture. What makes its strokes keep their share
of the picture: it is told the picture's side, which a convolution cannot see.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional
from torch.onnx.operators import shape_as_tensor

MULTIPLE = 32  # H and W: half for the stem, four halvings below it
WIDTHS = (16, 32, 48, 80, 128)
STYLES = ("ink", "line")  # what the channels of the output are; the first is the default
SIDE = 1024  # pixels of the longer side that "no larger and no smaller" means


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
        blocks: Tensor = self.blocks(x)
        return x + blocks


class Up(nn.Module):
    """Narrows, enlarges to the skip's size, joins it."""

    def __init__(self, below: int, skip: int) -> None:
        super().__init__()
        self.narrow = Block(below, skip, size=1)
        self.join = Block(2 * skip, skip)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Below [N, C, H, W] and the skip [N, S, 2H, 2W] → [N, S, 2H, 2W]."""
        x = functional.interpolate(self.narrow(x), scale_factor=2.0, mode="nearest")
        joined: Tensor = self.join(torch.cat([x, skip], 1))
        return joined


def told(x: Tensor, larger: Tensor, doubled: Tensor) -> Tensor:
    """`x` [N, C, H, W] plus the product of `larger` [N, 1, 1, 1] and `doubled` [1, C, 1, 1].

    Written as a convolution of an even plane: ONNX Runtime adds that to features in their blocked
    layout, while a sum with a row of channels makes it convert all of them, there and back.
    """
    plane = larger.expand(-1, -1, x.shape[-2], x.shape[-1])
    return x + functional.conv2d(plane, doubled.transpose(0, 1))


def doublings_of(picture: Tensor) -> Tensor:
    """Log2 of the longer side of [N, C, H, W] over `SIDE`, [1]."""
    side = shape_as_tensor(picture)[2:].max().to(picture.dtype)
    return torch.log2(side / SIDE).view(1)


class Network(nn.Module):
    """The network: normalised RGB [N, 3, H, W] → logits of paper [N, 2, H, W], one a style.

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
            Block(widths[0], widths[0]),
            nn.Conv2d(widths[0], 4 * len(STYLES), 3, padding=1),
            nn.PixelShuffle(2),
        )
        # What a picture of twice the side adds to the features at each depth but the first, whose
        # many pixels would make it dear.
        self.doubled = nn.ParameterList(torch.zeros(1, width, 1, 1) for width in widths[1:])

    def forward(self, x: Tensor, doublings: Tensor | None = None) -> Tensor:
        """Logits of paper, at the picture's own size.

        Args:
            x: normalised RGB, [N, 3, H, W].
            doublings: log2 of the picture's longer side over `SIDE`, [N]; for a crop, which is not
                the picture. Left out, `x` is the picture.

        """
        if doublings is None:
            doublings = doublings_of(x)
        larger = doublings.view(-1, 1, 1, 1)
        skips = [self.stem(x)]
        for down, doubled in zip(self.down, self.doubled, strict=True):
            skips.append(told(down(skips[-1]), larger, doubled))
        x = skips.pop()
        for up in self.up:
            x = up(x, skips.pop())
        logits: Tensor = self.head(x)
        return logits


def from_file(path: Path) -> Network:
    """The network with the weights of a model file that it was exported to.

    Batch normalisation was folded into the convolutions: it starts as what changes nothing, and
    has to see some photos (`settle`) before it can be trained. A file with one style gives both.
    A file of version 1.0 does not know of the photo's side, which then changes nothing at first.

    Raises:
        ValueError: the file holds another network.

    """
    graph = onnx.load(path).graph
    weights = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    convolved = [
        [torch.from_numpy(weights[name].copy()) for name in node.input[1:]]
        for node in graph.node
        if node.op_type == "Conv"
    ]
    stored = [each for each in convolved if len(each) == 2]
    told_by = [each[0] for each in convolved if len(each) == 1]  # those without bias are `told`'s
    network = Network()
    convolutions = in_order(network)
    if len(stored) != len(convolutions):
        raise ValueError(f"{path} has {len(stored)} convolutions, not {len(convolutions)}")
    with torch.no_grad():
        for (convolution, norm), (weight, bias) in zip(convolutions, stored, strict=True):
            times = len(convolution.weight) // len(weight)
            convolution.weight.copy_(weight.repeat(times, 1, 1, 1))
            layer: Any = norm or convolution
            layer.bias.copy_(bias.repeat(times))
            if norm:
                norm.eps, norm.running_var = 1e-5, torch.full((len(weight),), 1 - 1e-5)
        for doubled, weight in zip(network.doubled, told_by, strict=False):
            doubled.copy_(weight.transpose(0, 1))
    return network


def in_order(network: Network) -> list[tuple[nn.Conv2d, nn.BatchNorm2d | None]]:
    """The convolutions as they run, each with the normalisation that follows it."""
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d | None]] = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            found.append((module, None))
        elif isinstance(module, nn.BatchNorm2d):
            found[-1] = (found[-1][0], module)
    return found


@torch.no_grad()
def settle(network: Network, photos: Tensor, doublings: Tensor) -> None:
    """Let the normalisation take its statistics from `photos`, leaving what is drawn the same."""

    def measure(norm: Any, inputs: tuple[Tensor]) -> None:
        variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3))
        before = norm.weight / (norm.running_var + norm.eps).sqrt()
        norm.bias.add_((mean - norm.running_mean) * before)
        norm.weight.copy_(before * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    hooks = [norm.register_forward_pre_hook(measure) for _, norm in in_order(network) if norm]
    network.eval()(photos, doublings)
    for hook in hooks:
        hook.remove()
