"""A darker photo is the same to the network, and one with white in it stays as it is."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.training.data import MEAN, STD
from models.training.exposure import AREA, MOST, Exposed

PREPARE = Exposed(MEAN, STD)


def exposed(photo: Tensor) -> Tensor:
    """RGB from 0 to 1, [3, H, W], as it comes to the network."""
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in (MEAN, STD))
    prepared: Tensor = PREPARE(255 * photo[None])
    return prepared[0] * std + mean


def picture(seed: int, white: float) -> Tensor:
    """Noise, and an area in which one colour is as light as `white`."""
    generator = torch.Generator().manual_seed(seed)
    photo = torch.rand(3, 3 * AREA, 2 * AREA, generator=generator) * white
    photo[seed % 3, AREA : 2 * AREA, :AREA] = white
    return photo


@given(st.integers(0, 2**32 - 1), st.floats(1 / MOST, 1))
def test_a_darker_print_is_brought_to_the_same(seed: int, share: float) -> None:
    photo = picture(seed, 1)
    assert torch.allclose(exposed(photo), photo, atol=1e-5)
    assert torch.allclose(exposed(photo * share), photo, atol=1e-4)


def test_a_highlight_smaller_than_an_area_does_not_count() -> None:
    photo = picture(1, 0.5)
    photo[:, 1, 1] = 1
    assert exposed(photo)[:, 2:].max().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("white", [0.0, 0.01, 0.2])
def test_night_is_brightened_so_far_and_no_further(white: float) -> None:
    photo = picture(2, white)
    assert torch.allclose(exposed(photo), MOST * photo, atol=1e-5)
