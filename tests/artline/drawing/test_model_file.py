"""What the default model alone must be. `test_any_model.py` has what any model file must be."""

from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
from PIL import Image

from artline.drawing import model
from artline.version import MODEL as PATH
from tests.inplace import only_the_default

pytestmark = only_the_default


@pytest.fixture(scope="module")
def session() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(PATH, providers=["CPUExecutionProvider"])


def draw(session: onnxruntime.InferenceSession, image: np.ndarray) -> np.ndarray:
    (art,) = session.run(["art"], {"image": image[None]})
    return np.asarray(art)


def test_is_small() -> None:
    assert PATH.stat().st_size <= 4_000_000


def test_takes_and_gives_pixels(session: onnxruntime.InferenceSession) -> None:
    (image,), (art, line) = session.get_inputs(), session.get_outputs()
    assert (image.name, image.type, image.shape) == ("image", "tensor(uint8)", [1, "H", "W", 3])
    assert (art.name, art.type, art.shape) == ("art", "tensor(uint8)", [1, "H", "W", 1])
    assert (line.name, line.type, line.shape) == ("line", art.type, art.shape)


def test_describes_itself(session: onnxruntime.InferenceSession) -> None:
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["name"] == "artline"
    assert metadata["license"] == "MIT"
    assert all(metadata[key] for key in ("version", "source"))
    assert int(metadata["max_side"]) >= 1024
    assert int(metadata["max_side"]) % int(metadata["multiple"]) == 0
    assert "fixed_size" not in metadata


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (2, 5)])
def test_draws_any_multiple(session: onnxruntime.InferenceSession, size: tuple[int, int]) -> None:
    multiple = int(session.get_modelmeta().custom_metadata_map["multiple"])
    height, width = (multiple * n for n in size)
    art = draw(session, np.full((height, width, 3), 128, np.uint8))
    assert art.shape == (1, height, width, 1)
    assert art.dtype == np.uint8


@pytest.mark.parametrize("level", [0, 60, 128, 200, 255])
def test_even_paper_stays_white(session: onnxruntime.InferenceSession, level: int) -> None:
    art = draw(session, np.full((256, 320, 3), level, np.uint8))
    assert art[:, 16:-16, 16:-16].min() > 250


def test_a_face_is_black_lines_on_white(
    session: onnxruntime.InferenceSession, samples: Path
) -> None:
    with Image.open(samples / "face.jpg") as photo:
        art = draw(session, np.array(photo.convert("RGB")))
    assert 0.6 < (art == 255).mean() < 0.95, "most of it is white paper"
    assert (art < 64).mean() > 0.03, "lines are black"
    assert ((art > 64) & (art < 250)).mean() < 0.12, "and little is grey"


def test_a_large_model_draws_the_same_without_blocked_layouts(
    monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    with Image.open(samples / "cat.jpg") as photo:
        image = np.array(photo.convert("RGB"))
    small = model.Model(PATH)
    monkeypatch.setattr(model, "LARGE", PATH.stat().st_size - 1)
    large = model.Model(PATH)
    levels = [m._session.get_session_options().graph_optimization_level for m in (small, large)]
    both = onnxruntime.GraphOptimizationLevel
    assert levels == [both.ORT_ENABLE_ALL, both.ORT_ENABLE_EXTENDED]
    np.testing.assert_allclose(large.run(image).astype(int), small.run(image), atol=1)
