"""Builds modules from their records in a pickle: torch's own layers, weights and hooks."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from models.conversion.fastai1.names import bound_hook, full_name, pairs
from models.conversion.pickles import Object, RefusedError
from models.conversion.text import plain
from models.conversion.torchfile import TorchFile

# Layers of torch, and the attributes that make one anew; later versions of torch added some.
_LAYERS: dict[type[nn.Module], tuple[str, ...]] = {
    nn.Conv1d: ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"),
    nn.Conv2d: ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation"),
    nn.ConvTranspose2d: ("in_channels", "out_channels", "kernel_size", "stride", "padding"),
    nn.BatchNorm1d: ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    nn.BatchNorm2d: ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    nn.InstanceNorm2d: ("num_features", "eps", "momentum", "affine", "track_running_stats"),
    nn.GroupNorm: ("num_groups", "num_channels", "eps", "affine"),
    nn.ReLU: ("inplace",),
    nn.ReLU6: ("inplace",),
    nn.LeakyReLU: ("negative_slope", "inplace"),
    nn.ELU: ("alpha", "inplace"),
    nn.PReLU: ("num_parameters",),
    nn.Sigmoid: (),
    nn.Tanh: (),
    nn.Softplus: ("beta", "threshold"),
    nn.Identity: (),
    nn.Dropout: ("p", "inplace"),
    nn.Dropout2d: ("p", "inplace"),
    nn.MaxPool2d: ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"),
    nn.AvgPool2d: ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"),
    nn.ReplicationPad2d: ("padding",),
    nn.ReflectionPad2d: ("padding",),
    nn.ZeroPad2d: ("padding",),
    nn.PixelShuffle: ("upscale_factor",),
    nn.Upsample: ("size", "scale_factor", "mode", "align_corners"),
    nn.UpsamplingNearest2d: ("size", "scale_factor"),
    nn.UpsamplingBilinear2d: ("size", "scale_factor"),
}
_EXTRA = {
    nn.Conv1d: ("groups", "padding_mode"),
    nn.Conv2d: ("groups", "padding_mode"),
    nn.ConvTranspose2d: ("output_padding", "groups", "dilation"),
}
_BY_NAME = {layer.__name__: layer for layer in _LAYERS}

_MOST_LAYERS = 20_000
_GROWTH = 4  # times its file that a network may take in memory: half precision doubles

Make = Callable[["Builder", Object], nn.Module]


class Builder:
    """Builds the network of a learner from its symbolic pickle, each module once."""

    def __init__(self, file: TorchFile, modules: Mapping[str, Make]) -> None:
        self.file = file
        self.modules = modules  # how to make those that are not torch's own
        self._built: dict[int, nn.Module] = {}
        self._counts: dict[int, int] = {}  # layers run by each module
        self._places: set[int] = set()  # where weights are in memory
        self._memory = 0  # bytes of them
        self._taps: dict[int, int] = {}  # by the identity of a hook: the encoder's layer

    def module(self, made: Any) -> nn.Module:
        """The module that `made` stands for. Raises `RefusedError` for an unknown one."""
        if not isinstance(made, Object) or made.called:
            raise RefusedError(f"the network holds {made!r:.60} where a layer belongs")
        if id(made) not in self._built:
            self._count(made)
            name = full_name(made.maker)
            self._check_hooks(made, name)
            make = self.modules.get(name) or self._torch_layer(name)
            self._built[id(made)] = make(self, made).eval()
        return self._built[id(made)]

    def _count(self, made: Object) -> int:
        """How many layers `made` runs: far more than its file has where each is used again."""
        if id(made) not in self._counts:
            self._counts[id(made)] = 1
            children = pairs(made.get("_modules")).values()
            count = 1 + sum(self._count(child) for child in children if isinstance(child, Object))
            if count > _MOST_LAYERS:
                raise RefusedError(f"a network of more than {_MOST_LAYERS} layers")
            self._counts[id(made)] = count
        return self._counts[id(made)]

    def _torch_layer(self, name: str) -> Make:
        package, _, kind = name.rpartition(".")
        if package.startswith("torch.nn.modules.") and kind in _BY_NAME:
            return lambda builder, made: builder.layer(made, _BY_NAME[kind])
        raise RefusedError(
            f"the network has a layer {plain(name)}, which this converter does not know. A file"
            " holds a layer's weights, not what it computes. Where you have its code, write a"
            " function that makes the network, and its weights are read out of this file:"
            " --factory MODULE:FUNCTION"
        )

    def layer(self, made: Object, kind: type[nn.Module]) -> nn.Module:
        """One of torch's own layers, made anew, with its weights; weight norms folded in."""
        options = {
            key: self.number(made.get(key))
            for key in _LAYERS[kind] + _EXTRA.get(kind, ())
            if made.state is not None and key in made.state
        }
        given = self.tensors(made)
        if kind in _EXTRA:
            options["bias"] = "bias" in given
        try:
            with torch.device("meta"):  # no memory, whatever size the file asks for, and no chance
                layer = kind(**options)
            weights = self._fold(made, given)
            self._take(weights)
            layer.load_state_dict(weights, strict=True, assign=True)
        except (RuntimeError, ValueError, TypeError) as error:
            what = f"a {kind.__name__} that cannot be made anew: {plain(error)}"
            raise RefusedError(what) from error
        return layer

    def _take(self, weights: dict[str, Tensor]) -> None:
        """Count memory: one weight in the file may have become many here."""
        for tensor in weights.values():
            if tensor.data_ptr() not in self._places:
                self._places.add(tensor.data_ptr())
                self._memory += tensor.numel() * tensor.element_size()
        if self._memory > _GROWTH * self.file.size + 2**20:
            raise RefusedError("a network that needs far more memory than its file has")

    def tensors(self, made: Object) -> dict[str, Tensor]:
        """The parameters and buffers of one module, in single precision."""
        found = {}
        for group in ("_parameters", "_buffers"):
            for name, value in pairs(made.get(group)).items():
                if value is not None:
                    found[self._text(name)] = self.file.tensor(value, single=True)
        return found

    def _fold(self, made: Object, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights as spectral and weight norm compute them before each forward pass."""
        for hook in pairs(made.get("_forward_pre_hooks")).values():
            name, dim = self._text(hook.get("name")), hook.get("dim")
            if full_name(hook.maker).endswith(".SpectralNorm"):
                whole = given.pop(f"{name}_orig")
                u, v = given.pop(f"{name}_u"), given.pop(f"{name}_v")
                matrix = whole.movedim(dim, 0).flatten(1)
                given[name] = whole / torch.dot(u, torch.mv(matrix, v))
            else:
                g, v = given.pop(f"{name}_g"), given.pop(f"{name}_v")
                given[name] = torch._weight_norm(v, g, dim)
        return given

    def _check_hooks(self, made: Object, name: str) -> None:
        for hook in pairs(made.get("_forward_pre_hooks")).values():
            kind = full_name(hook.maker) if isinstance(hook, Object) else ""
            if not kind.endswith((".SpectralNorm", ".WeightNorm")):
                raise RefusedError(
                    f"a {name} changes its input by {kind or hook!r:.60}, which is unknown"
                )
        for hook in pairs(made.get("_forward_hooks")).values():
            if bound_hook(hook) is None:
                raise RefusedError(f"a {name} changes its output by {hook!r:.60}, which is unknown")

    def children(self, made: Object) -> list[nn.Module]:
        return [self.module(child) for child in pairs(made.get("_modules")).values()]

    def child(self, made: Object, name: str) -> nn.Module:
        child = pairs(made.get("_modules")).get(name)
        if child is None:
            raise RefusedError(f"a {full_name(made.maker)} without its {name}")
        return self.module(child)

    def optional(self, made: Object, name: str) -> nn.Module | None:
        return None if pairs(made.get("_modules")).get(name) is None else self.child(made, name)

    @staticmethod
    def _text(name: Any) -> str:
        if not isinstance(name, str):
            raise RefusedError(f"a layer with {name!r:.60} for a name")
        return name

    def number(self, value: Any, depth: int = 2) -> Any:
        """A plain value: numpy's scalars and one-element tensors become Python's numbers."""
        if isinstance(value, list | tuple):
            if not depth:
                raise RefusedError("a layer with nested tuples where numbers belong")
            made = (self.number(item, depth - 1) for item in value)
            return list(made) if isinstance(value, list) else tuple(made)
        if isinstance(value, Object):
            name = full_name(value.maker)
            if name.startswith("torch._utils._rebuild"):
                return self.file.tensor(value).item()
            if name == "torch.Size":
                return tuple(value.args[0])
            raise RefusedError(f"a layer with {name} where a number belongs")
        return value

    def remember_taps(self, encoder: Object) -> None:
        """Which layer of the encoder each `Hook` listens to."""
        for i, layer in enumerate(pairs(encoder.get("_modules")).values()):
            for hook in pairs(layer.get("_forward_hooks")).values():
                if (tapped := bound_hook(hook)) is not None:
                    self._taps[id(tapped)] = i

    def tap(self, block: Object) -> int:
        hook = block.get("hook")
        if id(hook) not in self._taps:
            raise RefusedError("a UnetBlock that listens to no layer of the encoder")
        return self._taps[id(hook)]
