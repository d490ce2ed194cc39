"""What every route ends in before a model file is written: a torch module and its pixels."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.conversion.agreement import Pixels
from models.conversion.pickles import RefusedError
from models.conversion.text import plain

MULTIPLES = (1, 2, 4, 8, 16, 32, 64)
OUT_OF_MEMORY = re.compile(
    r"DefaultCPUAllocator|bad_alloc|bad allocation|Failed to allocate|not enough memory", re.I
)


@dataclass
class Source:
    """A network that draws pictures.

    `module` takes float [1, 3, H, W], RGB in 0..1 less `mean` over `std`, and gives float
    [1, 1 or 3, H, W], whose `low` is black and whose `high` is white.
    """

    kind: str
    module: nn.Module
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    low: float = 0.0
    high: float = 1.0
    size: tuple[int, int] | None = None  # height and width that it was trained at
    notes: list[str] = field(default_factory=list)

    def draw(self, photo: Pixels) -> npt.NDArray[np.float32]:
        """Uint8 [H, W, 3] → float [H, W, 1 or 3], grey levels, neither rounded nor clipped."""
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.mean, self.std))
        x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            y = (self.module((x - mean) / std) - self.low) / (self.high - self.low)
        levels: npt.NDArray[np.float32] = y[0].permute(1, 2, 0).numpy() * 255
        return levels


def smallest_multiple(module: nn.Module) -> int | None:
    """What H and W must be multiples of for `module` to give back a picture of the same size.

    None where no size but its own will do. Raises `RefusedError` where what it gives is no picture.
    """
    shape = None
    for multiple in MULTIPLES:
        sizes = [(64 + multiple, 64 + 3 * multiple), (128 - multiple, 64 + multiple)]
        shapes = [_shape(module, size) for size in sizes]
        if all(s is not None and s[2:] == size for s, size in zip(shapes, sizes, strict=True)):
            return multiple
        shape = shapes[0] or shape
    if shape is not None:
        check_shape(shape, (128, 256))
    return None


def check_fixed(module: nn.Module, size: tuple[int, int]) -> None:
    """Raise `RefusedError` unless `module` draws photos of `size` (height, width) at that size."""
    shape = _shape(module, size)
    if shape is None:
        raise RefusedError(
            f"a network that does not take photos of {size[0]}x{size[1]}{failure(module, size)}"
        )
    if shape[2:] != size:
        check_shape(shape, size)


def choose(given: Any, output: str | None) -> Tensor:
    """The line art among what a network returns: a tensor, or one of several by place or name."""
    if isinstance(given, Tensor):
        return given
    named = given if isinstance(given, dict) else dict(enumerate(given if _many(given) else []))
    tensors = {str(key): value for key, value in named.items() if isinstance(value, Tensor)}
    places = dict(zip(map(str, range(len(tensors))), tensors.values(), strict=True))
    if output is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    if output is not None and (found := tensors.get(output, places.get(output))) is not None:
        return found
    if not tensors:
        raise RefusedError(f"a network that gives a {type(given).__name__}, not one picture")
    raise RefusedError(not_one(list(tensors), list(tensors.values())))


def _many(given: Any) -> bool:
    return isinstance(given, list | tuple)


def not_one(names: list[str], outputs: list[Any]) -> str:
    """What to say of a network with several outputs."""
    listed = [
        f"{at} ({plain(name, 40)}) {list(getattr(output, 'shape', ()))}"
        for at, (name, output) in enumerate(zip(names, outputs, strict=True))
    ]
    return (
        f"a network with {len(names)} outputs; choose one with --output: {', '.join(listed[:12])}"
    )


def failure(module: nn.Module, size: tuple[int, int]) -> str:
    """What `module` says of a photo of `size` (height, width), in brackets; empty if nothing."""
    try:
        _try(module, size)
    except Exception as error:  # whatever the network's own code raises
        return f" ({plain(str(error) or type(error).__name__)})"
    return ""


def _try(module: nn.Module, size: tuple[int, int]) -> Any:
    with torch.inference_mode():
        return module(torch.zeros(1, 3, *size))


def _shape(module: nn.Module, size: tuple[int, int]) -> tuple[int, ...] | None:
    try:
        given = _try(module, size)
    except RefusedError:
        raise
    except Exception as error:  # whatever the network's own code raises
        refuse_lack_of_memory(error, size)
        return None  # sizes that do not meet, somewhere inside
    if not isinstance(given, torch.Tensor):
        raise RefusedError(f"a network that gives a {type(given).__name__}, not one picture")
    if given.ndim != 4 or given.shape[1] not in (1, 3):
        check_shape(tuple(given.shape), size)
    return tuple(given.shape)


def lacks_memory(error: Exception) -> bool:
    """Whether this is how numpy, torch or ONNX Runtime say that memory ran out."""
    return isinstance(error, MemoryError) or bool(OUT_OF_MEMORY.search(str(error)))


def refuse_lack_of_memory(error: Exception, size: tuple[int, int]) -> None:
    """Raise `RefusedError` if `error` says so, of a photo of `size` (height, width)."""
    if lacks_memory(error):
        raise RefusedError(
            f"a network that lacks memory for a photo of {size[0]}x{size[1]}: {plain(error)}"
        ) from error


def check_shape(shape: tuple[int, ...], size: tuple[int, ...]) -> NoReturn:
    """Raise `RefusedError`, saying why `shape` is not that of a picture as large as the photo."""
    what = f"it gives {list(shape)} for a photo of {size[0]}x{size[1]}"
    if len(shape) != 4:
        raise RefusedError(f"a network that makes no pictures of the photo's size: {what}")
    if shape[1] not in (1, 3):
        raise RefusedError(
            f"a network that does not make pictures of the photo's size: {shape[1]} channels, not 1"
            f" or 3: {what}"
        )
    raise RefusedError(
        f"a network that does not make pictures of the photo's size, not as large as it: {what}"
    )
