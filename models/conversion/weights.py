"""Weights for a network of one's own, out of whatever people keep them in; nothing is unpickled.

A state dict, one inside a checkpoint, `learn.save()` of fastai 1 and 2 with its optimiser, a whole
module, a learner, or a safetensors file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from models.conversion.fastai1 import describe
from models.conversion.fastai1.names import pairs
from models.conversion.pickles import Object, RefusedError
from models.conversion.text import plain
from models.conversion.torchfile import TorchFile

_NESTED = ("state_dict", "model_state_dict", "model", "params_ema", "params", "generator", "net")
_WRAPPERS = ("module.", "_orig_mod.", "model.")  # DataParallel, torch.compile, Lightning
_MOST = 20_000  # modules
_DEEPEST = 4  # dictionaries in one another


def read(path: Path) -> dict[str, Tensor]:
    """The weights in `path` by name. Raises `RefusedError` where there are none."""
    if path.suffix == ".safetensors":
        try:
            return dict(load_file(path))
        except (SafetensorError, OSError, ValueError) as error:
            raise RefusedError(f"{plain(path.name)} holds no weights: {plain(error)}") from error
    with TorchFile(path) as file:
        found = dict(_find(file, file.value))
    if not found:
        raise RefusedError(f"{plain(path.name)} holds no weights: {describe(file.value)}")
    return found


def fit(weights: dict[str, Tensor], wanted: set[str]) -> dict[str, Tensor]:
    """`weights` without what wrappers put before every name, if that makes them fit better."""
    best = weights
    while best and not wanted & best.keys():
        of_all = (each for each in _WRAPPERS if all(name.startswith(each) for name in best))
        if (wrapper := next(of_all, None)) is None:
            break
        best = {name.removeprefix(wrapper): tensor for name, tensor in best.items()}
    return best


def _find(file: TorchFile, value: Any, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """The weights in a module, in a learner, or in a dictionary: in one that it holds, if any."""
    if isinstance(value, Object) and not value.called:
        if value.get("_modules") is not None:
            yield from _of_module(file, value)
        elif isinstance(value.get("model"), Object):  # a fastai 2 learner
            yield from _of_module(file, value.get("model"))
        return
    items = pairs(value)
    for key in _NESTED if depth < _DEEPEST else ():
        if (inner := items.get(key)) is None or _is_tensor(inner):
            continue
        if found := list(_find(file, inner, depth + 1)):
            yield from found
            return  # a checkpoint's other tensors, as its loss, are no weights
    for name, item in items.items():
        if isinstance(name, str) and _is_tensor(item):
            yield name, file.tensor(item)


def _of_module(file: TorchFile, top: Object) -> Iterator[tuple[str, Tensor]]:
    """As `state_dict()` would name them."""
    pending, count = [("", top)], 0
    while pending:
        prefix, made = pending.pop()
        if (count := count + 1) > _MOST:  # a module may be its own grandchild
            raise RefusedError(f"more than {_MOST} modules")
        hidden = made.get("_non_persistent_buffers_set")
        for group in ("_parameters", "_buffers"):
            for name, item in pairs(made.get(group)).items():
                kept = group == "_parameters" or not isinstance(hidden, set) or name not in hidden
                if kept and isinstance(name, str) and _is_tensor(item):
                    yield prefix + name, file.tensor(item)
        for name, child in pairs(made.get("_modules")).items():
            if isinstance(name, str) and isinstance(child, Object):
                pending.append((f"{prefix}{name}.", child))


def _is_tensor(item: Any) -> bool:
    return isinstance(item, Object) and str(item.maker).startswith("torch._utils._rebuild_")


def matches(module: torch.nn.Module, weights: dict[str, Tensor]) -> str | None:
    """Load `weights` into `module`; what does not fit, in words, or None."""
    try:
        module.load_state_dict(fit(weights, set(module.state_dict())))
    except RuntimeError as error:
        return str(error)
    return None
