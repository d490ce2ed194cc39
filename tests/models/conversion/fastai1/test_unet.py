"""What is done to a network for speed's sake leaves its picture as it was."""

import pytest
import torch
from torch import nn

from models.conversion.fastai1 import unet


def tail(norm: bool) -> list[nn.Module]:
    """As fastai ends a U-Net: the photo put beside 8 channels, a residual block, three channels."""
    torch.manual_seed(0)

    def conv(inputs: int, outputs: int, size: int = 3) -> list[nn.Module]:
        layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, size, padding=size // 2)]
        if norm:
            layers.append(nn.BatchNorm2d(outputs))
            nn.init.uniform_(layers[1].weight)  # type: ignore[arg-type]
            nn.init.uniform_(layers[1].bias)  # type: ignore[arg-type]
        return layers

    block = [nn.Sequential(*conv(11, 5)), nn.ReLU(), nn.Sequential(*conv(5, 11)), nn.ReLU()]
    last = nn.Sequential(*conv(11, 3, size=1))
    return [unet.Merge(dense=True), unet.Chain([*block, unet.Merge(dense=False)]), last]


@torch.no_grad()
def draw(layers: list[nn.Module], x: torch.Tensor, photo: torch.Tensor) -> torch.Tensor:
    for layer in layers:
        layer.eval()
        x = layer(x, photo) if isinstance(layer, unet.Merge) else layer(x)
    return x


@pytest.mark.parametrize("norm", [False, True])
def test_channels_of_nothing_change_nothing(norm: bool) -> None:
    x, photo = torch.randn(1, 8, 6, 10), torch.randn(1, 3, 6, 10)
    plain, even = tail(norm), tail(norm)
    unet.even_out(even)
    convs = [m for layer in even for m in layer.modules() if isinstance(m, nn.Conv2d)]
    assert [conv.in_channels for conv in convs] == [12, 8, 12]
    torch.testing.assert_close(draw(even, x, photo), draw(plain, x, photo))


def test_attention_in_parts_is_attention() -> None:
    query, key, value = (torch.randn(2, n, c) for n, c in ((37, 4), (21, 4), (21, 6)))
    whole = torch.softmax(query @ key.transpose(1, 2), dim=-1) @ value
    torch.testing.assert_close(unet.attend(query, key, value), whole)


@pytest.mark.parametrize("size", [(1, 1), (5, 8)])
def test_blur_is_padding_and_pooling(size: tuple[int, int]) -> None:
    x = torch.randn(1, 3, *size)
    fastai = nn.Sequential(nn.ReplicationPad2d((1, 0, 1, 0)), nn.AvgPool2d(2, stride=1))
    torch.testing.assert_close(unet.Blur(3)(x), fastai(x))
