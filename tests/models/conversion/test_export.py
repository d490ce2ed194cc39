"""A module's file draws what the module draws, in the contract's form."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from torch import nn

from models.conversion.export import export
from models.training.exposure import Exposed
from models.training.network import Network
from models.training.specks import WithoutSpecks
from models.training.train import METADATA, write


class Plain(nn.Module):
    """Half the colour, so that the right answer can be told without the code under test."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 0.5


def run(path: Path, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (art,) = session.run(["art"], {"image": image[None]})
    return art  # type: ignore[no-any-return]


def test_pixels_in_pixels_out(tmp_path: Path, photo: np.ndarray) -> None:
    path = tmp_path / "deeper" / "model.onnx"
    export(Plain(), path, mean=(0, 0, 0), std=(1, 1, 1), metadata=METADATA, multiple=32)
    art = run(path, photo)
    assert art.dtype == np.uint8
    assert art.shape == (1, 96, 64, 3)
    np.testing.assert_allclose(art[0].astype(int), photo / 2, atol=0.51)


def test_normalises_and_stretches_inside(tmp_path: Path, photo: np.ndarray) -> None:
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
    path = tmp_path / "model.onnx"
    export(nn.Identity(), path, mean=mean, std=std, metadata=METADATA, multiple=32, low=-1, high=2)
    expected = np.clip(((photo / 255 - mean) / std + 1) / 3 * 255, 0, 255).round()
    np.testing.assert_allclose(run(path, photo)[0].astype(int), expected, atol=1)


@pytest.mark.parametrize("low", [0, 0.5])
def test_a_network_of_pixels_gets_them_as_they_are(
    tmp_path: Path, photo: np.ndarray, low: float
) -> None:
    """And one whose levels are higher by a half has rounded them already."""
    path = tmp_path / "model.onnx"
    export(
        nn.Identity(), path, mean=(0,) * 3, std=(1 / 255,) * 3, metadata=METADATA, multiple=32,
        low=low, high=255 + low,
    )  # fmt: skip
    np.testing.assert_array_equal(run(path, photo)[0], photo)
    operators = [node.op_type for node in onnx.load(path).graph.node]
    assert operators[:2] == ["Transpose", "Cast"]
    assert "Mul" not in operators
    assert ("Sub" in operators) == (low == 0)


@pytest.mark.parametrize("size", [(32, 32), (160, 64), (64, 352)])
def test_the_network_draws_the_same_from_its_file(tmp_path: Path, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    model = Network()
    write(model, tmp_path / "model.onnx")
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    from models.training.train import BLACK, EVEN, MEAN, STD, WHITE

    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        logits = model.eval()(Exposed(MEAN, STD)(pixels)) + EVEN  # it is smaller than 512 pixels
    levels = (WithoutSpecks(BLACK, WHITE)(logits[:, :1]) - BLACK) / (WHITE - BLACK)
    expected = (levels[0, 0].numpy() * 255).clip(0, 255).round()
    assert 0 < expected.mean() < 255, "there is something to compare"
    art = run(tmp_path / "model.onnx", image)[0, ..., 0]
    np.testing.assert_allclose(art.astype(int), expected, atol=1)


def test_the_file_describes_itself(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export(
        nn.Identity(), path, mean=(0,) * 3, std=(1,) * 3, metadata=METADATA, multiple=8, max_side=99
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_modelmeta().custom_metadata_map == {
        **METADATA,
        "max_side": "99",
        "multiple": "8",
    }
    (image,), (art,) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", [1, "H", "W", 3])
    assert (art.name, art.type, art.shape) == ("art", "tensor(uint8)", [1, "H", "W", 3])


def test_a_fixed_size_is_fixed(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    export(
        Plain(),
        path,
        mean=(0,) * 3,
        std=(1,) * 3,
        metadata=METADATA,
        multiple=32,
        fixed_size=(64, 96),
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == [1, 64, 96, 3]
    assert session.get_outputs()[0].shape == [1, 64, 96, 3]
    metadata = session.get_modelmeta().custom_metadata_map
    assert (metadata["fixed_size"], metadata["max_side"]) == ("64x96", "96")


def test_says_which_metadata_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="license, version"):
        export(
            Plain(),
            tmp_path / "model.onnx",
            mean=(0,) * 3,
            std=(1,) * 3,
            metadata={"name": "x", "source": "y"},
            multiple=32,
        )


class Forgetful(nn.Module):
    """Depends on the size it was traced at, as a careless network does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / int(x.shape[-1]) * 100


def test_refuses_a_graph_that_tracing_froze(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="differ"):
        export(
            Forgetful(),
            tmp_path / "model.onnx",
            mean=(0,) * 3,
            std=(1,) * 3,
            metadata=METADATA,
            multiple=32,
        )
    assert not (tmp_path / "model.onnx").exists()
