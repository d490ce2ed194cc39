"""Eight bits, on a genuine learner's model file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from PIL import Image
from torch.onnx.operators import shape_as_tensor

from artline.drawing.model import Model
from models.conversion import agreement, fastai1, quantise
from models.conversion.convert import CALIBRATED_AT, convert
from models.conversion.export import export
from models.conversion.options import Options
from models.conversion.pickles import RefusedError

HERE = Path(__file__).parent
SAMPLES = HERE.parents[2] / "samples"
SIZE = (128, 160)
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:Constant folding:UserWarning"),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("float") / "model.onnx"
    source = fastai1.read(HERE / "fastai1" / "learners" / "spectral.pkl")
    metadata = {"name": "lines", "version": "1", "license": "MIT", "source": "a test"}
    export(source.module, path, mean=source.mean, std=source.std, metadata=metadata, multiple=2)
    return path


def metadata(path: Path) -> Any:
    return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map


def test_it_keeps_its_looks_and_its_metadata(model: Any, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    photos = agreement.photos(SAMPLES, SIZE)
    done = quantise.quantise(model, small, photos[::2], photos[1::2])
    assert done.agreement.ssim >= quantise.SIMILAR
    assert metadata(small) == metadata(model)
    assert small.stat().st_size < 0.8 * model.stat().st_size
    quantised = [n for n in onnx.load(small).graph.node if n.op_type == "QuantizeLinear"]
    assert len(quantised) > 20


def test_nodes_need_no_names(model: Any, tmp_path: Path) -> None:
    unnamed = onnx.load(model)
    for node in unnamed.graph.node:
        node.name = ""
    onnx.save(unnamed, tmp_path / "unnamed.onnx")
    photos = agreement.photos(SAMPLES, SIZE)
    for path in (model, tmp_path / "unnamed.onnx"):
        quantise.quantise(path, tmp_path / f"small {path.name}", photos[::2], photos[1::2])
    counts = [
        [node.op_type for node in onnx.load(file).graph.node].count("QuantizeLinear")
        for file in tmp_path.glob("small*")
    ]
    assert counts[0] == counts[1] > 20


def chosen(x: torch.Tensor) -> torch.Tensor:
    """Goes by the size, and takes pixels all the same."""
    if x.shape[2] > 2000:
        return torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    return x * 2


class Branched(torch.nn.Module):
    """Has a branch between two convolutions."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.before, self.after = (torch.nn.Conv2d(3, 3, 1) for _ in range(2))
        self.chosen = torch.jit.script(chosen)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        drawn: torch.Tensor = self.after(self.chosen(self.before(x)))
        return drawn


def test_pixels_are_followed_into_branches(tmp_path: Path) -> None:
    path, small = tmp_path / "model.onnx", tmp_path / "small.onnx"
    metadata = {"name": "branched", "version": "1", "license": "MIT", "source": "a test"}
    scale = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "low": -4.0, "high": 4.0}
    export(Branched(), path, metadata=metadata, multiple=2, **scale)  # type: ignore[arg-type]
    photos = agreement.photos(SAMPLES, SIZE)
    quantise.quantise(path, small, photos[::2], photos[1::2], 0.5)
    graph = onnx.load(small).graph
    made_by = {output: node.op_type for node in graph.node for output in node.output}
    convs = [node for node in graph.node if node.op_type == "Conv"]
    assert [made_by[node.input[0]] for node in convs] == ["DequantizeLinear"] * 2


def test_it_takes_sizes_that_it_was_not_calibrated_at(model: Any, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    photos = agreement.photos(SAMPLES, SIZE)
    quantise.quantise(model, small, photos[::2], photos[1::2])
    photo = np.asarray(Image.open(SAMPLES / "cat.jpg").resize((210, 98)))
    assert Model(small).run(photo).shape == (98, 210, 3)


class Styles(torch.nn.Module):
    """Two, of which the second turns what eight bits lose into black and white."""

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = x.mean(1, keepdim=True)
        around = torch.nn.functional.avg_pool2d(y, 3, 1, 1, count_include_pad=False)
        return y, torch.sigmoid(400 * (y - around))


def test_each_style_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = {"name": "two", "version": "1", "license": "MIT", "source": "a test"}
    styles = {"mean": (0.0,) * 3, "std": (1.0,) * 3, "styles": ("soft", "steep")}
    export(Styles(), tmp_path / "two.onnx", metadata=metadata, multiple=2, **styles)  # type: ignore[arg-type]
    seen = []

    def compare(ours: Any, theirs: Any, judged: Any) -> Any:
        seen.append(ours.keywords["style"])
        return agreement.compare(ours, theirs, judged)

    monkeypatch.setattr(quantise, "compare", compare)
    photos = agreement.photos(SAMPLES, SIZE)
    quantise.quantise(
        tmp_path / "two.onnx", tmp_path / "small.onnx", photos[::2], photos[1::2], 0.1
    )
    assert set(seen) == {"soft", "steep"}


def test_what_cannot_keep_its_looks_is_refused(model: Any, tmp_path: Path) -> None:
    photos = agreement.photos(SAMPLES, SIZE)
    with pytest.raises(RefusedError, match=r"SSIM 0\.99999"):
        quantise.quantise(model, tmp_path / "small.onnx", photos[:1], photos[1:], bound=0.99999)


class BySide(torch.nn.Module):
    """Draws by the photo's side: by a sum of two numbers, or in levels that grow with the side."""

    def __init__(self, *, in_pixels: bool) -> None:
        super().__init__()
        self.in_pixels = in_pixels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        light = torch.relu(x.mean(1, keepdim=True))
        side = shape_as_tensor(x)[2:].max().to(light.dtype) / 1024
        return light * side + x[:, :1] / 4 if self.in_pixels else light / (side + 0.5)


def by_side(path: Path, *, in_pixels: bool) -> Path:
    metadata = {"name": "by side", "version": "1", "license": "MIT", "source": "a test"}
    module = BySide(in_pixels=in_pixels)
    export(module, path, mean=(0.0,) * 3, std=(1.0,) * 3, metadata=metadata, multiple=2)
    return path


def test_what_goes_by_the_size_alone_stays_in_float(tmp_path: Path) -> None:
    model, small = by_side(tmp_path / "model.onnx", in_pixels=False), tmp_path / "small.onnx"
    photos = agreement.photos(SAMPLES, SIZE)
    quantise.quantise(model, small, photos[::2], photos[1::2])
    larger = agreement.photos(SAMPLES, (480, 640))
    assert agreement.compare(Model(small).run, Model(model).run, larger).mean < 1
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(small).graph.node)


def test_a_larger_photo_is_judged_too(tmp_path: Path) -> None:
    model = by_side(tmp_path / "model.onnx", in_pixels=True)
    photos = agreement.photos(SAMPLES, CALIBRATED_AT)
    quantise.quantise(model, tmp_path / "small.onnx", photos[::2], photos[1::2])
    with pytest.raises(RefusedError, match="eight bits"):
        convert(model, tmp_path / "eight.onnx", Options(int8=True), SAMPLES)
