"""A darker photo is the same to the network, and one with white in it stays as it is."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from onnxruntime import InferenceSession  # type: ignore[import-untyped]
from torch import Tensor
from torch.nn import functional

from models.conversion.export import export
from models.training.exposure import AREA, MOST, Exposed
from models.training.train import MEAN, STD

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


def test_highlights_are_white_and_count_for_nothing() -> None:
    photo = picture(1, 0.5)
    photo[:, ::7, ::5] = 1
    dots = torch.zeros(photo.shape[1:], dtype=torch.bool)
    dots[::7, ::5] = True
    bright = exposed(photo)
    assert (bright[:, dots] == bright.max()).all()
    assert bright.max().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("corner", [(48, 64), (56, 70)])
@pytest.mark.parametrize("side", [256, 512, 1024])
def test_a_lamp_at_night_leaves_the_rest_as_it_was(side: int, corner: tuple[int, int]) -> None:
    """Wherever it lies, and however large the photo is."""
    night = torch.linspace(0, 0.5, 1024).expand(3, 1024, 1024)
    lit = night.clone()
    y, x = corner
    lit[:, y : y + 16, x : x + 16] = 1
    before, after = (functional.interpolate(each[None], (side, side))[0] for each in (night, lit))
    same = before == after
    assert same.float().mean() > 0.99
    assert torch.allclose(exposed(before)[same], exposed(after)[same], atol=1e-4)


def test_the_file_takes_a_share_of_what_there_is_too(tmp_path: Path) -> None:
    metadata = {"name": "x", "version": "1", "license": "MIT", "source": "here"}
    export(
        PREPARE, tmp_path / "x.onnx", mean=(0,) * 3, std=(1 / 255,) * 3, metadata=metadata,
        multiple=16, low=-2, high=3,
    )  # fmt: skip
    session = InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    photo = (255 * picture(3, 0.7).repeat(1, 12, 9)).byte()
    expected = ((PREPARE(photo[None].float())[0] + 2) * 51).clamp(0, 255).permute(1, 2, 0)
    (found,) = session.run(["art"], {"image": photo.permute(1, 2, 0)[None].numpy()})
    np.testing.assert_allclose(found[0], expected, atol=0.51)


@pytest.mark.parametrize("white", [0.0, 0.01, 0.2])
def test_night_is_brightened_so_far_and_no_further(white: float) -> None:
    photo = picture(2, white)
    assert torch.allclose(exposed(photo), MOST * photo, atol=1e-5)
