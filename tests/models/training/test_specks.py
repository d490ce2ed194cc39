"""Dots go, and strokes stay as they are."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage  # type: ignore[import-untyped]
from torch import Tensor

from models.training.specks import WithoutSpecks


def without_specks(paper: Tensor) -> Tensor:
    """What is left of paper from 0 to 1, as levels of which -1 is black and 2 white."""
    cleaned: Tensor = WithoutSpecks(-1, 2)(3 * paper - 1)
    return ((cleaned + 1) / 3).clamp(0, 1)


@pytest.mark.parametrize("corner", [(10, 10), (0, 0), (37, 20)])
def test_what_fits_into_three_by_three_pixels_goes(corner: tuple[int, int]) -> None:
    y, x = corner
    paper = torch.ones(1, 2, 40, 40)
    paper[..., y : y + 3, x : x + 3] = torch.tensor([[0.25, 1, 0], [1, 0, 1], [1, 1, 1]])
    assert torch.allclose(without_specks(paper), torch.ones(()), atol=1e-4)


@pytest.mark.parametrize("step", [(0, 1), (1, 0), (1, 1), (1, -1)])
def test_a_stroke_of_four_pixels_stays(step: tuple[int, int]) -> None:
    paper = torch.ones(1, 1, 40, 40)
    for count in range(4):
        paper[0, 0, 20 + count * step[0], 20 + count * step[1]] = 0
    assert torch.allclose(without_specks(paper), paper, atol=1e-4)


@pytest.mark.parametrize(("grey", "left"), [(0.6, 1.0), (0.375, 0.5), (0.25, 0.0)])
def test_a_stroke_beside_a_dot_counts_as_far_as_it_is_darker_than_the_middle(
    grey: float, left: float
) -> None:
    paper = torch.ones(1, 1, 9, 9)
    paper[..., 4, 4] = 0
    paper[..., 3, :] = grey  # of every window that holds the dot, two pixels on the ring or more
    assert without_specks(paper)[0, 0, 4, 4].item() == pytest.approx(left, abs=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.05, 0.2, 0.5]))
def test_a_piece_of_ink_goes_whole_or_stays_and_goes_only_if_small(seed: int, share: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    paper = (torch.rand(1, 1, 24, 31, generator=generator) > share).float()
    cleaned = without_specks(paper)
    assert (cleaned >= paper - 1e-4).all()
    pieces, count = ndimage.label(paper[0, 0].numpy() == 0, [[1, 1, 1]] * 3)
    for box, piece in zip(ndimage.find_objects(pieces), range(1, count + 1), strict=True):
        left = cleaned[0, 0].numpy()[pieces == piece]
        small = all(side.stop - side.start <= 3 for side in box)
        assert (left < 1e-4).all() or (small and (left > 1 - 1e-4).all())
