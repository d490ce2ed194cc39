"""Eight bits, on a genuine learner's model file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
from PIL import Image

from artline.drawing.model import Model
from models.conversion import agreement, fastai1, quantise
from models.conversion.export import export
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


def test_it_takes_sizes_that_it_was_not_calibrated_at(model: Any, tmp_path: Path) -> None:
    small = tmp_path / "small.onnx"
    photos = agreement.photos(SAMPLES, SIZE)
    quantise.quantise(model, small, photos[::2], photos[1::2])
    photo = np.asarray(Image.open(SAMPLES / "cat.jpg").resize((210, 98)))
    assert Model(small).run(photo).shape == (98, 210, 3)


def test_what_cannot_keep_its_looks_is_refused(model: Any, tmp_path: Path) -> None:
    photos = agreement.photos(SAMPLES, SIZE)
    with pytest.raises(RefusedError, match=r"SSIM 0\.99999"):
        quantise.quantise(model, tmp_path / "small.onnx", photos[:1], photos[1:], bound=0.99999)
