"""What makes line art crisp: right nearly pixel by pixel, alike in structure, black or white."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def ssim(a: Tensor, b: Tensor, window: int = 7) -> Tensor:
    """Mean structural similarity of [N, C, H, W] in 0..1 (Wang et al. 2004), differentiable.

    Windows are flat and stand two pixels apart: a twentieth of the time of Gaussian ones on every
    pixel, which cost more than the network did.
    """
    stacked = torch.cat([a, b, a * a, b * b, a * b], 1)
    means = functional.avg_pool2d(stacked, window, stride=2)
    mean_a, mean_b, square_a, square_b, product = means.chunk(5, 1)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    light = (2 * mean_a * mean_b + 0.01**2) / (mean_a**2 + mean_b**2 + 0.01**2)
    structure = (2 * covariance + 0.03**2) / (var_a + var_b + 0.03**2)
    return torch.mean(light * structure)


def grown(area: Tensor) -> Tensor:
    """`area`, bool [N, C, H, W], one pixel larger on all sides, corners included."""
    wide = area.clone()
    wide[..., 1:] |= area[..., :-1]
    wide[..., :-1] |= area[..., 1:]
    high = wide.clone()
    high[..., 1:, :] |= wide[..., :-1, :]
    high[..., :-1, :] |= wide[..., 1:, :]
    return high


def distances(area: Tensor, furthest: int) -> Tensor:
    """How many pixels each is away from `area` (over 0.5), up to `furthest`; as a king walks."""
    reached = area > 0.5
    away = (~reached).to(torch.uint8)
    for _ in range(furthest - 1):
        reached = grown(reached)
        away += ~reached
    return away.float()


class LineLoss(nn.Module):
    """Cross-entropy, which tolerates small shifts of ink, and SSIM, which penalises grey.

    Cross-entropy forgives a small shift: what is one pixel off an outline counts `near` as much as
    what is `FURTHEST` pixels off, on either side of it. Ink far from any ink, as in grass, counts
    twice, and so does paper deep in a black area. Cross-entropy alone greys what it is unsure of.
    SSIM is unforgiving of grey where there are strokes, and the term for grey where there are
    areas. The absolute difference keeps empty paper white, where SSIM has no slope. Views of one
    crop are compared with each other too, as they would be written, so that noise and light change
    little.
    """

    FURTHEST = 4
    STEEP = 3.0  # times a logit is scaled about what is written as mid-grey, to be as crisp as that

    def __init__(
        self, *, near: float = 0.4, grey: float = 0.12, first: float = 0.65, steady: float = 6.0
    ) -> None:
        super().__init__()
        self.near, self.grey, self.first, self.steady = near, grey, first, steady

    def forward(self, logits: Tensor, paper: Tensor, care: Tensor, middle: Tensor) -> Tensor:
        """The loss of all styles, of which the first counts more.

        Args:
            logits: of paper, [N V, styles, H, W], of V views of each crop.
            paper: from 0 to 1, [N, styles, H, W].
            care: how many times each pixel counts, [N, styles, H, W].
            middle: the logit that is written as mid-grey, [N].

        """
        own = self.single(logits[:, :1].float(), paper[:, :1], care[:, :1], middle)
        if logits.shape[1] == 1:
            return own
        others = self.single(logits[:, 1:].float(), paper[:, 1:], care[:, 1:], middle)
        return self.first * own + (1 - self.first) * others

    def single(self, logits: Tensor, paper: Tensor, care: Tensor, middle: Tensor) -> Tensor:
        """The loss of one style."""
        outside, inside = distances(1 - paper, self.FURTHEST), distances(paper, self.FURTHEST)
        off = torch.maximum(outside, inside)
        weight = self.near + (1 - self.near) * (off - 1) / (self.FURTHEST - 1)
        weight = care * (weight + (off >= self.FURTHEST).float())
        views = len(logits) // len(paper)
        paper, care, weight = (each.repeat_interleave(views, 0) for each in (paper, care, weight))
        drawn = torch.sigmoid(logits)
        entropy = functional.binary_cross_entropy_with_logits(logits, paper, weight=weight)
        grey = (4 * drawn * (1 - drawn)).mean()
        loss = entropy + unlike(drawn, paper, care) + self.grey * grey
        middle = middle.repeat_interleave(views).view(-1, 1, 1, 1)
        written = torch.sigmoid(self.STEEP * (logits - middle))
        for view in range(1, views):
            apart = unlike(written[view::views], written[::views], care[::views])
            loss = loss + self.steady * apart
        return loss


def unlike(a: Tensor, b: Tensor, care: Tensor) -> Tensor:
    """How far line art is from other line art, each [N, C, H, W]: in structure and by pixel."""
    return 0.5 * (1 - ssim(a, b)) + (care * (a - b).abs()).mean()
