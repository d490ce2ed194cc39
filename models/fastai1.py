"""Read a learner that fastai 1 exported, with neither fastai 1 nor its Python.

`Learner.export` pickles whole objects: the network, and with it the loss, the optimiser, callbacks
and the state of the data. The file is followed symbolically (`models.pickles`), its names are held
against a list, and the network is then built from `models.unet` and torch's own layers. The rest
stays what it was: a record that nobody runs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from models import pickles, unet
from models.pickles import Global, Object, Refused
from models.source import Source
from models.torchfile import TorchFile

# Calls that a learner's pickle may hold. None of them is made; each is understood, or left alone.
CALLS = {
    *("builtins.set", "builtins.frozenset", "builtins.slice", "builtins.complex", "builtins.range"),
    *("builtins.bytearray", "builtins.object", "builtins.getattr"),  # a hook's bound method
    *("collections.OrderedDict", "collections.defaultdict", "functools.partial", "_codecs.encode"),
    *(
        "copyreg._reconstructor",
        "pathlib.PosixPath",
        "pathlib.WindowsPath",
        "pathlib.PurePosixPath",
    ),
    *("torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor", "torch.Size"),
    *("torch._utils._rebuild_tensor_v2", "torch.device", "numpy.core._ufunc_reconstruct"),
    *("numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy.dtype"),
    *(
        "fastai.layers.NormType",
        "fastai.vision.image.ResizeMethod",
        "fastai.basic_data.DatasetType",
    ),
}
# Names that it may refer to, or make an empty instance of and fill in.
NAMES = {
    *("numpy.ndarray", "numpy.float32", "numpy.float64", "numpy.int64", "builtins.int"),
    *("builtins.float", "builtins.str", "builtins.list", "builtins.dict", "builtins.bool"),
    *(
        "builtins.tuple",
        "builtins.type",
        "builtins.unicode",
        "builtins.long",
        "torch.utils.hooks.RemovableHandle",
    ),
}
FAMILIES = ("__main__", "fastai", "torch.nn", "torch.optim", "torchvision.models")
_TORCH_NAMES = ("Storage", "Tensor")
_PYTHON2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def full_name(made: Any) -> str:
    """The full name of a global, by Python 3's name for its module."""
    if isinstance(made, Global):
        return f"{_PYTHON2.get(made.module, made.module)}.{made.name}"
    return f"something that is no name ({made!r:.40})"


def strange(value: Any, inert: frozenset[str] = frozenset()) -> set[str]:
    """The names that a pickle imports, or calls, and that no learner needs; `inert` allows more."""
    found = set()
    for item in pickles.walk(value):
        if isinstance(item, Global) and not _may_refer(item, inert):
            found.add(full_name(item))
        if isinstance(item, Object) and not _may_make(item, inert):
            found.add(full_name(item.maker))
    return found


def check(value: Any, inert: frozenset[str] = frozenset()) -> None:
    """Raise `Refused`, with the names at fault, where there are such.

    Nothing would be run either way: this is for the person who was sent the file.
    """
    if names := sorted(strange(value, inert)):
        raise Refused(
            f"the pickle names what no learner needs: {', '.join(names[:8])}. Nothing was run."
            " If one is a harmless class of your own, which drawing does not need, let it stand"
            " with --inert NAME"
        )


def _may_refer(name: Global, inert: frozenset[str]) -> bool:
    full = full_name(name)
    if "." in name.name:  # an attribute of something, which protocol 4 can ask for
        return False
    if name.module == "torch" and (
        name.name.endswith(_TORCH_NAMES) or isinstance(getattr(torch, name.name, None), torch.dtype)
    ):
        return True
    return full in CALLS | NAMES | inert or any(
        name.module == family or name.module.startswith(family + ".") for family in FAMILIES
    )


def _may_make(made: Object, inert: frozenset[str]) -> bool:
    if not isinstance(made.maker, Global):
        return False
    full = full_name(made.maker)
    if full == "builtins.getattr":
        return _bound_hook(made) is not None
    return not made.called or full in CALLS | inert


def _bound_hook(made: Any) -> Object | None:
    """The `Hook` whose method `hook_fn` this is, since bound methods are pickled as getattr."""
    if (
        isinstance(made, Object)
        and full_name(made.maker) == "builtins.getattr"
        and len(made.args) == 2
    ):
        hook, method = made.args
        if isinstance(hook, Object) and full_name(hook.maker) == "fastai.callbacks.hooks.Hook":
            return hook if method == "hook_fn" else None
    return None


def pairs(value: Any) -> dict[Any, Any]:
    """The items of a dictionary, an ordered one included."""
    if isinstance(value, dict):
        return value
    if isinstance(value, Object) and full_name(value.maker) == "collections.OrderedDict":
        given = value.args[0] if value.args else []
        return dict([*given, *value.items])
    return {}


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


class Builder:
    """Builds the network of a learner from its symbolic pickle, each module once."""

    def __init__(self, file: TorchFile) -> None:
        self.file = file
        self._built: dict[int, nn.Module] = {}
        self._taps: dict[int, int] = {}  # by the identity of a hook: the encoder's layer

    def module(self, made: Any) -> nn.Module:
        """The module that `made` stands for. Raises `Refused` where it is none that is known."""
        if not isinstance(made, Object) or made.called:
            raise Refused(f"the network holds {made!r:.60} where a layer belongs")
        if id(made) not in self._built:
            name = full_name(made.maker)
            self._check_hooks(made, name)
            make = _MODULES.get(name) or self._torch_layer(name)
            self._built[id(made)] = make(self, made).eval()
        return self._built[id(made)]

    def _torch_layer(self, name: str) -> Callable[["Builder", Object], nn.Module]:
        package, _, kind = name.rpartition(".")
        if package.startswith("torch.nn.modules.") and kind in _BY_NAME:
            return lambda builder, made: builder.layer(made, _BY_NAME[kind])
        raise Refused(
            f"the network has a layer {name}, which this converter does not know."
            " A layer's file holds its weights, not what it computes"
            + (": convert the network with --factory instead." if "__main__" in name else ".")
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
            layer = kind(**options)
            layer.load_state_dict(self._fold(made, given), strict=True)
        except (RuntimeError, ValueError, TypeError) as error:
            raise Refused(f"a {kind.__name__} that cannot be made anew: {error}") from error
        return layer

    def tensors(self, made: Object) -> dict[str, Tensor]:
        """The parameters and buffers of one module, in single precision."""
        found = {}
        for group in ("_parameters", "_buffers"):
            for name, value in pairs(made.get(group)).items():
                if value is not None:
                    tensor = self.file.tensor(value)
                    found[name] = tensor.float() if tensor.is_floating_point() else tensor
        return found

    def _fold(self, made: Object, given: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights as spectral and weight norm compute them before each forward pass."""
        for hook in pairs(made.get("_forward_pre_hooks")).values():
            name, dim = hook.get("name"), hook.get("dim")
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
                raise Refused(
                    f"a {name} changes its input by {kind or hook!r:.60}, which is unknown"
                )
        for hook in pairs(made.get("_forward_hooks")).values():
            if _bound_hook(hook) is None:
                raise Refused(f"a {name} changes its output by {hook!r:.60}, which is unknown")

    def children(self, made: Object) -> list[nn.Module]:
        return [self.module(child) for child in pairs(made.get("_modules")).values()]

    def child(self, made: Object, name: str) -> nn.Module:
        child = pairs(made.get("_modules")).get(name)
        if child is None:
            raise Refused(f"a {full_name(made.maker)} without its {name}")
        return self.module(child)

    def optional(self, made: Object, name: str) -> nn.Module | None:
        return None if pairs(made.get("_modules")).get(name) is None else self.child(made, name)

    def number(self, value: Any) -> Any:
        """A plain value: numpy's scalars and one-element tensors become Python's numbers."""
        if isinstance(value, list | tuple):
            return type(value)(self.number(item) for item in value)
        if isinstance(value, Object):
            name = full_name(value.maker)
            if name.startswith("torch._utils._rebuild"):
                return self.file.tensor(value).item()
            if name == "torch.Size":
                return tuple(value.args[0])
            raise Refused(f"a layer with {name} where a number belongs")
        return value

    def remember_taps(self, encoder: Object) -> None:
        """Which layer of the encoder each `Hook` listens to."""
        for i, layer in enumerate(pairs(encoder.get("_modules")).values()):
            for hook in pairs(layer.get("_forward_hooks")).values():
                if (tapped := _bound_hook(hook)) is not None:
                    self._taps[id(tapped)] = i

    def tap(self, block: Object) -> int:
        hook = block.get("hook")
        if id(hook) not in self._taps:
            raise Refused("a UnetBlock that listens to no layer of the encoder")
        return self._taps[id(hook)]


def _layers(made: Object) -> list[Object]:
    """The children of a `SequentialEx`, which keeps them in a `ModuleList`."""
    holder = pairs(made.get("_modules")).get("layers")
    return list(pairs(holder.get("_modules")).values()) if isinstance(holder, Object) else []


def _link(builder: Builder, made: Object) -> nn.Module:
    """A layer of a `SequentialEx`, the only place where a `MergeLayer` means anything."""
    if isinstance(made, Object) and full_name(made.maker) == "fastai.layers.MergeLayer":
        return unet.Merge(bool(made.get("dense")))
    return builder.module(made)


def _unet(builder: Builder, made: Object) -> nn.Module:
    encoder, *rest = _layers(made) or [None]
    if not isinstance(encoder, Object) or not full_name(encoder.maker).endswith(".Sequential"):
        raise Refused("a DynamicUnet whose encoder is no sequence of layers")
    builder.remember_taps(encoder)
    is_block = [full_name(layer.maker) == "fastai.vision.models.unet.UnetBlock" for layer in rest]
    if True not in is_block:
        raise Refused("a DynamicUnet without a UnetBlock")
    first, last = is_block.index(True), len(rest) - is_block[::-1].index(True)
    tail = [_link(builder, layer) for layer in rest[last:]]
    unet.even_out(tail)
    return unet.DynamicUnet(
        encoder=builder.children(encoder),
        middle=[builder.module(layer) for layer in rest[:first]],
        steps=[unet.Step(_block(builder, b), builder.tap(b)) for b in rest[first:last]],
        tail=tail,
    )


def _block(builder: Builder, made: Object) -> unet.UnetBlock:
    return unet.UnetBlock(
        up=builder.child(made, "shuf"),
        norm=builder.child(made, "bn"),
        relu=builder.child(made, "relu"),
        convs=nn.Sequential(builder.child(made, "conv1"), builder.child(made, "conv2")),
    )


def _shuffle(builder: Builder, made: Object) -> nn.Module:
    conv, relu, shuffle = (builder.child(made, name) for name in ("conv", "relu", "shuf"))
    blur = None
    if made.get("do_blur", True):  # before it had this switch, fastai always blurred
        wide = next(m.out_channels for m in conv.modules() if isinstance(m, nn.Conv2d))
        blur = unet.Blur(wide // shuffle.upscale_factor**2)
    return unet.PixelShuffle(conv, relu, shuffle, blur)


def _attention(builder: Builder, made: Object) -> nn.Module:
    query, key, value = (builder.child(made, name) for name in ("query", "key", "value"))
    return unet.SelfAttention(query, key, value, builder.tensors(made)["gamma"])


def _pooled_attention(builder: Builder, made: Object) -> nn.Module:
    convs = (builder.child(made, name) for name in ("theta", "phi", "g", "o"))
    return unet.PooledSelfAttention(*convs, builder.tensors(made)["gamma"])


def _residual(count: int) -> Callable[[Builder, Object], nn.Module]:
    def make(builder: Builder, made: Object) -> nn.Module:
        convs = [
            (builder.child(made, f"conv{i}"), builder.child(made, f"bn{i}"))
            for i in range(1, count + 1)
        ]
        shortcut = builder.optional(made, "downsample")
        return unet.Residual(convs, builder.child(made, "relu"), shortcut)

    return make


def _pooled_residual(builder: Builder, made: Object) -> nn.Module:
    pool, shortcut = (builder.optional(made, name) for name in ("pool", "idconv"))
    return unet.PooledResidual(builder.child(made, "convs"), pool, shortcut)


def _sequential(builder: Builder, made: Object) -> nn.Module:
    return nn.Sequential(*builder.children(made))


_MODULES: dict[str, Callable[[Builder, Object], nn.Module]] = {
    "torch.nn.modules.container.Sequential": _sequential,
    "torch.nn.parallel.data_parallel.DataParallel": lambda b, made: b.child(made, "module"),
    "torchvision.models.resnet.BasicBlock": _residual(2),
    "torchvision.models.resnet.Bottleneck": _residual(3),
    "fastai.vision.models.xresnet.ResBlock": _pooled_residual,
    "fastai.vision.models.unet.DynamicUnet": _unet,
    "fastai.layers.SequentialEx": lambda b, made: unet.Chain(_link(b, m) for m in _layers(made)),
    "fastai.layers.PixelShuffle_ICNR": _shuffle,
    "fastai.layers.SelfAttention": _attention,
    "fastai.layers.PooledSelfAttention2d": _pooled_attention,
    "fastai.layers.SigmoidRange": lambda b, made: unet.SigmoidRange(
        b.number(made.get("low")), b.number(made.get("high"))
    ),
}

# What fastai 1 puts behind the network when it predicts, by the name of the loss.
_ACTIVATIONS = {
    "BCEWithLogitsLoss": torch.sigmoid,
    "binary_cross_entropy_with_logits": torch.sigmoid,
    "PoissonNLLLoss": torch.exp,
    "KLDivLoss": torch.exp,
    "kl_div": torch.exp,
}
_PICTURES = {"ImageList", "ImageImageList"}
_RESIZE = {1: "crop", 2: "pad", 3: "squish", 4: "no"}


@dataclass
class Normalisation:
    """As `DataBunch.normalize` was asked for; one number a channel of the network's input."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    photo: bool  # what goes in
    picture: bool  # what comes out


class Picture(nn.Module):
    """What `Learner.predict` does from the network's input to pixels in 0..1."""

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
        y = self.network(x)
        if self.activation is not None:
            y = self.activation(y)
        return y * self.std + self.mean if self.denormalises else y


def read(path: Path, inert: frozenset[str] = frozenset()) -> Source:
    """The image-to-image learner in a fastai 1 export at `path`.

    Raises `Refused`, naming what was found, for anything else.
    """
    with TorchFile(path) as file:
        state = file.value
        if not isinstance(state, dict) or not {"model", "data"} <= state.keys():
            raise Refused(f"no learner: {describe(state)}")
        data = state["data"]
        _check_pictures(data)
        check(state, inert)
        if not isinstance(data, dict) or "y_cls" not in data:
            raise Refused("a learner whose data have no state")
        builder = Builder(file)
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
        if all(isinstance(v, Object) and "_rebuild" in str(v.maker) for v in items.values()):
            return "weights alone; name the network that they are for with --factory"
        return f"a dictionary with {', '.join(str(key) for key in list(items)[:6])}"
    if isinstance(state, Object):
        is_module = state.get("_modules") is not None
        hint = "; export the learner that it belongs to" if is_module else ""
        return f"a {full_name(state.maker)}{hint}"
    return f"a {type(state).__name__}"


def _check_pictures(data: Any) -> None:
    full = full_name(data.get("y_cls") if isinstance(data, dict) else None)
    if full.startswith("fastai.") and full.rpartition(".")[2] not in _PICTURES:
        raise Refused(f"a learner that does not make pictures: its targets are {full}")


def _channels(network: nn.Module) -> int:
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            if layer.in_channels not in (1, 3):
                raise Refused(f"a network whose input has {layer.in_channels} channels, not 1 or 3")
            return layer.in_channels
    raise Refused("a network without a convolution, which makes no pictures")


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
        raise Refused(f"a learner that does not make pictures: its loss is {name}")
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
    return (int(height), int(width)), _RESIZE.get(method, "squish" if listed else "crop")


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
        yield f"left out, not needed to draw: {', '.join(sorted(own))}"
