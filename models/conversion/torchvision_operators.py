"""Lets torchvision be imported where its compiled operators do not load.

torchvision's wheel on PyPI is built against the CUDA build of torch. Beside a CPU build its
operators are not registered, and `import torchvision`, which fastai does, stops at the first that
is missing. Nothing here calls them, so it is enough that they are declared.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import torch
from torch import library

_OPERATORS = ("nms", "qnms")
_library: Any = library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]


def declare_operators() -> None:
    """Declare torchvision's operators, unless its own library brings them. Call before fastai."""
    if all(hasattr(torch.ops.torchvision, name) for name in _OPERATORS) or _loads():
        return
    for name in _OPERATORS:
        if not hasattr(torch.ops.torchvision, name):
            _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def _loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for compiled in Path(spec.origin).parent.glob("_C*.so"):
        try:
            torch.ops.load_library(str(compiled))  # type: ignore[no-untyped-call]
        except (OSError, RuntimeError):
            return False
    return True
