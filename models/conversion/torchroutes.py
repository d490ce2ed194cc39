"""Networks that torch itself reads: TorchScript, an exported program, weights for a factory.

None of these files says how pixels are normalised: `mean`, `std`, `low`, `high` are the options'.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.conversion import onnxfile
from models.conversion.onnxfile import OnnxSource
from models.conversion.pickles import RefusedError
from models.conversion.source import Source

if TYPE_CHECKING:
    from models.conversion.options import Options

_PLAIN = ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def _source(kind: str, module: nn.Module, options: Options) -> Source:
    notes = []
    if options.mean is None:
        notes.append("no --mean and --std given: pixels go in as 0..1")
    return Source(
        kind=kind,
        module=module,
        mean=options.mean or _PLAIN[0],
        std=options.std or _PLAIN[1],
        low=options.low,
        high=options.high,
        size=options.fixed,
        notes=notes,
    )


def from_torchscript(path: Path, options: Options) -> OnnxSource:
    """A scripted or traced module. TorchScript is its own small language and runs no Python."""
    try:
        module = torch.jit.load(path, map_location="cpu").eval()
    except RuntimeError as error:
        raise RefusedError(f"a TorchScript file that torch cannot read: {error}") from error
    names = {"input_names": ["photo"], "output_names": ["picture"]}
    free = {name: {2: "H", 3: "W"} for name in ("photo", "picture")}
    return _by_onnx(
        "TorchScript module",
        lambda file: torch.onnx.export(
            module, (_photo(),), file, dynamo=False, opset_version=17, dynamic_axes=free, **names
        ),
        module,
        options,
    )


def from_exported_program(path: Path, options: Options) -> OnnxSource:
    """What `torch.export.save` wrote; its sizes are free where they were exported as dynamic."""
    try:
        program = torch.export.load(path)
    except Exception as error:  # torch raises errors of many kinds for files that it cannot use
        raise RefusedError(f"a torch.export program that torch cannot read: {error}") from error
    return _by_onnx(
        "torch.export program",
        lambda file: torch.onnx.export(program, dynamo=True, verbose=False).save(str(file)),
        program.module(),
        options,
    )


def _photo() -> Tensor:
    return torch.zeros(1, 3, 128, 192)


def _by_onnx(
    kind: str, export: Callable[[Path], object], module: nn.Module, options: Options
) -> OnnxSource:
    """A graph of torch's goes through ONNX's route, and is compared with torch's own drawing."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "float.onnx"
        try:
            export(file)
        except Exception as error:  # as above
            reason = str(error.__cause__ or error).strip().partition("\n")[0]
            raise RefusedError(f"a {kind} that cannot be written as ONNX: {reason}") from error
        source = onnxfile.read(file, options)
    source.kind, source.draw = kind, _source(kind, module, options).draw
    return source


def from_factory(path: Path, options: Options) -> Source:
    """The module that `options.factory`, `package.module:function`, makes, with weights of `path`.

    The factory is imported and run: it is code of one's own.
    """
    package, _, name = (options.factory or "").partition(":")
    try:
        module = getattr(importlib.import_module(package), name)()
    except (ImportError, AttributeError) as error:
        raise RefusedError(f"--factory {options.factory}: {error}") from error
    if not isinstance(module, nn.Module):
        raise RefusedError(
            f"--factory {options.factory} makes a {type(module).__name__}, no torch module"
        )
    try:
        module.load_state_dict(_weights(path))
    except RuntimeError as error:
        raise RefusedError(f"{path.name} does not fit {options.factory}: {error}") from error
    return _source(f"torch module of {options.factory}", module.eval(), options)


def _weights(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, ValueError, EOFError) as error:
        raise RefusedError(f"{path.name} holds no weights: {error}") from error
    except Exception as error:  # torch raises pickle's own error for what it will not unpickle
        raise RefusedError(f"{path.name} holds more than weights: {error}") from error
    if not isinstance(weights, dict):
        raise RefusedError(
            f"{path.name} holds a {type(weights).__name__}, no dictionary of weights"
        )
    for key in ("state_dict", "model_state_dict", "model", "params_ema", "params"):
        if isinstance(weights.get(key), dict):
            return dict(weights[key])
    return weights
