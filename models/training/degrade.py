"""What may happen to a photo before the network sees it; the line art of it stays as it was.

All of it runs on batches, where the network does. Photos are float [N, 3, H, W], from 0 to 255.
Each photo of a batch has its own luck, from torch's generator of its device.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from models.training.flow import LUMINANCE, gaussian, lightness_of

SIDE_LIGHT = 0.4  # of the photos are lit from a side
SAME_LIGHT = 0.4  # are lit as they were: only noise, blur and compression remain
GREY = 0.08  # have lost their colours
SOFT, NOISY, COMPRESSED = 0.3, 0.5, 0.7  # share of the photos that are each of these
# The quantisation of a JPEG of quality 50, of lightness and of colour (ITU T.81, annex K).
TABLES = (
    (
        (16, 11, 10, 16, 24, 40, 51, 61),
        (12, 12, 14, 19, 26, 58, 60, 55),
        (14, 13, 16, 24, 40, 57, 69, 56),
        (14, 17, 22, 29, 51, 87, 80, 62),
        (18, 22, 37, 56, 68, 109, 103, 77),
        (24, 35, 55, 64, 81, 104, 113, 92),
        (49, 64, 78, 87, 103, 121, 120, 101),
        (72, 92, 95, 98, 112, 100, 103, 99),
    ),
    (
        (17, 18, 24, 47, 99, 99, 99, 99),
        (18, 21, 26, 66, 99, 99, 99, 99),
        (24, 26, 56, 99, 99, 99, 99, 99),
        (47, 66, 99, 99, 99, 99, 99, 99),
        *((99,) * 8,) * 4,
    ),
)


def degrade(photos: Tensor, shade: Tensor) -> Tensor:
    """Worse pictures of the same things.

    Args:
        photos: RGB from 0 to 255, [N, 3, H, W].
        shade: what is left of the light on faces, from 0 to 1, [N, 1, H, W].

    """
    relit = side_lit(toned(photos * shade))
    photos = _some(photos, relit, 1 - SAME_LIGHT)
    photos = _some(
        photos, torch.lerp(photos, gaussian(photos, 1.0), _uniform(photos, 0.3, 1)), SOFT
    )
    photos = _some(photos, noisy(photos), NOISY)
    return _some(photos, compressed(photos, _uniform(photos, 20, 90)), COMPRESSED)


def _uniform(like: Tensor, low: float, high: float, channels: int = 1) -> Tensor:
    """A number for each photo, or for each of its channels, [N, channels, 1, 1]."""
    return torch.empty(len(like), channels, 1, 1, device=like.device).uniform_(low, high)


def _some(photos: Tensor, others: Tensor, share: float) -> Tensor:
    """`photos`, a `share` of which are replaced by those of `others`."""
    return torch.where(_uniform(photos, 0, 1) < share, others, photos)


def toned(photos: Tensor) -> Tensor:
    """Lighter or darker, of another contrast and tint, paler or more colourful."""
    gamma = (_uniform(photos, -0.4, 0.4) + _uniform(photos, -0.15, 0.15, 3)).exp()
    gain = _uniform(photos, 0.75, 1.15)  # what is darker yet, the model file brightens
    lit = 255 * (gain * (photos / 255) ** gamma).clamp(0, 1)
    colour = _some(_uniform(photos, 0.4, 1.4), torch.zeros_like(gain), GREY)
    return torch.lerp(lightness_of(lit).expand_as(lit), lit, colour).clamp(0, 255)


def side_lit(photos: Tensor) -> Tensor:
    """With one side in the shade, some of them: skin is still skin there."""
    turn, steep = _uniform(photos, 0, 2 * math.pi), _uniform(photos, 3, 9)
    rows, columns = (
        torch.linspace(-0.5, 0.5, side, device=photos.device) for side in photos.shape[2:]
    )
    towards = rows[:, None] * turn.sin() + columns * turn.cos()
    lit = torch.sigmoid(steep * towards + _uniform(photos, -1.5, 1.5))
    shade = _uniform(photos, 0.3, 0.8)
    light = shade + (1.05 - shade) * lit
    return _some(photos, (photos * light).clamp(0, 255), SIDE_LIGHT)


def noisy(photos: Tensor) -> Tensor:
    """With noise in every colour, or of lightness only, as after a camera's own denoising."""
    noise = torch.randn_like(photos)
    noise = _some(noise, noise[:, :1].expand_as(noise), 0.5)
    return (photos + _uniform(photos, 1, 22) * noise).clamp(0, 255)


def compressed(photos: Tensor, quality: Tensor) -> Tensor:
    """As a JPEG with half as much colour each way leaves them.

    Args:
        photos: RGB from 0 to 255, [N, 3, H, W].
        quality: of the JPEG from 1 to 100, [N, 1, 1, 1], rounded down.

    """
    height, width = photos.shape[2:]
    padded = functional.pad(photos.round(), (0, -width % 16, 0, -height % 16), "replicate")
    red, _, blue = padded.chunk(3, 1)
    luma = lightness_of(padded)
    reach = padded.new_tensor([1.772, 1.402]).view(2, 1, 1)  # of blue and red, less luma
    colour = functional.avg_pool2d(torch.cat([blue, red], 1) - luma, 2) / reach
    quality = quality.floor()
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    luma = quantised(luma - 128, TABLES[0], scale) + 128
    colour = quantised(colour, TABLES[1], scale)
    colour = functional.interpolate(colour, scale_factor=2.0, mode="bilinear")
    blue, red = (luma + colour * reach).chunk(2, 1)
    green = (luma - LUMINANCE[0] * red - LUMINANCE[2] * blue) / LUMINANCE[1]
    decoded = torch.cat([red, green, blue], 1).clamp(0, 255).round()
    return decoded[..., :height, :width]


def quantised(planes: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """[N, C, H, W] after each 8 by 8 pixels went through a JPEG's cosine transform and rounding.

    `scale`, [N, 1, 1, 1], is the percentage of `table` that is rounded to.
    """
    count, channels, height, width = planes.shape
    steps = ((planes.new_tensor(table) * scale + 50) / 100).floor().clamp(1, 255)
    at = torch.arange(8, device=planes.device)
    cosines = ((2 * at + 1) * at[:, None] * math.pi / 16).cos() / 2
    cosines[0] /= math.sqrt(2)
    blocks = planes.view(count, channels, height // 8, 8, width // 8, 8).transpose(3, 4)
    steps = steps[:, :, None, None]
    rounded = (cosines @ blocks @ cosines.T / steps).round() * steps
    return (cosines.T @ rounded @ cosines).transpose(3, 4).reshape(planes.shape)
