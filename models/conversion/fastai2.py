"""Read a learner that fastai 2 exported: by fastai itself, in a process of its own.

Such a file cannot be read without running it: `load_learner` unpickles the learner, and a pickle
may do whatever its author liked. The process has no network where the machine allows that, and a
home of its own; it can still read and write what you can. Convert only files of people
whom you trust.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from models.conversion import onnxfile
from models.conversion.agreement import Pixels
from models.conversion.onnxfile import OnnxSource
from models.conversion.pickles import RefusedError

if TYPE_CHECKING:
    from models.conversion.options import Options

ROOT = Path(__file__).parents[2]
_TIMEOUT = 600


def read(path: Path, options: Options, photos: list[Pixels]) -> OnnxSource:
    """The image-to-image learner in a fastai 2 export at `path`, and how it draws `photos`.

    Raises `RefusedError` where it is none, and where the caller has not said that he trusts it.
    """
    if not options.trust:
        raise RefusedError(
            "a fastai 2 learner, which can only be read by running it: a pickle may do whatever its"
            " author liked. `python -m models inspect` shows what it names. Where you trust its"
            " author, add --trust, and it is read in a process of its own, without network"
        )
    with tempfile.TemporaryDirectory() as home:
        np.save(Path(home) / "photos.npy", photos)
        found = _in_a_process(path, Path(home))
        options.mean = options.mean or found.get("mean")
        options.std = options.std or found.get("std")
        source = onnxfile.read(Path(home) / "float.onnx", options)
        drawn = np.load(Path(home) / "drawn.npy")
    known = {photo.tobytes(): picture for photo, picture in zip(photos, drawn, strict=True)}

    def draw(photo: Pixels) -> npt.NDArray[np.float32]:
        scaled = (known[photo.tobytes()] - options.low) / (options.high - options.low)
        picture: npt.NDArray[np.float32] = scaled.clip(0, 1) * 255
        return picture

    source.kind, source.draw = "fastai 2 learner", draw
    source.notes += found["notes"]
    return source


def _in_a_process(path: Path, home: Path) -> dict[str, Any]:
    """What the process found out; it leaves the network as `float.onnx`, `photos` as `drawn`."""
    words = [sys.executable, "-m", "models.conversion.fastai2", str(path.resolve()), str(home)]
    environment = {"HOME": str(home), "PATH": os.environ.get("PATH", ""), "MPLCONFIGDIR": str(home)}
    try:
        done = subprocess.run(
            [*_without_network(), *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise RefusedError(f"a fastai 2 learner that took over {_TIMEOUT} s to read") from error
    facts = home / "facts.json"
    if done.returncode or not facts.exists():
        last = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise RefusedError(f"a fastai 2 learner that cannot be read: {last}")
    found: dict[str, Any] = json.loads(facts.read_text())
    if "refused" in found:
        raise RefusedError(found["refused"])
    return found


def _without_network() -> list[str]:
    words = ["unshare", "--net", "--map-root-user"]
    if (
        shutil.which("unshare")
        and not subprocess.run([*words, "true"], capture_output=True).returncode
    ):
        return words
    return []


class _Drawing(torch.nn.Module):
    """The learner's network, its loss's activation, and its normalisation undone."""

    def __init__(self, learner: Any, decode: tuple[torch.Tensor, torch.Tensor] | None) -> None:
        super().__init__()
        self.network = learner.model.eval()
        self.activation = getattr(learner.loss_func, "activation", None)
        self.decode = decode

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.network(x)
        y = y if self.activation is None else self.activation(y)
        return y if self.decode is None else y * self.decode[1] + self.decode[0]


def _unpickle(path: str, home: Path) -> None:
    """In the process of its own: load the learner, write its network as ONNX."""
    from models.conversion.torchvision_operators import declare_operators

    declare_operators()
    from fastai.data.transforms import Normalize
    from fastai.learner import load_learner
    from fastai.vision.core import PILImage, TensorImage

    learner = load_learner(path, cpu=True)
    found: dict[str, Any] = {"notes": []}
    decode = None
    # A learner that was trained with plain torch loaders has no transforms, and cannot predict.
    transforms = getattr(learner.dls.after_batch, "fs", None)
    if norms := [t for t in transforms or [] if isinstance(t, Normalize)]:
        mean, std = (getattr(norms[0], key).detach().cpu().float() for key in ("mean", "std"))
        decode = (mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))
        found["mean"], found["std"] = mean.flatten().tolist(), std.flatten().tolist()
        means = ", ".join(f"{m:.3f}" for m in found["mean"])
        found["notes"].append(f"normalisation of photo and picture, mean {means}")
    if transforms is None:
        found["notes"].append("its data say nothing of normalisation: that is --mean and --std")
    else:
        grey = torch.full((64, 96, 3), 128, dtype=torch.uint8).numpy()
        target = type(learner.predict(PILImage.create(grey))[0])
        if not issubclass(target, TensorImage):
            name = target.__name__
            found["refused"] = f"a learner that does not make pictures: it predicts a {name}"
    drawing = _Drawing(learner, decode).eval()
    photos = torch.from_numpy(np.load(home / "photos.npy")).permute(0, 3, 1, 2).float() / 255
    if decode is not None:
        photos = (photos - decode[0]) / decode[1]
    torch.onnx.export(
        drawing,
        (photos[:1],),  # at their size: what fastai does for the sake of odd ones is traced as well
        home / "float.onnx",
        dynamo=False,
        opset_version=17,
        input_names=["photo"],
        output_names=["picture"],
        dynamic_axes={name: {2: "H", 3: "W"} for name in ("photo", "picture")},
    )
    with torch.inference_mode():
        drawn = torch.cat([drawing(photo[None]) for photo in photos])
    np.save(home / "drawn.npy", drawn.permute(0, 2, 3, 1).numpy())
    (home / "facts.json").write_text(json.dumps(found))


if __name__ == "__main__":
    _unpickle(sys.argv[1], Path(sys.argv[2]))
