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

import torch

from models.pickles import Refused
from models.source import Source

if TYPE_CHECKING:
    from models.convert import Options

_TIMEOUT = 600


def read(path: Path, options: Options) -> Source:
    """The image-to-image learner in a fastai 2 export at `path`.

    Raises `Refused` where it is none, and where the caller has not said that he trusts it.
    """
    if not options.trust:
        raise Refused(
            "a fastai 2 learner, which can only be read by running it: a pickle may do whatever its"
            " author liked. `python -m models inspect` shows what it names. Where you trust its"
            " author, add --trust, and it is read in a process of its own, without network"
        )
    with tempfile.TemporaryDirectory() as home:
        module, facts = Path(home) / "module.pt", Path(home) / "facts.json"
        words = [
            sys.executable,
            "-m",
            "models.fastai2",
            str(path.resolve()),
            str(module),
            str(facts),
        ]
        environment = {"HOME": home, "PATH": os.environ.get("PATH", ""), "MPLCONFIGDIR": home}
        try:
            done = subprocess.run(
                [*_without_network(), *words],
                env=environment,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT,
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"a fastai 2 learner that took over {_TIMEOUT} s to read") from error
        if done.returncode or not facts.exists():
            last = (done.stderr.strip().splitlines() or ["no word"])[-1]
            raise Refused(f"a fastai 2 learner that cannot be read: {last}")
        found: dict[str, Any] = json.loads(facts.read_text())
        if "refused" in found:
            raise Refused(found["refused"])
        return Source(
            kind="fastai 2 learner",
            module=torch.jit.load(module).eval(),
            mean=tuple(found["mean"]),
            std=tuple(found["std"]),
            size=None,
            notes=found["notes"],
        )


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


def _unpickle(path: str, module: str, facts: str) -> None:
    """In the process of its own: load the learner, write its network as TorchScript."""
    from fastai.data.transforms import Normalize
    from fastai.learner import load_learner
    from fastai.vision.core import PILImage, TensorImage

    learner = load_learner(path, cpu=True)
    found: dict[str, Any] = {"mean": [0.0] * 3, "std": [1.0] * 3, "notes": []}
    kinds = [getattr(tls.tfms[-1], "_typ", None) for tls in getattr(learner.dls, "tls", [])]
    norms = [t for t in learner.dls.after_batch if isinstance(t, Normalize)]
    decode = None
    if norms:
        mean, std = (getattr(norms[0], key).detach().cpu().float() for key in ("mean", "std"))
        found["mean"], found["std"] = mean.flatten().tolist(), std.flatten().tolist()
        decode = (mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))
        means = ", ".join(f"{m:.3f}" for m in found["mean"])
        found["notes"].append(f"normalisation of photo and picture, mean {means}")
    with torch.inference_mode():
        given = learner.model.eval()(torch.zeros(1, 3, 64, 64))
    if given.ndim != 4 or given.shape[1] not in (1, 3):
        found["refused"] = f"a learner that makes no pictures: it gives {list(given.shape)}"
    else:
        photo = PILImage.create(torch.full((64, 96, 3), 128, dtype=torch.uint8).numpy())
        target = type(learner.predict(photo)[0])
        if not issubclass(target, TensorImage):
            found["refused"] = f"a learner that makes no pictures: it predicts {target.__name__}"
    del kinds
    traced = torch.jit.trace(
        _Drawing(learner, decode), torch.zeros(1, 3, 96, 64), check_trace=False
    )
    torch.jit.save(traced, module)
    Path(facts).write_text(json.dumps(found))


if __name__ == "__main__":
    _unpickle(*sys.argv[1:])
