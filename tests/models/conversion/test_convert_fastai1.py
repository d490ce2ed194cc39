"""fastai 1 learners, made by fastai 1.0.61 itself (fastai1/make.py), and what they predicted."""

import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
from PIL import Image

from artline.drawing.model import Model
from models.conversion import convert, fastai1
from models.conversion.options import Options
from models.conversion.pickles import RefusedError

HERE = Path(__file__).parent
LEARNERS = HERE / "fastai1" / "learners"
SAMPLES = HERE.parents[2] / "samples"
# torch's tracing exporter warns that it will go, and of the Python that it leaves behind.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore:Constant folding:UserWarning"),
]
NAMES = ["spectral", "weight", "logits"]


def session(model: Any) -> Any:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module", params=NAMES)
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    name = request.param
    to = tmp_path_factory.mktemp(name) / "model.onnx"
    options = Options(max_side=512, preview=to.with_name("preview.jpg"))
    report = convert.convert(LEARNERS / f"{name}.pkl", to, options, SAMPLES)
    expected = np.load(LEARNERS / f"{name}.npz")
    return name, to, report, expected["photo"], expected["art"].astype(np.float32) * 255


def test_it_draws_as_the_learner_itself_predicted(converted: Any) -> None:
    _, model, _, photo, expected = converted
    (art,) = session(model).run(["art"], {"image": photo[None]})
    difference = np.abs(art[0].astype(np.float32) - expected)
    assert difference.mean() <= 1
    assert difference.max() <= 3


def test_the_fixture_is_worth_comparing_with(converted: Any) -> None:
    *_, expected = converted
    assert expected.std() > 15
    assert ((expected > 0.5) & (expected < 254.5)).mean() > 0.5


@pytest.mark.parametrize("size", [(64, 64), (98, 66), (130, 250), (512, 384), (2, 34)])
def test_it_draws_at_any_even_size(converted: Any, size: Any) -> None:
    _, model, *_ = converted
    photo = np.asarray(Image.open(SAMPLES / "face.jpg").resize(size[::-1]))
    (art,) = session(model).run(["art"], {"image": photo[None]})
    assert art.shape == (1, *size, 3)


def test_the_report_agrees_and_says_what_was_read(converted: Any) -> None:
    name, model, report, *_ = converted
    assert report.agreement.largest <= 1
    assert report.agreement.ssim > 0.99
    assert report.metadata["multiple"] == "2"
    assert report.costs
    said = str(report)
    assert "fastai 1 learner" in said
    assert ("__main__.FeatureLoss" in said) == (name == "spectral")
    assert model.with_name("preview.jpg").stat().st_size > 10_000


def renamed(learner: Path, to: Path, names: dict[str, str]) -> Path:
    """A copy of a learner that names other classes, as "module name", for those it names."""
    with zipfile.ZipFile(learner) as source, zipfile.ZipFile(to, "w") as copy:
        for item in source.infolist():
            data = source.read(item)
            if item.filename.endswith("data.pkl"):
                for before, after in names.items():
                    old, new = (
                        f"c{name}\n".replace(" ", "\n").encode() for name in (before, after)
                    )
                    assert old in data
                    data = data.replace(old, new)
            copy.writestr(item, data)
    return to


BEFORE_1_0_46 = {"fastai.vision.data ImageList": "fastai.vision.data ImageItemList"}
DEOLDIFY = {
    "fastai.vision.models.unet DynamicUnet": "{}.unet DynamicUnetDeep",
    "fastai.vision.models.unet UnetBlock": "{}.unet UnetBlockDeep",
    "fastai.layers PixelShuffle_ICNR": "{}.unet CustomPixelShuffle_ICNR",
}


@pytest.mark.parametrize(
    "names",
    [
        BEFORE_1_0_46,
        *(
            {k: v.format(package) for k, v in DEOLDIFY.items()}
            for package in ("deoldify", "fasterai")
        ),
    ],
    ids=["fastai 1.0.45", "DeOldify", "DeOldify of 2018"],
)
def test_the_same_network_by_other_names(tmp_path: Path, names: dict[str, str]) -> None:
    options = Options(max_side=64, preview=tmp_path / "preview.jpg")
    reports = [
        convert.convert(path, tmp_path / f"{path.stem}.onnx", options, SAMPLES)
        for path in (
            LEARNERS / "spectral.pkl",
            renamed(LEARNERS / "spectral.pkl", tmp_path / "renamed.pkl", names),
        )
    ]
    assert reports[1].agreement.largest <= 1
    photo = np.load(LEARNERS / "spectral.npz")["photo"]
    arts = [
        session(tmp_path / f"{name}.onnx").run(["art"], {"image": photo[None]})[0]
        for name in ("spectral", "renamed")
    ]
    assert (arts[0] == arts[1]).all()


def test_an_unknown_layer_names_the_way_out(tmp_path: Path) -> None:
    names = {"fastai.layers PixelShuffle_ICNR": "mine.layers Shuffle"}
    path = renamed(LEARNERS / "spectral.pkl", tmp_path / "mine.pkl", names)
    with pytest.raises(RefusedError, match=r"mine\.layers\.Shuffle.*--factory MODULE:FUNCTION"):
        convert.convert(path, tmp_path / "model.onnx", Options(), SAMPLES)


def test_a_size_can_be_asked_for(tmp_path: Path) -> None:
    options = Options(fixed=(98, 130), preview=tmp_path / "preview.jpg")
    report = convert.convert(LEARNERS / "spectral.pkl", tmp_path / "m.onnx", options, SAMPLES)
    assert (report.metadata["fixed_size"], report.metadata["max_side"]) == ("98x130", "130")
    assert report.agreement.largest <= 1
    served = Model(tmp_path / "m.onnx")
    assert served.fit(1024) == (130, 98)
    assert served.run(np.full((98, 50, 3), 128, np.uint8)).shape == (98, 50, 3)


def test_both_of_torchs_formats_are_read() -> None:
    kinds = {name: fastai1.read(LEARNERS / f"{name}.pkl").kind for name in NAMES}
    assert kinds["spectral"].endswith("(torch zip)")
    assert kinds["weight"].endswith("(torch legacy)")


def test_the_loss_says_what_stands_behind_the_network() -> None:
    assert fastai1.read(LEARNERS / "logits.pkl").module.activation is not None
    assert fastai1.read(LEARNERS / "spectral.pkl").module.activation is None


def test_only_what_was_normalised_is_denormalised() -> None:
    assert fastai1.read(LEARNERS / "spectral.pkl").module.denormalises
    weight = fastai1.read(LEARNERS / "weight.pkl")
    assert not weight.module.denormalises
    assert weight.mean == pytest.approx((0.5, 0.4, 0.45))


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    for name in NAMES:
        whole = (LEARNERS / f"{name}.pkl").read_bytes()
        for share in (0.0, 0.01, 0.3, 0.99):
            short = tmp_path / "short.pkl"
            short.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(RefusedError):
                fastai1.read(short)


@pytest.mark.skipif("ORIGINAL_PYTHON" not in os.environ, reason="no ORIGINAL_PYTHON with fastai 1")
@pytest.mark.parametrize("recipe", [*NAMES, "batch", "grey", "xresnet", "resnet18", "deep", "wide"])
def test_a_learner_made_just_now_agrees(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After five steps of training a network may still draw a blank sheet, and agree on that.
    monkeypatch.setattr(convert, "_check_something_drawn", lambda _: None)
    pkl = tmp_path / "learner.pkl"
    words = [os.environ["ORIGINAL_PYTHON"], "-W", "ignore", str(HERE / "fastai1" / "make.py")]
    steps = ["--steps", "5", "--photos", str(SAMPLES)]
    subprocess.run([*words, recipe, str(pkl), *steps], check=True, capture_output=True)
    options = Options(max_side=512, preview=tmp_path / "preview.jpg")
    convert.convert(pkl, tmp_path / "model.onnx", options, SAMPLES)
    made = np.load(pkl.with_suffix(".npz"))
    (art,) = session(tmp_path / "model.onnx").run(["art"], {"image": made["photo"][None]})
    difference = np.abs(art[0].astype(np.float32) - made["art"].astype(np.float32) * 255)
    assert difference.mean() <= 1
    assert difference.max() <= 3


def test_the_command_converts_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from models.__main__ import main

    words = [str(LEARNERS / "logits.pkl"), "-o", str(tmp_path / "m.onnx"), "--max-side", "256"]
    words += ["--photos", str(SAMPLES), "--preview", str(tmp_path / "preview.jpg")]
    assert main(["convert", *words, "--name", "lines"]) == 0
    assert "name lines" in capsys.readouterr().out
    note = tmp_path / "note.pkl"
    note.write_text(json.dumps({"a": 1}))
    assert main(["convert", str(note), "-o", str(tmp_path / "n.onnx")]) == 1
    assert "pickle" in capsys.readouterr().err
