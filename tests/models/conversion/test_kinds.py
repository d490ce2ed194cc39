"""What people have: forms of ONNX, weights and scripts. What is none is refused as that."""

import pickle
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from artline.drawing.model import Model
from models.conversion import convert, onnxfile, sandbox
from models.conversion.options import Options
from models.conversion.pickles import RefusedError
from models.conversion.source import lacks_memory

SAMPLES = Path(__file__).parents[3] / "samples"
SPECTRAL = Path(__file__).with_name("fastai1") / "learners" / "spectral.pkl"
FLOAT, HALF, UINT8 = TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.UINT8
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
needs_a_sandbox = pytest.mark.skipif(
    sandbox.working() is None, reason="no sandbox here: apt install bubblewrap"
)


@pytest.fixture
def converted(tmp_path: Path) -> Any:
    """Convert a file; the report, and the model file as the service loads it."""

    def run(path: Path, **more: Any) -> Any:
        given: dict[str, Any] = {"max_side": 64, "preview": tmp_path / "preview.jpg"} | more
        report = convert.convert(path, tmp_path / "to" / "model.onnx", Options(**given), SAMPLES)
        return report, Model(report.path)

    return run


def halves(model: Any, photo: Any = None) -> Any:
    """Whether `model` draws each pixel half as bright."""
    photo = np.random.default_rng(0).integers(0, 256, (33, 47, 3), np.uint8)
    return np.abs(model.run(photo).astype(float) - photo / 2).max() <= 1


def graph(
    path: Path,
    nodes: Any,
    *,
    given: Any = ("x", FLOAT, [1, 3, "H", "W"]),
    made: Any = None,
    constants: Any = (),
) -> Path:
    """Write an ONNX file of `nodes`."""
    made = made or [("y", FLOAT, [1, 3, "H", "W"])]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info(*given)],
            [helper.make_tensor_value_info(*output) for output in made],
            [numpy_helper.from_array(np.asarray(value), name) for name, value in constants],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    onnx.save(model, path)
    return path


def node(kind: Any, *names: Any, **attributes: Any) -> Any:
    return helper.make_node(kind, names[:-1], names[-1:], **attributes)


HALF_AS_BRIGHT = [("half", np.float32(0.5))]
ANY = [None, None, None, None]


def nhwc(path: Path) -> Path:
    nodes = [node("Mul", "x", "half", "y")]
    shape = [1, "H", "W", 3]
    return graph(path, nodes, given=("x", FLOAT, shape), made=[("y", FLOAT, shape)],
                 constants=HALF_AS_BRIGHT)  # fmt: skip


def mixed_axes(path: Path) -> Path:
    nodes = [node("Mul", "x", "half", "z"), node("Transpose", "z", "y", perm=[0, 2, 3, 1])]
    return graph(path, nodes, made=[("y", FLOAT, [1, "H", "W", 3])], constants=HALF_AS_BRIGHT)


def all_free(path: Path) -> Path:
    nodes = [node("Mul", "x", "half", "z"), node("Conv", "z", "eye", "y")]
    eye = [("eye", np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1)), *HALF_AS_BRIGHT]
    return graph(path, nodes, given=("x", FLOAT, ANY), made=[("y", FLOAT, ANY)], constants=eye)


def unsorted(path: Path) -> Path:
    nodes = [node("Identity", "z", "y"), node("Mul", "x", "half", "z")]
    return graph(path, nodes, constants=HALF_AS_BRIGHT)


def bytes_in(path: Path) -> Path:
    nodes = [node("Cast", "x", "f", to=FLOAT), node("Div", "f", "scale", "y")]
    return graph(path, nodes, given=("x", UINT8, [1, 3, "H", "W"]),
                 constants=[("scale", np.float32(510))])  # fmt: skip


def bytes_in_and_out(path: Path) -> Path:
    nodes = [node("Cast", "x", "f", to=FLOAT), node("Mul", "f", "half", "m"),
             node("Cast", "m", "y", to=UINT8)]  # fmt: skip
    shape = [1, "H", "W", 3]
    return graph(path, nodes, given=("x", UINT8, shape), made=[("y", UINT8, shape)],
                 constants=HALF_AS_BRIGHT)  # fmt: skip


def half_precision(path: Path) -> Path:
    nodes = [node("Mul", "x", "half", "y")]
    shape = [1, 3, "H", "W"]
    return graph(path, nodes, given=("x", HALF, shape), made=[("y", HALF, shape)],
                 constants=[("half", np.float16(0.5))])  # fmt: skip


def weights_beside(path: Path) -> Path:
    large: list[tuple[str, Any]] = [("large", np.full((3, 64, 64), 0.5, np.float32))]
    nodes = [node("ReduceMax", "large", "one", keepdims=0), node("Mul", "x", "one", "y")]
    model = onnx.load(graph(path, nodes, constants=large))
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (path.parent / "weights.bin").exists()
    return path


def one_picture_of_three_outputs(path: Path) -> Any:
    nodes = [node("Mul", "x", "half", "y"), node("GlobalAveragePool", "x", "score"),
             node("Shape", "x", "size")]  # fmt: skip
    made = [("score", FLOAT, None), ("y", FLOAT, None), ("size", TensorProto.INT64, None)]
    return graph(path, nodes, made=made, constants=HALF_AS_BRIGHT)


def without_a_suffix(path: Path) -> Any:
    return graph(path.with_suffix(""), [node("Mul", "x", "half", "y")], constants=HALF_AS_BRIGHT)


@pytest.mark.parametrize(
    "write",
    [nhwc, mixed_axes, all_free, unsorted, bytes_in, bytes_in_and_out, half_precision,
     weights_beside, one_picture_of_three_outputs, without_a_suffix],
)  # fmt: skip
def test_a_form_of_onnx(tmp_path: Path, converted: Any, write: Any) -> None:
    report, model = converted(write(tmp_path / "net.onnx"))
    assert report.agreement.largest <= 1
    assert halves(model)


def test_a_picture_without_a_channel_axis(tmp_path: Path, converted: Any) -> None:
    nodes = [node("ReduceMean", "x", "y", axes=[1], keepdims=0)]
    path = graph(tmp_path / "net.onnx", nodes, made=[("y", FLOAT, [1, "H", "W"])])
    _, model = converted(path)
    photo = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.abs(model.run(photo)[..., 0] - photo.mean(2)).max() <= 1


def several(path: Path) -> Any:
    """As U²-Net: seven pictures; the first is half as bright, the others are not."""
    nodes = [node("Mul", "x", "half", "d0")]
    nodes += [node("Identity", "x", f"d{at}") for at in range(1, 7)]
    made = [(f"d{at}", FLOAT, [1, 3, "H", "W"]) for at in range(7)]
    return graph(path, nodes, made=made, constants=HALF_AS_BRIGHT)


@pytest.mark.parametrize("output", ["0", "d0"])
def test_an_output_is_chosen(tmp_path: Path, converted: Any, output: Any) -> None:
    _, model = converted(several(tmp_path / "net.onnx"), output=output)
    assert halves(model)


@pytest.mark.parametrize("output", [None, "7", "d9"])
def test_an_output_must_be_chosen(tmp_path: Path, converted: Any, output: Any) -> None:
    with pytest.raises(RefusedError, match=r"7 outputs.*--output.*0 \(d0\) \[1, 3, 128, 192\]"):
        converted(several(tmp_path / "net.onnx"), output=output)


def test_a_model_file_keeps_its_styles(tmp_path: Path, converted: Any) -> None:
    path = graph(
        tmp_path / "styles.onnx",
        [
            helper.make_node("Identity", ["image"], ["art"]),
            helper.make_node("Identity", ["image"], ["line"]),
        ],
        given=("image", UINT8, [1, "H", "W", 3]),
        made=[(name, UINT8, [1, "H", "W", 3]) for name in ("art", "line")],
    )
    file = onnx.load(path)
    given = {"name": "two", "version": "1", "license": "MIT", "source": "here", "max_side": "64"}
    helper.set_model_props(file, given | {"multiple": "1", "styles": "ink,line"})
    onnx.save(file, path)
    report, model = converted(path)
    assert "a model file already" in str(report)
    assert model.styles == ("ink", "line")
    photo = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    assert all((model.run(photo, style) == photo).all() for style in model.styles)


def test_a_model_file_is_kept_as_it_is(tmp_path: Path, converted: Any) -> None:
    first, _ = converted(unsorted(tmp_path / "net.onnx"), name="lines", license="MIT")
    kept = first.path.rename(tmp_path / "kept.onnx")
    report, model = converted(kept, version="2")
    assert (model.name, model.license) == ("lines", "MIT")
    assert halves(model)
    assert report.agreement.largest == 0
    assert len(onnx.load(report.path).graph.node) == len(onnx.load(kept).graph.node)
    report, model = converted(kept, name="other", version="2")
    assert (model.name, model.version) == ("other", "2")


def test_a_network_that_pads_by_reflection_draws_every_photo(
    tmp_path: Path, converted: Any
) -> None:
    pads = np.array([0, 0, 20, 20, 0, 0, 20, 20])
    nodes = [node("Pad", "x", "pads", "p", mode="reflect"),
             node("AveragePool", "p", "y", kernel_shape=[41, 41])]  # fmt: skip
    path = graph(tmp_path / "net.onnx", nodes, constants=[("pads", pads)])
    report, model = converted(path)
    assert report.metadata["min_side"] == "21"
    for size in ((1, 1), (4, 4), (3000, 10), (1, 5000), (21, 20)):
        assert model.run(np.zeros((*size, 3), np.uint8)).shape == (*size, 3)


def test_a_loop_without_end_is_ended(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnxfile, "_LONGEST_RUN", 2)
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", "go", "go_on"), node("Identity", "a", "b")],
        "body",
        [value("at", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
         value("a", FLOAT, None)],
        [value("go_on", TensorProto.BOOL, []), value("b", FLOAT, None)],
    )  # fmt: skip
    nodes = [helper.make_node("Loop", ["", "true", "x"], ["y"], body=body)]
    path = graph(tmp_path / "net.onnx", nodes, constants=[("true", np.array(True))])
    with pytest.raises(RefusedError, match="terminate"):
        converted(path)


LIMITS = sandbox.Limits(memory=6 * 2**30)
limits_memory = pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux")


@limits_memory
def test_a_graph_that_asks_for_too_much_memory_is_refused(tmp_path: Path, converted: Any) -> None:
    nodes = [node("ConstantOfShape", "huge", "z"), node("ReduceMax", "z", "m", keepdims=0),
             node("Add", "x", "m", "y")]  # fmt: skip
    path = graph(tmp_path / "net.onnx", nodes, constants=[("huge", np.array([3 * 10**9]))])
    with pytest.raises(RefusedError, match="ConstantOfShape"):
        converted(path, limits=LIMITS)
    assert not (tmp_path / "to" / "model.onnx").exists()


def all_with_all(path: Path, shrunk: int) -> Path:
    """A network that compares each part of a photo with each other, as attention does."""
    nodes = [node("AveragePool", "x", "p", kernel_shape=[shrunk] * 2, strides=[shrunk] * 2),
             node("Reshape", "p", "row", "r"), node("Reshape", "p", "column", "c"),
             node("MatMul", "c", "r", "all"), node("ReduceMax", "all", "m", keepdims=0),
             node("Mul", "m", "nought", "n"), node("Add", "x", "n", "y")]  # fmt: skip
    shapes = [("row", np.array([1, -1])), ("column", np.array([-1, 1]))]
    return graph(path, nodes, constants=[*shapes, ("nought", np.float32(0))])


@limits_memory
def test_a_network_that_takes_too_much_memory_for_any_photo_is_refused(
    tmp_path: Path, converted: Any
) -> None:
    path = all_with_all(tmp_path / "net.onnx", shrunk=4)
    with pytest.raises(RefusedError, match="a network that does not draw a photo of 384x512"):
        converted(path, limits=LIMITS)


@limits_memory
def test_max_side_is_lowered_where_larger_photos_are_not_drawn(
    tmp_path: Path, converted: Any
) -> None:
    path = all_with_all(tmp_path / "net.onnx", shrunk=8)
    report, model = converted(path, max_side=1024, limits=LIMITS)
    assert (model.max_side, report.metadata["max_side"]) == (512, "512")
    assert "max_side is 512: a model file that does not draw a photo of 1024x1024" in str(report)


class AllWithAll(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        parts = x.flatten(1)[:, ::4]
        return x + self.weight * (parts[:, :, None] * parts[:, None]).amax()


@limits_memory
def test_a_torch_network_that_takes_too_much_memory_is_refused(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pt"
    torch.save(AllWithAll().state_dict(), path)
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(network=AllWithAll))
    with pytest.raises(RefusedError, match="a network that does not draw a photo of 384x512"):
        converted(path, factory="mine:network", limits=LIMITS)


class Huge(nn.Module):
    """Asks for more memory than there is, whatever the photo."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight * torch.zeros(2**36, dtype=torch.float64).amax()


class FourByFour(Huge):
    """Fails for its own reasons at every size but one."""

    def forward(self, x: Tensor) -> Tensor:
        return x + self.weight * torch.ones(400, 400)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (Huge, "lacks memory for a photo of"),
        (FourByFour, r"one size alone: name it with --fixed HxW \(The size of tensor a"),
        (lambda: sys.exit("no"), "mine:network: SystemExit: no"),
    ],
)
def test_says_why_a_network_of_a_factory_does_not_draw(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch, network: Any, said: str
) -> None:
    path = tmp_path / "weights.pt"
    torch.save(Huge().state_dict(), path)
    monkeypatch.setitem(sys.modules, "mine", SimpleNamespace(network=network))
    with pytest.raises(RefusedError, match=said):
        converted(path, factory="mine:network")


def test_a_network_that_draws_differently_at_each_run_is_refused(
    tmp_path: Path, converted: Any
) -> None:
    path = graph(tmp_path / "chance.onnx", [node("RandomUniformLike", "x", "y")])
    with pytest.raises(RefusedError, match="differently at each run"):
        converted(path)


def test_a_model_file_keeps_its_own_largest_side_unless_one_is_given(
    tmp_path: Path, converted: Any
) -> None:
    path = tmp_path / "own.onnx"
    converted(half_precision(tmp_path / "half.onnx"), max_side=1500)[0].path.replace(path)
    assert converted(path, max_side=None)[1].max_side == 1500
    assert converted(path, max_side=700)[1].max_side == 700
    report, renamed = converted(path, name="other", mean=(0.5,) * 3)
    assert (renamed.name, renamed.version) == ("other", "1")
    assert any("--mean, --std and --range are not used" in note for note in report.notes)


def test_a_word_in_a_message_is_no_lack_of_memory() -> None:
    assert not lacks_memory(AssertionError("sides are to be allocated in steps of 32"))
    assert lacks_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory"))
    assert lacks_memory(MemoryError())


def test_says_that_the_file_has_its_own_mean_and_std(tmp_path: Path, converted: Any) -> None:
    report, _ = converted(SPECTRAL, mean=(1.0, 1.0, 1.0))
    assert any(note.startswith("--mean is not used: the file says (0.48") for note in report.notes)
    again, _ = converted(SPECTRAL, mean=(0.485, 0.456, 0.406))
    assert not any("not used" in note for note in again.notes)


def constant(value: Any) -> Any:
    return lambda path: graph(
        path,
        [node("Mul", "x", "nought", "z"), node("Add", "z", "value", "y")],
        constants=[("nought", np.float32(0)), ("value", np.float32(value))],
    )


def channels(count: Any) -> Any:
    return lambda path: graph(
        path,
        [node("Conv", "x", "weight", "y")],
        made=[("y", FLOAT, [1, count, "H", "W"])],
        constants=[("weight", np.ones((count, 3, 1, 1), np.float32))],
    )


def classifier(path: Path) -> Any:
    nodes = [node("GlobalAveragePool", "x", "p"), node("Flatten", "p", "y")]
    return graph(path, nodes, made=[("y", FLOAT, [1, 3])])


def doubling(path: Path) -> Any:
    scales = np.array([1, 1, 2, 2], np.float32)
    nodes = [helper.make_node("Resize", ["x", "", "scales"], ["y"], mode="nearest")]
    return graph(path, nodes, made=[("y", FLOAT, ANY)], constants=[("scales", scales)])


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (classifier, "of the photo's size"),
        (channels(21), "of the photo's size.*21 channels"),
        (doubling, "of the photo's size"),
        (constant(2), "all white"),
        (constant(-1), "all black"),
        (constant(np.nan), "NaN"),
    ],
)
def test_what_is_no_drawing_network_is_refused(
    tmp_path: Path, converted: Any, write: Any, said: str
) -> None:
    with pytest.raises(RefusedError, match=said):
        converted(write(tmp_path / "net.onnx"))
    assert not (tmp_path / "to" / "model.onnx").exists()


def test_what_is_clipped_is_reported(tmp_path: Path, converted: Any) -> None:
    report, _ = converted(unsorted(tmp_path / "net.onnx"), low=0.0, high=0.1)
    assert any("above white" in note for note in report.notes)


class Half(nn.Module):
    """Half as bright, by a layer that has weights."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1, bias=False)
        nn.init.zeros_(self.conv.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)  # type: ignore[no-any-return]


class Several(nn.Module):
    """As salient object networks: more than one picture."""

    def __init__(self) -> None:
        super().__init__()
        self.net = trained()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.net(x)


class Named(Several):
    def forward(self, x: Tensor) -> dict[str, Tensor]:  # type: ignore[override]
        return {"aux": x, "out": self.net(x)}


def trained() -> nn.Module:
    made = Half()
    with torch.no_grad():
        made.conv.weight[:] = torch.eye(3).view(3, 3, 1, 1) / 2
    return made.eval()


def learn_save(path: Path) -> None:
    """`learn.save()` of fastai 1 and 2, with the optimiser's state."""
    made = trained()
    optimiser = torch.optim.Adam(made.parameters())
    torch.save({"model": made.state_dict(), "opt": optimiser.state_dict()}, path)


def data_parallel(path: Path) -> None:
    torch.save({"state_dict": nn.DataParallel(trained()).state_dict()}, path)


def legacy(path: Path) -> None:
    torch.save(trained().state_dict(), path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    "write",
    [
        learn_save,
        data_parallel,
        legacy,
        lambda path: torch.save(trained().half().state_dict(), path),
        lambda path: torch.save(trained(), path),
        lambda path: torch.save({"epoch": 3, "params_ema": trained().state_dict()}, path),
    ],
)
def test_weights_are_read_out_of(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch, write: Any
) -> None:
    write(tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    report, model = converted(tmp_path / "net.pth", factory="factories:Half")
    assert report.agreement.largest <= 1
    assert halves(model)


@pytest.mark.parametrize(
    "factory", ["nothing", "nothing:here", "factories:absent", ":", "os:abort_"]
)
def test_a_factory_that_is_not_there_is_refused(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch, factory: Any
) -> None:
    learn_save(tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    with pytest.raises(RefusedError, match="--factory"):
        converted(tmp_path / "net.pth", factory=factory)


def test_a_factory_that_fails_is_named(
    tmp_path: Path, converted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn_save(tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "factories", sys.modules[__name__])
    with pytest.raises(RefusedError, match="TypeError"):
        converted(tmp_path / "net.pth", factory="factories:several")


def scripted(module: Any, path: Path) -> None:
    torch.jit.save(torch.jit.script(module), path)


class OneSize(nn.Module):
    """As traced networks do: holds the size that it was traced at."""

    def forward(self, x: Tensor) -> Tensor:
        height, width = int(x.shape[2]), int(x.shape[3])
        return x.reshape(3, height * width).reshape(1, 3, height, width) / 2


def traced_at_its_size(path: Path) -> None:
    torch.jit.save(torch.jit.trace(OneSize(), torch.zeros(1, 3, 40, 72)), path)  # type: ignore[no-untyped-call]


@needs_a_sandbox
@pytest.mark.parametrize(
    ("write", "more"),
    [
        (lambda path: scripted(trained().half(), path), {}),
        (traced_at_its_size, {"fixed": (40, 72)}),
        (lambda path: scripted(Several().eval(), path), {"output": "1"}),
        (lambda path: scripted(Named().eval(), path), {"output": "out"}),
    ],
)
def test_a_script(tmp_path: Path, converted: Any, write: Any, more: Any) -> None:
    write(tmp_path / "net.pt")
    report, model = converted(tmp_path / "net.pt", trust=True, **more)
    assert report.agreement.largest <= 1
    if "fixed" in more:
        assert model.fixed_size == (40, 72)
    else:
        assert halves(model)


@needs_a_sandbox
def test_a_size_below_all_photos_is_refused(tmp_path: Path, converted: Any) -> None:
    script = torch.jit.trace(OneSize(), torch.zeros(1, 3, 40, 56))  # type: ignore[no-untyped-call]
    torch.jit.save(script, tmp_path / "net.pt")
    with pytest.raises(RefusedError, match="below 64"):
        converted(tmp_path / "net.pt", trust=True, fixed=(40, 56))


@needs_a_sandbox
def test_a_script_of_several_outputs_asks_for_one(tmp_path: Path, converted: Any) -> None:
    scripted(Several().eval(), tmp_path / "net.pt")
    with pytest.raises(RefusedError, match=r"2 outputs.*--output"):
        converted(tmp_path / "net.pt", trust=True)


@needs_a_sandbox
@pytest.mark.parametrize("half", [False, True])
def test_an_exported_program_of_free_size(tmp_path: Path, converted: Any, half: Any) -> None:
    made, x = trained(), torch.zeros(1, 3, 64, 96)
    if half:
        made, x = made.half(), x.half()
    sides = {2: torch.export.Dim("H", min=2), 3: torch.export.Dim("W", min=2)}
    program = torch.export.export(made, (x,), dynamic_shapes=(sides,))
    torch.export.save(program, tmp_path / "net.pt2")
    report, model = converted(tmp_path / "net.pt2", trust=True)
    assert report.agreement.largest <= 1
    assert halves(model)


@needs_a_sandbox
@pytest.mark.parametrize("write", [torch.save, lambda made, path: pickled_to(made, path)])
def test_a_whole_module(tmp_path: Path, converted: Any, write: Any) -> None:
    made = nn.Sequential(nn.Conv2d(3, 3, 1, bias=False), nn.ReLU())
    with torch.no_grad():
        made[0].weight[:] = torch.eye(3).view(3, 3, 1, 1) / 2  # type: ignore[operator]
    write(made, tmp_path / "net.pth")
    report, model = converted(tmp_path / "net.pth", trust=True)
    assert report.agreement.largest <= 1
    assert halves(model)


def pickled_to(made: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps(made))


@needs_a_sandbox
def test_a_module_whose_class_is_not_here_asks_for_a_factory(
    tmp_path: Path, converted: Any
) -> None:
    torch.save(trained(), tmp_path / "net.pth")
    with pytest.raises(RefusedError, match="--factory"):
        converted(tmp_path / "net.pth", trust=True)
