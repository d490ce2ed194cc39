"""The student's shape, size and reach, and what it knows of the photo's side."""

from pathlib import Path

import pytest
import torch

from models.conversion.export import export
from models.training.network import MULTIPLE, SIDE, STYLES, Network, from_file, settle
from models.training.train import METADATA, write


def told(network: Network) -> Network:
    """`network` with a side that matters, as after training."""
    torch.manual_seed(1)
    with torch.no_grad():
        for added in network.doubled:
            added.normal_(0, 0.3)
    return network.eval()


@pytest.mark.parametrize("size", [(32, 32), (64, 160), (96, 32)])
def test_draws_every_style_at_the_size_of_the_photo(size: tuple[int, int]) -> None:
    with torch.no_grad():
        logits = Network().eval()(torch.rand(2, 3, *size), torch.zeros(2))
    assert logits.shape == (2, len(STYLES), *size)


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


@torch.no_grad()
def test_the_side_of_the_photo_is_told_or_seen() -> None:
    network = told(Network())
    photo = torch.rand(1, 3, 64, 128)
    seen = network(photo)
    doublings = torch.log2(torch.tensor([128 / SIDE]))
    torch.testing.assert_close(network(photo, doublings), seen)
    assert (network(photo, doublings + 1) - seen).abs().max() > 0.001, "another side, other strokes"


@torch.no_grad()
def test_is_read_from_its_file_and_settling_changes_nothing(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = told(Network())
    network.train()(torch.randn(4, 3, 64, 64), torch.zeros(4))  # some statistics to fold
    write(network, tmp_path / "model.onnx")
    photos, sides = torch.randn(2, 3, 64, 96), torch.tensor([-1.0, 1.0])
    expected = network.eval()(photos, sides)
    again = from_file(tmp_path / "model.onnx")
    torch.testing.assert_close(again.eval()(photos, sides), expected, atol=1e-3, rtol=1e-3)
    settle(again, 3 * torch.randn(2, 3, 64, 64), sides)
    torch.testing.assert_close(again(photos, sides), expected, atol=1e-3, rtol=1e-3)
    means = [value for name, value in again.named_buffers() if name.endswith("running_mean")]
    assert min(mean.abs().max() for mean in means) > 0, "the statistics are those of the photos"


def test_another_network_is_refused(tmp_path: Path) -> None:
    layer = torch.nn.Conv2d(3, 1, 1)
    export(layer, tmp_path / "x.onnx", mean=(0,) * 3, std=(1,) * 3, metadata=METADATA, multiple=8)
    with pytest.raises(ValueError, match="1 convolutions"):
        from_file(tmp_path / "x.onnx")
