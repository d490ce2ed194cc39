"""The loss likes black on white, forgives a small shift, and weighs both styles."""

import pytest
import torch
from torch import Tensor

from models.training.loss import LineLoss, distances, ssim

MIDDLE = 1.6  # the logit of paper that is written as mid-grey


def stroke(column: int = 20) -> Tensor:
    """Paper with one upright stroke, [1, 1, 40, 40]."""
    paper = torch.ones(1, 1, 40, 40)
    paper[..., column - 1 : column + 2] = 0
    return paper


def loss(logits: Tensor, paper: Tensor, care: float = 1.0, **options: float) -> Tensor:
    """The loss where every pixel counts `care` times."""
    middle = torch.full([len(paper)], MIDDLE)
    result: Tensor = LineLoss(**options)(logits, paper, torch.full_like(paper, care), middle)
    return result


def sure(paper: Tensor, logit: float = 4.0) -> Tensor:
    """Logits that say `paper` for certain."""
    return (2 * paper - 1) * logit


def test_ssim_is_one_for_the_same_and_less_for_grey() -> None:
    assert ssim(stroke(), stroke()).item() == pytest.approx(1)
    assert ssim(stroke() * 0.5 + 0.25, stroke()).item() < 0.95


def test_distances_are_counted_from_the_area_and_end_at_the_furthest() -> None:
    assert distances(1 - stroke(), 4)[0, 0, 5, 19:26].tolist() == [0, 0, 0, 1, 2, 3, 4]
    assert distances(1 - stroke(), 4).max() == 4


def test_would_rather_have_white_paper_than_grey() -> None:
    paper = torch.ones(1, 1, 40, 40)
    white, grey = torch.full_like(paper, 6.0), torch.full_like(paper, 1.0)
    assert loss(white, paper) < loss(grey, paper)


def test_would_rather_have_a_black_area_than_a_grey_one() -> None:
    paper = torch.ones(1, 1, 40, 40)
    paper[..., 10:30, 10:30] = 0
    grey = sure(paper)
    grey[..., 10:30, 10:30] = 0
    assert loss(sure(paper), paper) < loss(grey, paper)
    alike = [loss(grey, paper, grey=weight) for weight in (0.0, 0.12)]
    assert alike[1] > alike[0], "grey is punished for being grey"


def test_forgives_one_pixel_more_than_five() -> None:
    losses = [loss(sure(stroke(20 + shift)), stroke()).item() for shift in (0, 1, 5)]
    assert losses == sorted(losses)
    assert losses[1] - losses[0] < 0.45 * (losses[2] - losses[0])


def test_the_first_style_counts_more() -> None:
    paper = torch.cat([stroke(), stroke()], 1)
    first, second = sure(paper).clone(), sure(paper).clone()
    first[:, 0], second[:, 1] = 0, 0
    assert loss(first, paper) > loss(second, paper) > loss(sure(paper), paper)


def test_what_counts_more_weighs_more() -> None:
    wrong = sure(stroke(30))
    assert loss(wrong, stroke(), care=3.0) > 2 * loss(wrong, stroke())


def test_views_of_one_crop_shall_be_alike() -> None:
    """Two that are wrong alike cost less than two that are wrong apart."""
    here, there = sure(stroke(26), 2.0), sure(stroke(14), 2.0)
    apart = loss(torch.cat([here, there]), stroke())
    alike = [loss(torch.cat([each, each]), stroke()) for each in (here, there)]
    assert apart > max(alike)
    assert loss(torch.cat([here, here]), stroke()) == pytest.approx(loss(here, stroke()).item())


def test_views_lie_beside_their_own_crop() -> None:
    crops = torch.cat([stroke(14), stroke(26)])
    right = torch.cat([sure(crops[:1])] * 2 + [sure(crops[1:])] * 2)
    mixed = torch.cat([sure(crops)] * 2)
    assert loss(right, crops) < loss(mixed, crops)


def test_views_are_compared_as_they_are_written() -> None:
    """What is written as black twice is alike, however sure of it the network is."""
    paper = stroke()

    def apart(*logits: float) -> float:
        views = torch.cat([torch.full_like(paper, each) for each in logits])
        return float(loss(views, paper, steady=4.0) - loss(views, paper, steady=0.0))

    assert apart(-4.0, MIDDLE - 3) < 0.02
    assert apart(MIDDLE - 0.6, MIDDLE + 0.6) > 2
