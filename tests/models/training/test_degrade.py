"""A degraded photo is a worse picture of the same thing."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from models.training import degrade as module
from models.training.degrade import compressed, degrade, side_lit


def even(level: float, height: int = 64, width: int = 96) -> torch.Tensor:
    return torch.full((40, 3, height, width), level)


def batch(photo: np.ndarray, count: int) -> torch.Tensor:
    return torch.from_numpy(photo).permute(2, 0, 1)[None].float().repeat(count, 1, 1, 1)


@pytest.mark.parametrize("side_light", [0.0, 1.0])
def test_the_picture_stays_recognisable(
    photo: np.ndarray, side_light: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is dark stays darker than what is light and, under side light, lit no less."""
    monkeypatch.setattr(module, "SIDE_LIGHT", side_light)
    torch.manual_seed(0)
    photos = batch(photo, 80)
    worse = degrade(photos, torch.ones_like(photos[:, :1]))
    assert worse.shape == photos.shape
    assert 0 <= worse.min() <= worse.max() <= 255
    dark = worse[:, 0, 40:56, 24:40].mean((1, 2))  # well inside the disc
    left, right = (worse[:, 0, 40:56, part].mean((1, 2)) for part in (slice(8), slice(-8, None)))
    light = torch.maximum(left, right) if side_light else left
    assert (dark < light - 5).all()


def test_every_photo_has_its_own_luck(photo: np.ndarray) -> None:
    torch.manual_seed(0)
    photos = batch(photo, 200)
    worse = degrade(photos, torch.ones_like(photos[:, :1]))
    changes = (worse - photos).abs().mean((1, 2, 3))
    untouched = (changes == 0).float().mean()
    # Lit as it was, and neither soft, noisy nor compressed.
    share = module.SAME_LIGHT
    for each in (module.SOFT, module.NOISY, module.COMPRESSED):
        share *= 1 - each
    assert 0.2 * share < untouched < 3 * share
    assert changes.std() > 5


def test_shade_falls_where_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SAME_LIGHT", "SOFT", "NOISY", "COMPRESSED", "SIDE_LIGHT"):
        monkeypatch.setattr(module, name, 0.0)
    photos, shade = even(200), torch.ones(40, 1, 64, 96)
    shade[..., :48] = 0.5
    worse = degrade(photos, shade)
    assert (worse[..., :48] < worse[..., 48:]).all()
    assert (worse.std((2,)) < 1e-3).all(), "and nowhere else"


def test_side_light_shades_and_has_no_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SIDE_LIGHT", 1.0)
    lit = side_lit(even(200))
    assert 0.25 * 200 < lit.min() < lit.max() <= 1.05 * 200
    assert (lit.amax(1) - lit.amin(1)).max() == 0
    assert (lit.amax((1, 2, 3)) - lit.amin((1, 2, 3))).min() > 5


@pytest.mark.parametrize("quality", [25, 60, 95])
def test_compression_is_that_of_a_jpeg(photo: np.ndarray, quality: int) -> None:
    photo = photo[:90, :70]  # not whole blocks
    file = io.BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=quality, subsampling="4:2:0")
    expected = np.array(Image.open(file)).astype(int)
    asked = torch.tensor([30.0, quality]).view(2, 1, 1, 1)
    own = compressed(batch(photo, 2), asked)[1].permute(1, 2, 0).numpy().astype(int)
    assert own.shape == photo.shape
    error = np.abs(own - expected).mean()
    assert error < 1.5
    assert error < 0.5 * np.abs(photo.astype(int) - expected).mean() + 0.5
