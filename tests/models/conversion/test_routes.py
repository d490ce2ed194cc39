"""Networks that come as TorchScript, an exported program, weights, ONNX or a fastai 2 learner."""

import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn

from artline.drawing.model import Model
from models.conversion import convert
from models.conversion.cost import Cost
from models.conversion.options import Options
from models.conversion.pickles import RefusedError

SAMPLES = Path(__file__).parents[3] / "samples"
PREVIEW = Path(tempfile.gettempdir()) / "artline-preview.jpg"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]


class Lines(nn.Module):
    """Halves, doubles, and so takes even sizes alone; gives -1 to 1."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, 2, 1)
        self.up = nn.Conv2d(8, 12, 3, 1, 1)
        self.shuffle = nn.PixelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(self.shuffle(self.up(torch.relu(self.down(x)))))


def make() -> nn.Module:
    torch.manual_seed(0)
    return Lines().eval()


def options(**more: Any) -> Options:
    given: dict[str, Any] = {
        "mean": MEAN,
        "std": STD,
        "low": -1,
        "high": 1,
        "max_side": 256,
        "trust": True,
    }
    return Options(preview=PREVIEW, **given | more)


def expected(photo: Any) -> Any:
    x = (torch.from_numpy(photo).permute(2, 0, 1)[None].float() / 255 - stat(MEAN)) / stat(STD)
    with torch.inference_mode():
        y = (make()(x) + 1) / 2
    return y[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255


def stat(values: Any) -> Any:
    return torch.tensor(values).view(1, 3, 1, 1)


def assert_drawn(model: Any, size: Any = (64, 98)) -> None:
    photo = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    (art,) = onnxruntime.InferenceSession(model).run(["art"], {"image": photo[None]})
    assert np.abs(art[0] - expected(photo)).max() < 0.51


def write_torchscript(path: Path) -> None:
    torch.jit.save(torch.jit.script(make()), path)


def write_onnx(
    path: Path,
    size: Any = ("H", "W"),
    opset: int = 17,
    module: Any = None,
    given: str = "photo",
) -> None:
    """Writes `module`, by default `Lines`, with `given` for its input's name."""
    free = {} if size == (64, 98) else {k: {2: "H", 3: "W"} for k in (given, "art")}
    names = {"input_names": [given], "output_names": ["art"]}
    photo = torch.zeros(1, 3, *(size if size == (64, 98) else (64, 96)))
    torch.onnx.export(
        module or make(),
        (photo,),
        path,
        dynamo=False,
        opset_version=opset,
        dynamic_axes=free,
        **names,  # type: ignore[arg-type]
    )


def write_program(path: Path, free: bool = False) -> None:
    torch.export.save(torch.export.export(make(), (torch.zeros(1, 3, 64, 98),)), path)


def write_weights(path: Path) -> None:
    torch.save({"state_dict": make().state_dict()}, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("net.pt", write_torchscript),
        ("net.onnx", write_onnx),
        ("old.onnx", lambda path: write_onnx(path, opset=11)),
    ],
)
def test_a_graph_of_free_size(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    report = convert.convert(tmp_path / name, tmp_path / "to" / "m.onnx", options(), SAMPLES)
    assert report.metadata["multiple"] == "2"
    assert report.agreement.largest < 0.51
    assert_drawn(tmp_path / "to" / "m.onnx")


@pytest.mark.parametrize(
    ("name", "write"),
    [("net.pt2", write_program), ("net.onnx", lambda path: write_onnx(path, (64, 98)))],
)
def test_a_graph_of_one_size(tmp_path: Path, name: str, write: Any) -> None:
    write(tmp_path / name)
    report = convert.convert(tmp_path / name, tmp_path / "to" / "m.onnx", options(), SAMPLES)
    assert report.metadata["fixed_size"] == "64x98"
    assert report.metadata["max_side"] == "98"
    assert_drawn(tmp_path / "to" / "m.onnx")


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_weights_for_a_factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    if name == "net.pth":
        write_weights(tmp_path / name)
    else:
        save_file(make().state_dict(), tmp_path / name)
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    given = options(factory="factories:make")
    convert.convert(tmp_path / name, tmp_path / "m.onnx", given, SAMPLES)
    assert_drawn(tmp_path / "m.onnx")


@pytest.mark.parametrize(
    ("name", "write", "more"),
    [
        ("net.pt", write_torchscript, {}),
        ("net.onnx", write_onnx, {}),
        ("net.pth", write_weights, {"factory": "factories:make"}),
    ],
)
def test_a_size_can_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, write: Any, more: Any
) -> None:
    """The function then brings every photo into that size, and the art back out of it."""
    write(tmp_path / name)
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    given = options(fixed=(64, 98), **more)
    report = convert.convert(tmp_path / name, tmp_path / "m.onnx", given, SAMPLES)
    assert (report.metadata["fixed_size"], report.metadata["max_side"]) == ("64x98", "98")
    assert list(report.costs) == [(64, 98)]
    assert_drawn(tmp_path / "m.onnx")
    served = Model(tmp_path / "m.onnx")
    assert served.fit(1024) == (98, 64)
    art = served.run(np.full((40, 98, 3), 128, np.uint8))
    assert art.shape == (40, 98, 3)


def test_a_size_that_the_network_does_not_take_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_weights(tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    given = options(fixed=(64, 97), factory="factories:make")
    with pytest.raises(RefusedError, match=r"64, 98.* for a photo of 64x97"):
        convert.convert(tmp_path / "net.pth", tmp_path / "m.onnx", given, SAMPLES)
    assert not (tmp_path / "m.onnx").exists()


class Classifier(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 4, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Larger(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 12, 3, 1, 1), nn.PixelShuffle(2))


class Wide(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 5, 3, 1, 1))


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Classifier, "no pictures"), (Larger, "not as large"), (Wide, "5 channels")],
)
def test_what_makes_no_picture_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, said: str
) -> None:
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    torch.save(kind().state_dict(), tmp_path / "net.pth")
    with pytest.raises(RefusedError, match=said):
        convert.convert(
            tmp_path / "net.pth",
            tmp_path / "m.onnx",
            options(factory=f"factories:{kind.__name__}"),
            SAMPLES,
        )
    torch.jit.save(torch.jit.trace(kind().eval(), torch.zeros(1, 3, 64, 64)), tmp_path / "net.pt")  # type: ignore[no-untyped-call]
    with pytest.raises(RefusedError, match=said):
        convert.convert(tmp_path / "net.pt", tmp_path / "m.onnx", options(), SAMPLES)


def _state() -> dict[str, Tensor]:
    return dict(make().state_dict())


def _tagged() -> nn.Module:
    module = make()
    for parameter in module.parameters():
        parameter.tag = "mine"  # type: ignore[attr-defined]
    return module


@pytest.mark.parametrize(
    "kept",
    [
        lambda: {"epoch": 5, "model_state_dict": _state(), "loss": torch.tensor(0.25)},
        lambda: {"loss": torch.tensor(0.25), "state_dict": {"model": _state()}},
        lambda: {f"_orig_mod.module.{name}": value for name, value in _state().items()},
        lambda: {f"model._orig_mod.{name}": value for name, value in _state().items()},
        lambda: {f"module.model.module.{name}": value for name, value in _state().items()},
        _tagged,
    ],
    ids=[
        "tutorial",
        "nested",
        "compiled parallel",
        "compiled in Lightning",
        "thrice",
        "attributes",
    ],
)
def test_weights_as_people_keep_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: Any
) -> None:
    torch.save(kept(), tmp_path / "net.pth")
    given = options(factory=f"{__name__}:make")
    convert.convert(tmp_path / "net.pth", tmp_path / "model.onnx", given, SAMPLES)
    assert_drawn(tmp_path / "model.onnx")


class Resized(nn.Module):
    def __init__(self, mode: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.down, self.mode = nn.Conv2d(3, 1, 3, 2, 1), mode

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.interpolate(self.down(x).sigmoid(), scale_factor=2.0, mode=self.mode)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
@pytest.mark.parametrize("opset", [9, 10, 11, 13])
def test_each_opset_enlarges_as_it_says(tmp_path: Path, opset: int, mode: str) -> None:
    """Until opset 10 places were taken by their corners; files stay as they were drawn then."""
    write_onnx(tmp_path / "net.onnx", opset=opset, module=Resized(mode))
    given = options(mean=None, std=None, low=0)
    made = convert.convert(tmp_path / "net.onnx", tmp_path / "model.onnx", given, SAMPLES)
    assert made.agreement.largest <= 0.51


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.light, self.dark = nn.Conv2d(3, 1, 3, 1, 1), nn.Conv2d(3, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.light(x) if x.mean() > 0.5 else self.dark(x)
        return torch.sigmoid(y)


def test_weights_that_a_branch_takes_from_outside(tmp_path: Path) -> None:
    # Its input has the contract's own name.
    write_onnx(tmp_path / "net.onnx", module=torch.jit.script(Branching()), given="image")
    given = options(mean=None, std=None, low=0)
    made = convert.convert(tmp_path / "net.onnx", tmp_path / "model.onnx", given, SAMPLES)
    assert made.agreement.largest <= 0.51


def test_sparse_weights(tmp_path: Path) -> None:
    values = helper.make_tensor("weight", TensorProto.FLOAT, [3], [0.3, 0.3, 0.3])
    places = helper.make_tensor("places", TensorProto.INT64, [3], [0, 1, 2])
    graph = helper.make_graph(
        [
            helper.make_node("Constant", [], ["shape"], value_ints=[1, 3, 1, 1]),
            helper.make_node("Reshape", ["weight", "shape"], ["kernel"]),
            helper.make_node("Conv", ["photo", "kernel"], ["drawn"]),
        ],
        "net",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, "H", "W"])],
        [helper.make_tensor_value_info("drawn", TensorProto.FLOAT, [1, 1, "H", "W"])],
        sparse_initializer=[helper.make_sparse_tensor(values, places, [3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "net.onnx")
    given = options(mean=None, std=None, low=0)
    made = convert.convert(tmp_path / "net.onnx", tmp_path / "model.onnx", given, SAMPLES)
    assert made.agreement.largest <= 0.51


class Baked(nn.Module):
    """Takes its size for granted, where it is traced."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Conv2d(3, 1, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = int(x.shape[2]), int(x.shape[3])
        y = torch.sigmoid(self.net(x)).reshape(1, 1, height * width)
        return y.reshape(1, 1, height, width)


class Pair(Baked):
    def forward(self, x: Tensor) -> Any:
        return self.net(x), self.net(x)


@pytest.mark.parametrize(("network", "said"), [(Baked, "--fixed"), (Pair, "choose one with --out")])
def test_a_network_that_needs_an_option_is_told_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Any, said: str
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "made_here", network, raising=False)
    torch.save(network().state_dict(), tmp_path / "net.pth")
    given = options(factory=f"{__name__}:made_here")
    with pytest.raises(RefusedError, match=said):
        convert.convert(tmp_path / "net.pth", tmp_path / "model.onnx", given, SAMPLES)


def test_a_model_file_keeps_its_size_and_says_so(tmp_path: Path) -> None:
    write_onnx(tmp_path / "net.onnx")
    convert.convert(tmp_path / "net.onnx", tmp_path / "model.onnx", options(), SAMPLES)
    given = Options(preview=PREVIEW, fixed=(128, 128), max_side=512)
    again = convert.convert(tmp_path / "model.onnx", tmp_path / "again.onnx", given, SAMPLES)
    assert "--fixed is not used" in str(again)
    assert "--max-side is not used" in str(again)


def test_weights_alone_ask_for_a_factory(tmp_path: Path) -> None:
    torch.save(make().state_dict(), tmp_path / "net.pth")
    with pytest.raises(RefusedError, match="--factory"):
        convert.convert(tmp_path / "net.pth", tmp_path / "m.onnx", options(), SAMPLES)


def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    torch.save(Wide().state_dict(), tmp_path / "net.pth")
    with pytest.raises(RefusedError, match="does not fit"):
        convert.convert(
            tmp_path / "net.pth", tmp_path / "m.onnx", options(factory="factories:make"), SAMPLES
        )


@pytest.mark.parametrize(
    "state",
    [
        {"model": 1},
        [1, 2],
        {"format": "joblib", "trees": [1, 2, 3]},
    ],
)
def test_a_pickle_of_something_else_is_named(tmp_path: Path, state: Any) -> None:
    path = tmp_path / "thing.pkl"
    path.write_bytes(pickle.dumps(state))
    with pytest.raises(RefusedError, match="no learner"):
        convert.convert(path, tmp_path / "m.onnx", options(), SAMPLES)


@pytest.mark.parametrize("data", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04broken"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: Any) -> None:
    for name in ("thing.pkl", "thing.onnx"):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(RefusedError):
            convert.convert(tmp_path / name, tmp_path / "m" / "m.onnx", options(), SAMPLES)


@pytest.mark.parametrize(
    ("data", "said"),
    [(b"", "it is empty"), (b"To whom it may concern", "begins with b'To whom"), (None, "opened")],
)
def test_what_is_no_pickle_is_named(tmp_path: Path, data: Any, said: str) -> None:
    if data is not None:
        (tmp_path / "thing.pkl").write_bytes(data)
    with pytest.raises(RefusedError, match=said):
        convert.convert(tmp_path / "thing.pkl", tmp_path / "m.onnx", options(), SAMPLES)


def test_an_onnx_model_of_two_inputs_is_refused(tmp_path: Path) -> None:
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 8, 8]) for n in "abc"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["c"])], "g", values[:2], values[2:]
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "two.onnx",
    )
    with pytest.raises(RefusedError, match="2 inputs"):
        convert.convert(tmp_path / "two.onnx", tmp_path / "m.onnx", options(), SAMPLES)


def test_a_model_too_large_for_the_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory that grows with the photo: `max_side` comes down until there is room."""
    write_onnx(tmp_path / "net.onnx")
    monkeypatch.setattr(
        convert,
        "cost",
        lambda model, size, runs=1: Cost(1.0, 1.0, 100 + size[0] * size[1] / 500),
    )
    to = tmp_path / "m.onnx"
    report = convert.convert(tmp_path / "net.onnx", to, Options(preview=PREVIEW), SAMPLES)
    more = Options(memory=4096, preview=PREVIEW)
    assert convert.convert(tmp_path / "net.onnx", to, more, SAMPLES).metadata["max_side"] == "1024"
    side = int(report.metadata["max_side"])
    assert side < 1024
    assert 100 + side * side / 500 <= 2048 * convert.ROOM
    assert any("max_side" in note for note in report.notes)


@pytest.mark.parametrize(
    ("max_side", "peak"),
    [(1024, lambda side: 9000), (400, lambda side: 9000), (1024, lambda side: 9000 + side)],
)
def test_what_is_refused_leaves_the_model_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_side: int, peak: Any
) -> None:
    write_onnx(tmp_path / "net.onnx")
    monkeypatch.setattr(convert, "cost", lambda model, size, runs=1: Cost(1.0, 1.0, peak(size[0])))
    to = tmp_path / "function" / "model.onnx"
    to.parent.mkdir()
    to.write_bytes(b"before")
    options = Options(max_side=max_side, preview=PREVIEW)
    with pytest.raises(
        RefusedError, match=f"{peak(max_side)} MB for a photo of {max_side}x{max_side}"
    ):
        convert.convert(tmp_path / "net.onnx", to, options, SAMPLES)
    assert to.read_bytes() == b"before"
    assert list(to.parent.iterdir()) == [to]


def test_fastai_2_is_read_only_when_trusted(tmp_path: Path) -> None:
    learner = learner_of_fastai_2(tmp_path)
    with pytest.raises(RefusedError, match="--trust"):
        convert.convert(learner, tmp_path / "m.onnx", options(trust=False), SAMPLES)
    given = Options(trust=True, preview=PREVIEW, fixed=(64, 98))
    report = convert.convert(learner, tmp_path / "m.onnx", given, SAMPLES)
    assert report.kind == "fastai 2 learner"
    assert report.agreement.largest < 1
    assert any("normalisation" in note for note in report.notes)
    assert report.metadata["fixed_size"] == "64x98"


def learner_of_fastai_2(folder: Path) -> Any:
    """A U-Net for pictures, by fastai 2 itself; not trained, which reading it does not ask for."""
    from fastai.data.block import DataBlock  # type: ignore[import-untyped]
    from fastai.data.transforms import Normalize, RandomSplitter  # type: ignore[import-untyped]
    from fastai.losses import MSELossFlat  # type: ignore[import-untyped]
    from fastai.vision.augment import Resize  # type: ignore[import-untyped]
    from fastai.vision.data import ImageBlock, get_image_files, imagenet_stats  # type: ignore[import-untyped]
    from fastai.vision.learner import unet_learner  # type: ignore[import-untyped]
    from torchvision.models import resnet18  # type: ignore[import-untyped]

    block = DataBlock(
        blocks=(ImageBlock, ImageBlock),
        get_items=get_image_files,
        splitter=RandomSplitter(seed=0),
        item_tfms=Resize(64),
        batch_tfms=[Normalize.from_stats(*imagenet_stats)],
    )
    loaders = block.dataloaders(SAMPLES, bs=2, num_workers=0)
    learn = unet_learner(
        loaders, resnet18, n_out=3, pretrained=False, loss_func=MSELossFlat(), y_range=(-3, 3)
    )
    learn.path = folder
    learn.export("learner.pkl")
    return folder / "learner.pkl"
