"""The student's shape, size and reach."""

import pytest
import torch

from models.training.loss import LineLoss, ssim
from models.training.network import MULTIPLE, Network


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (96, 32)])
def test_draws_at_the_size_of_the_photo(size: tuple[int, int]) -> None:
    with torch.no_grad():
        assert Network().eval()(torch.rand(2, 3, *size)).shape == (2, 1, *size)


def test_is_small() -> None:
    parameters = sum(p.numel() for p in Network().parameters())
    assert parameters * 4 < 3.5e6, "the file may be 4 MB, in float32"


def test_multiple_is_what_its_halvings_need() -> None:
    with pytest.raises(RuntimeError), torch.no_grad():
        Network().eval()(torch.rand(1, 3, MULTIPLE, MULTIPLE + MULTIPLE // 2))


def test_sees_far() -> None:
    torch.manual_seed(0)
    photo = torch.rand(1, 3, 512, 512, requires_grad=True)
    Network().eval()(photo)[0, 0, 256, 256].backward()
    assert photo.grad is not None
    touched = photo.grad.abs().sum(1)[0].nonzero()
    assert (touched.max(0).values - touched.min(0).values).min() > 400


def test_ssim_is_one_for_the_same_and_less_for_grey() -> None:
    drawn = torch.ones(1, 1, 40, 40)
    drawn[..., 18:21] = 0
    assert ssim(drawn, drawn).item() == pytest.approx(1)
    assert ssim(drawn * 0.5 + 0.25, drawn).item() < 0.95


def test_loss_would_rather_have_white_paper_than_grey() -> None:
    paper = torch.ones(1, 1, 40, 40)
    white, grey = torch.full_like(paper, 6.0), torch.full_like(paper, 1.0)
    assert LineLoss()(white, paper) < LineLoss()(grey, paper)
