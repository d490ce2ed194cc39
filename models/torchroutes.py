"""Networks that torch itself reads: TorchScript, an exported program, weights for a factory.

None of these files says how pixels are normalised: `mean`, `std`, `low`, `high` are the options'.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from models.pickles import Refused
from models.source import Source

if TYPE_CHECKING:
    from models.convert import Options

_PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _source(kind: str, module: nn.Module, options: Options) -> Source:
    notes = []
    if options.mean is None:
        notes.append("no --mean and --std given: pixels go in as 0..1")
    return Source(
        kind=kind,
        module=module.float() if not isinstance(module, torch.fx.GraphModule) else module,
        mean=options.mean or _PLAIN[0],
        std=options.std or _PLAIN[1],
        low=options.low,
        high=options.high,
        size=options.fixed,
        notes=notes,
    )


def from_torchscript(path: Path, options: Options) -> Source:
    """A scripted or traced module. TorchScript is its own small language and runs no Python."""
    try:
        module = torch.jit.load(path, map_location="cpu")
    except RuntimeError as error:
        raise Refused(f"a TorchScript file that torch cannot read: {error}") from error
    return _source("TorchScript module", module.eval(), options)


def from_exported_program(path: Path, options: Options) -> Source:
    """What `torch.export.save` wrote."""
    program = torch.export.load(path)
    return _source("torch.export program", program.module(), options)


def from_factory(path: Path, options: Options) -> Source:
    """The module that `options.factory`, `package.module:function`, makes, with weights of `path`.

    The factory is imported and run: it is code of one's own.
    """
    package, _, name = (options.factory or "").partition(":")
    try:
        module = getattr(importlib.import_module(package), name)()
    except (ImportError, AttributeError) as error:
        raise Refused(f"--factory {options.factory}: {error}") from error
    if not isinstance(module, nn.Module):
        raise Refused(
            f"--factory {options.factory} makes a {type(module).__name__}, no torch module"
        )
    try:
        module.load_state_dict(_weights(path))
    except RuntimeError as error:
        raise Refused(f"{path.name} does not fit {options.factory}: {error}") from error
    return _source(f"torch module of {options.factory}", module.eval(), options)


def _weights(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, ValueError, EOFError) as error:
        raise Refused(f"{path.name} holds no weights: {error}") from error
    except Exception as error:  # torch raises pickle's own error for what it will not unpickle
        raise Refused(f"{path.name} holds more than weights: {error}") from error
    if not isinstance(weights, dict):
        raise Refused(f"{path.name} holds a {type(weights).__name__}, no dictionary of weights")
    for key in ("state_dict", "model_state_dict", "model", "params_ema", "params"):
        if isinstance(weights.get(key), dict):
            return dict(weights[key])
    return weights
