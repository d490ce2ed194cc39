"""Weights for a network of one's own, which `--factory` makes."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from models.conversion import weights
from models.conversion.pickles import RefusedError
from models.conversion.source import Source, choose
from models.conversion.text import plain

if TYPE_CHECKING:
    from models.conversion.options import Options


class Chosen(nn.Module):
    """One of the outputs of `module`."""

    def __init__(self, module: nn.Module, output: str | None) -> None:
        super().__init__()
        self.module, self.output = module, output

    def forward(self, x: Tensor) -> Tensor:
        return choose(self.module(x), self.output)


def from_factory(path: Path, options: Options) -> Source:
    """The module that `options.factory`, `package.module:function`, makes, with weights of `path`.

    The factory is the user's own code: it is imported and run in this process.
    """
    given = f"--factory {options.factory}"
    package, _, name = (options.factory or "").partition(":")
    found = weights.read(path)
    try:
        module = getattr(importlib.import_module(package), name)()
    except (Exception, SystemExit) as error:  # whatever the user's own code raises
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise RefusedError(f"{given}: {plain(what)}") from error
    if not isinstance(module, nn.Module):
        raise RefusedError(f"{given} makes a {type(module).__name__}, no torch module")
    if mismatch := weights.matches(module, found):
        raise RefusedError(
            f"{plain(path.name)} does not fit {options.factory}: {plain(mismatch, 600)}"
        )
    notes = []
    if options.mean is None:
        notes.append("no --mean and --std given: pixels go in as 0..1")
    return Source(
        kind=f"torch module of {options.factory}",
        module=Chosen(module.float(), options.output).eval(),
        mean=options.mean or (0.0, 0.0, 0.0),
        std=options.std or (1.0, 1.0, 1.0),
        low=options.low,
        high=options.high,
        size=options.fixed,
        notes=notes,
    )
