"""Files that run Python or TorchScript when they are read: one for each route."""

import contextlib
import io
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import nn


class Call:
    """Pickles as a call of `function`."""

    def __init__(self, function: Callable[..., object], *args: object) -> None:
        self.function, self.args = function, args

    def __reduce__(self) -> tuple[object, ...]:
        return self.function, self.args


def module(path: Path, code: str) -> Path:
    """A whole module that draws, and that runs `code` when it is unpickled."""
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
    network.extra = Call(exec, code)  # type: ignore[assignment]
    torch.save(network, path)
    return path


def plain_pickle(path: Path, code: str) -> Path:
    """The same, by pickle itself."""
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1))
    network.extra = Call(exec, code)  # type: ignore[assignment]
    path.write_bytes(pickle.dumps(network))
    return path


def learner(path: Path, code: str) -> Path:
    """What looks like a fastai 2 learner."""
    from fastai.learner import Learner  # type: ignore[import-untyped]

    made = object.__new__(Learner)
    made.__dict__.update({"model": Call(exec, code), "dls": None})
    torch.save(made, path)
    return path


def program(path: Path, code: str) -> Path:
    """A torch.export program whose sample inputs are a pickle."""
    good = io.BytesIO()
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1)).eval()
    torch.export.save(torch.export.export(network, (torch.zeros(1, 3, 32, 32),)), good)
    evil = io.BytesIO()
    torch.save(Call(exec, code), evil)
    with zipfile.ZipFile(good) as whole, zipfile.ZipFile(path, "w") as made:
        for name in whole.namelist():
            data = evil.getvalue() if "sample_inputs" in name and name.endswith(".pt") else None
            made.writestr(name, whole.read(name) if data is None else data)
    return path


class Writes(nn.Module):
    """TorchScript that saves a tensor where it likes."""

    def __init__(self, to: str) -> None:
        super().__init__()
        self.to_file = to

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, self.to_file)
        return x


class Loops(nn.Module):
    """TorchScript that never ends."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        while bool(x.sum() < 1e30):
            x = x * 1.0
        return x


def script(path: Path, network: nn.Module) -> Path:
    torch.jit.save(torch.jit.script(network), path)
    return path


PICKLES = {
    "module": module,
    "plain pickle": plain_pickle,
    "learner": learner,
    "program": program,
}


def leave_a_mark(mark: Path) -> str:
    return f"open({str(mark)!r}, 'w').write('ran')"


@contextlib.contextmanager
def variable(name: str, value: str) -> Iterator[None]:
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
