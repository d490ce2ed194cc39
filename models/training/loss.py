"""What makes lines crisp: right pixel by pixel, and alike in structure."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def ssim(a: Tensor, b: Tensor, window: int = 7) -> Tensor:
    """Mean structural similarity of [N, 1, H, W] in 0..1 (Wang et al. 2004), differentiable.

    Windows are flat and stand two pixels apart: a twentieth of the time of Gaussian ones on every
    pixel, which cost more than the network did.
    """
    means = functional.avg_pool2d(torch.cat([a, b, a * a, b * b, a * b], 1), window, stride=2)
    mean_a, mean_b, square_a, square_b, product = means.unbind(1)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (var_a + var_b + 0.03**2)
    return (light * structure).mean()


class LineLoss(nn.Module):
    """Cross-entropy, which says where lines may be, and SSIM, which makes up its mind.

    Cross-entropy alone greys what it is unsure of. SSIM is unforgiving of grey: a window is paper
    or holds a stroke. The absolute difference keeps empty paper white, where SSIM has no slope,
    and ink far from any line, as in grass, counts twice.
    """

    def forward(self, logits: Tensor, paper: Tensor) -> Tensor:
        """Logits of paper and paper in 0..1, both [N, 1, H, W]."""
        logits = logits.float()
        drawn = torch.sigmoid(logits)
        empty = (-functional.max_pool2d(-paper, 9, stride=1, padding=4)).ge(0.9).float()
        entropy = functional.binary_cross_entropy_with_logits(logits, paper, weight=1 + empty)
        return entropy + 0.5 * (1 - ssim(drawn, paper)) + functional.l1_loss(drawn, paper)
