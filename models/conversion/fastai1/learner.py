"""A learner that fastai 1 exported, and what its `predict` does round the network."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models.conversion import pickles
from models.conversion.fastai1.builder import Builder
from models.conversion.fastai1.modules import MODULES
from models.conversion.fastai1.names import check, full_name, pairs
from models.conversion.pickles import Global, Object, RefusedError
from models.conversion.source import Source
from models.conversion.text import plain
from models.conversion.torchfile import TorchFile

# What fastai 1 puts behind the network when it predicts, by the name of the loss.
_ACTIVATIONS = {
    "BCEWithLogitsLoss": torch.sigmoid,
    "binary_cross_entropy_with_logits": torch.sigmoid,
    "PoissonNLLLoss": torch.exp,
    "KLDivLoss": torch.exp,
    "kl_div": torch.exp,
}
_PICTURES = {"ImageList", "ImageImageList", "ImageItemList"}  # the last until fastai 1.0.46
_RESIZE = {"1": "crop", "2": "pad", "3": "squish", "4": "no"}


@dataclass
class Normalisation:
    """As `DataBunch.normalize` was asked for; one number a channel of the network's input."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    photo: bool  # what goes in
    picture: bool  # what comes out


class Picture(nn.Module):
    """What `Learner.predict` does from the network's input to pixels in 0..1."""

    mean: Tensor
    std: Tensor
    luma: Tensor

    def __init__(
        self,
        network: nn.Module,
        activation: Callable[[Tensor], Tensor] | None,
        norm: Normalisation | None,
        grey: bool,
    ) -> None:
        super().__init__()
        self.network, self.activation = network, activation
        self.grey, self.denormalises = grey, norm is not None and norm.picture
        mean, std = ((0.0,), (1.0,)) if norm is None else (norm.mean, norm.std)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1))
        self.register_buffer("luma", torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if self.grey:  # as Pillow's "L"; only then is there anything left to normalise here
            x = ((x * self.luma).sum(1, keepdim=True) - self.mean) / self.std
        y: Tensor = self.network(x)
        if self.activation is not None:
            y = self.activation(y)
        return y * self.std + self.mean if self.denormalises else y


def read(path: Path, inert: frozenset[str] = frozenset()) -> Source:
    """The image-to-image learner in a fastai 1 export at `path`.

    Raises `RefusedError`, naming what was found, for anything else.
    """
    try:
        return _read(path, inert)
    except RefusedError:
        raise
    # All of it trusts that records are as fastai writes them; in a damaged file they are not.
    except (LookupError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        what = f"{type(error).__name__}: {error}"
        raise RefusedError(f"a learner that does not hold together ({plain(what)})") from error


def _read(path: Path, inert: frozenset[str]) -> Source:
    with TorchFile(path) as file:
        state = file.value
        if not isinstance(state, dict) or not {"model", "data"} <= state.keys():
            raise RefusedError(
                f"no learner: {describe(state)}; for weights, name the network that they are for"
                " with --factory"
            )
        data = state["data"]
        _check_pictures(data)
        check(file.found(), inert)
        if not isinstance(data, dict) or "y_cls" not in data:
            raise RefusedError("a learner whose data have no state")
        builder = Builder(file, MODULES)
        network = builder.module(state["model"])
        norm = _normalisation(builder, data)
        size, resize = _size(builder, data)
    grey = _channels(network) == 1
    source = Source(
        kind=f"fastai 1 learner ({file.format})",
        module=Picture(network, _activation(state), norm, grey).eval(),
        size=size,
        notes=list(_notes(state, norm, size, resize)),
    )
    if norm is not None and norm.photo and not grey:
        # One number may have stood for all three channels.
        source.mean, source.std = (v * 3 if len(v) == 1 else v for v in (norm.mean, norm.std))
    return source


def describe(state: Any) -> str:
    """What a file holds at its top, in a few words."""
    if items := pairs(state):
        inner = [*items.values(), *pairs(items.get("model")).values()]
        if any(isinstance(v, Object) and "_rebuild" in str(v.maker) for v in inner):
            return "weights alone; name the network that they are for with --factory"
        return f"a dictionary with {', '.join(plain(key, 40) for key in list(items)[:6])}"
    if isinstance(state, Object):
        is_module = state.get("_modules") is not None
        hint = "; export the learner that it belongs to" if is_module else ""
        return f"a {plain(full_name(state.maker))}{hint}"
    return f"a {type(state).__name__.lower()}"


def _check_pictures(data: Any) -> None:
    full = full_name(data.get("y_cls") if isinstance(data, dict) else None)
    if full.startswith("fastai.") and full.rpartition(".")[2] not in _PICTURES:
        raise RefusedError(f"a learner that does not make pictures: its targets are {full}")


def _channels(network: nn.Module) -> int:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            if layer.in_channels not in (1, 3):
                raise RefusedError(
                    f"a network whose input has {layer.in_channels} channels, not 1 or 3"
                )
            return layer.in_channels
    raise RefusedError("a network without a convolution, which makes no pictures")


def _activation(state: dict[str, Any]) -> Callable[[Tensor], Tensor] | None:
    """As `Learner.predict` chooses it: a loss may be wrapped, twice, and may be a partial."""
    loss = state.get("loss_func")
    for _ in range(3):
        inner = loss.get("func") if isinstance(loss, Object) else None
        if isinstance(loss, Object) and full_name(loss.maker) == "functools.partial":
            inner = loss.args[0]
        loss = loss if inner is None else inner
    name = full_name(loss.maker if isinstance(loss, Object) else loss).rpartition(".")[2]
    if name in ("CrossEntropyLoss", "cross_entropy", "NLLLoss", "nll_loss"):
        raise RefusedError(f"a learner that does not make pictures: its loss is {name}")
    if name == "PoissonNLLLoss" and isinstance(loss, Object) and not loss.get("log_input", True):
        return None
    return _ACTIVATIONS.get(name)


def _normalisation(builder: Builder, data: dict[str, Any]) -> Normalisation | None:
    given = data.get("normalize")
    if not isinstance(given, dict):
        return None
    mean, std = (
        tuple(builder.file.tensor(given[key]).float().flatten().tolist()) for key in ("mean", "std")
    )
    photo = bool(given.get("do_x", True))
    # fastai made its `denormalize` with the same do_x, and without it that does nothing.
    return Normalisation(mean, std, photo, picture=bool(given.get("do_y", False)) and photo)


def _size(builder: Builder, data: dict[str, Any]) -> tuple[tuple[int, int] | None, str]:
    """The (height, width) that photos were brought to, and how."""
    options = data.get("tfmargs") or {}
    size = options.get("size")
    if size is None:
        return None, "no"
    listed = not isinstance(size, int | float)
    size = builder.number(size)
    height, width = size[-2:] if isinstance(size, list | tuple) else (size, size)
    if (multiple := builder.number(options.get("mult"))) is not None:
        height, width = (int(side / multiple + 0.5) * multiple for side in (height, width))
    method = options.get("resize_method")
    if isinstance(method, Object):
        method = method.args[0]
    return (int(height), int(width)), _RESIZE.get(str(method), "squish" if listed else "crop")


def _notes(
    state: dict[str, Any], norm: Normalisation | None, size: tuple[int, int] | None, resize: str
) -> Iterator[str]:
    if size is not None:
        yield f"trained at {size[0]}x{size[1]} ({resize}); here photos are drawn whole, at any size"
    if norm is None:
        yield "no normalisation"
    else:
        sides = [s for s, on in (("photo", norm.photo), ("picture", norm.picture)) if on]
        means = ", ".join(f"{m:.3f}" for m in norm.mean)
        yield f"normalisation of {' and '.join(sides) or 'nothing'}, mean {means}"
    own = {str(i) for i in pickles.walk(state) if isinstance(i, Global) and i.module == "__main__"}
    if own:
        yield f"left out, not needed to draw: {', '.join(map(plain, sorted(own)))}"
