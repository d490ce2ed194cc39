"""The networks that fastai 1 and torchvision build, as plain torch modules of our own.

Each takes its parts ready made; `modules.py` takes them out of a learner's file. What they
compute follows fastai 1.0.61 and torchvision 0.7 to the letter, the in-place activations included,
since a skip connection may share its memory with one.
"""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

PARTS = 16  # of the queries; at 1024 pixels all scores would take 1 GB, a sixteenth takes 64 MB


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """`softmax(query · keyᵀ) · value`, exactly, with a part of the scores in memory at a time.

    [B, S, D], [B, T, D] and [B, T, E] make [B, S, E].
    """
    count = query.shape[1]
    query = F.pad(query, (0, 0, 0, PARTS - 1 - (count - 1) % PARTS))
    parts = query.reshape(query.shape[0], PARTS, -1, query.shape[2]).unbind(1)
    key = key.transpose(1, 2)
    seen = [torch.softmax(part @ key, dim=-1) @ value for part in parts]
    return torch.cat(seen, dim=1)[:, :count]


class SelfAttention(nn.Module):
    """fastai's attention over all pixels, after SAGAN; three 1x1 convolutions and a gain."""

    def __init__(self, query: nn.Module, key: nn.Module, value: nn.Module, gamma: Tensor) -> None:
        super().__init__()
        self.query, self.key, self.value = query, key, value
        self.gamma = nn.Parameter(gamma)

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        # fastai takes the softmax over what it calls the query, so that this is the key here.
        query, key, value = (f(flat).transpose(1, 2) for f in (self.key, self.query, self.value))
        return self.gamma * attend(query, key, value).transpose(1, 2).view_as(x) + x


class PooledSelfAttention(nn.Module):
    """fastai's attention with pooled keys, after BigGAN."""

    def __init__(
        self, theta: nn.Module, phi: nn.Module, g: nn.Module, o: nn.Module, gamma: Tensor
    ) -> None:
        super().__init__()
        self.theta, self.phi, self.g, self.o = theta, phi, g, o
        self.gamma = nn.Parameter(gamma)

    def forward(self, x: Tensor) -> Tensor:
        query = self.theta(x).flatten(2).transpose(1, 2)
        key = F.max_pool2d(self.phi(x), 2).flatten(2).transpose(1, 2)
        value = F.max_pool2d(self.g(x), 2).flatten(2).transpose(1, 2)
        seen = attend(query, key, value).transpose(1, 2)
        made: Tensor = self.gamma * self.o(seen.reshape(x.shape[0], -1, *x.shape[2:])) + x
        return made


class Blur(nn.Module):
    """The mean of each pixel and its neighbours above and to the left, the border's repeated.

    fastai pads and pools; a depthwise convolution computes the same, and this way of repeating the
    border is, as that is, one that engines can do in eight bits.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mean = nn.Conv2d(channels, channels, 2, groups=channels, bias=False)
        nn.init.constant_(self.mean.weight, 0.25)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.cat([x[:, :, :1], x], dim=2)
        mean: Tensor = self.mean(torch.cat([x[:, :, :, :1], x], dim=3))
        return mean


class PixelShuffle(nn.Module):
    """Upsampling by a convolution and a shuffle, blurred where `blur` is given."""

    def __init__(
        self, conv: nn.Module, relu: nn.Module, shuffle: nn.Module, blur: nn.Module | None
    ) -> None:
        super().__init__()
        self.conv, self.relu, self.shuffle, self.blur = conv, relu, shuffle, blur

    def forward(self, x: Tensor) -> Tensor:
        x = self.shuffle(self.relu(self.conv(x)))
        return x if self.blur is None else self.blur(x)


class SigmoidRange(nn.Module):
    def __init__(self, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = low, high

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(x) * (self.high - self.low) + self.low


class Merge(nn.Module):
    """A skip connection: concatenates the `Chain`'s input (`dense`), or adds it."""

    def __init__(self, dense: bool) -> None:
        super().__init__()
        self.dense = dense
        self.spare = 0  # channels of zeros appended as padding

    def forward(self, x: Tensor, first: Tensor) -> Tensor:
        if self.dense:
            return torch.cat([x, F.pad(first, (0, 0, 0, 0, 0, self.spare))], dim=1)
        return x + first


class Chain(nn.Module):
    """One layer after the other, and a `Merge` among them sees the chain's own input."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        first = x
        for layer in self.layers:
            x = layer(x, first) if isinstance(layer, Merge) else layer(x)
        return x


class UnetBlock(nn.Module):
    """One step up: upsample, put the encoder's `skip` beside it, convolve twice."""

    def __init__(
        self,
        up: nn.Module,
        norm: nn.Module,
        relu: nn.Module,
        convs: nn.Sequential,
    ) -> None:
        super().__init__()
        self.up, self.norm, self.relu, self.convs = up, norm, relu, convs

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(self.up(x), skip.shape[-2:], mode="nearest")
        made: Tensor = self.convs(self.relu(torch.cat([x, self.norm(skip)], dim=1)))
        return made


class Step(NamedTuple):
    """A `UnetBlock` and the encoder's layer, by number, whose output it takes."""

    block: UnetBlock
    tap: int


class DynamicUnet(nn.Module):
    """fastai's U-Net: any encoder of sequential layers, tapped where its resolution halves."""

    def __init__(
        self,
        encoder: Iterable[nn.Module],
        middle: Iterable[nn.Module],
        steps: Iterable[Step],
        tail: Iterable[nn.Module],
    ) -> None:
        super().__init__()
        steps = list(steps)
        self.encoder = nn.ModuleList(encoder)
        self.middle = nn.Sequential(*middle)
        self.blocks = nn.ModuleList(step.block for step in steps)
        self.taps = [step.tap for step in steps]
        self.tail = nn.ModuleList(tail)

    def forward(self, image: Tensor) -> Tensor:
        skips = {}
        x: Tensor = image
        for i, layer in enumerate(self.encoder):
            x = layer(x)
            if i in self.taps:
                skips[i] = x
        x = self.middle(x)
        for block, tap in zip(self.blocks, self.taps, strict=True):
            x = block(x, skips[tap])
        for layer in self.tail:
            x = layer(x, image) if isinstance(layer, Merge) else layer(x)
        return x


class Residual(nn.Module):
    """A resnet's block: convolutions, each with its norm, round a shortcut.

    The activation stands between them, and once more after the sum, not after the last norm.
    """

    def __init__(
        self,
        convs: Iterable[tuple[nn.Module, nn.Module]],
        relu: nn.Module,
        shortcut: nn.Module | None,
    ) -> None:
        super().__init__()
        pairs = list(convs)
        self.convs = nn.ModuleList(nn.Sequential(*pair) for pair in pairs)
        self.relu, self.shortcut = relu, shortcut

    def forward(self, x: Tensor) -> Tensor:
        kept = x if self.shortcut is None else self.shortcut(x)
        *inner, last = self.convs
        for conv in inner:
            x = self.relu(conv(x))
        made: Tensor = self.relu(last(x) + kept)
        return made


class PooledResidual(nn.Module):
    """An xresnet's block: what the shortcut takes is pooled, where that halves."""

    def __init__(
        self, convs: nn.Module, pool: nn.Module | None, shortcut: nn.Module | None
    ) -> None:
        super().__init__()
        self.convs = convs
        self.shortcut = nn.Sequential(*(part for part in (pool, shortcut) if part is not None))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.convs(x) + self.shortcut(x))


# Channels that engines' eight-bit kernels take at a time; 99 take them twice as long as 100.
EVEN = 4


def even_out(tail: Iterable[nn.Module]) -> None:
    """Give the layers behind a dense `Merge` a number of channels that engines are quick with.

    The photo's three beside 96 others make 99, at full resolution. The channels added are nought
    and so are their weights: the picture stays what it was.
    """
    layers = list(tail)
    for at, layer in enumerate(layers):
        if isinstance(layer, Merge) and layer.dense:
            rest = [m for part in layers[at + 1 :] for m in part.modules()]
            convs = [m for m in rest if isinstance(m, nn.Conv2d)]
            plain = (nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.LeakyReLU, nn.Sequential, nn.ModuleList)
            known = (*plain, Chain, Merge, SigmoidRange)
            if not all(isinstance(m, known) for m in rest) or not convs:
                return
            layer.spare = -convs[0].in_channels % EVEN
            for module in rest[: rest.index(convs[-1])]:
                if isinstance(module, nn.Conv2d):
                    _widen_conv(module, outputs=-module.out_channels % EVEN)
                elif isinstance(module, nn.BatchNorm2d):
                    _widen_norm(module)
            _widen_conv(convs[-1], outputs=0)
            return


def _widen_conv(conv: nn.Conv2d, outputs: int) -> None:
    inputs = -conv.in_channels % EVEN
    conv.in_channels, conv.out_channels = conv.in_channels + inputs, conv.out_channels + outputs
    conv.weight = nn.Parameter(F.pad(conv.weight, (0, 0, 0, 0, 0, inputs, 0, outputs)))
    if conv.bias is not None:
        conv.bias = nn.Parameter(F.pad(conv.bias, (0, outputs)))


def _widen_norm(norm: nn.BatchNorm2d) -> None:
    spare = -norm.num_features % EVEN
    norm.num_features += spare
    for name, value in (
        ("weight", 1.0),
        ("bias", 0.0),
        ("running_mean", 0.0),
        ("running_var", 1.0),
    ):
        getattr(norm, name).data = F.pad(getattr(norm, name).data, (0, spare), value=value)
