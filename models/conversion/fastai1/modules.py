"""The modules of fastai 1 and torchvision that a learner may hold, by their full names."""

from typing import Any

from torch import nn

from models.conversion.fastai1 import unet
from models.conversion.fastai1.builder import Builder, Make
from models.conversion.fastai1.names import DEOLDIFY, full_name, pairs
from models.conversion.pickles import Object, RefusedError

# DeOldify's U-Nets are fastai's with other widths.
_DEOLDIFY = tuple(f"{package}.unet." for package in DEOLDIFY)
_BLOCKS = {
    "fastai.vision.models.unet.UnetBlock": ("conv1", "conv2"),
    **{f"{package}UnetBlockDeep": ("conv1", "conv2") for package in _DEOLDIFY},
    **{f"{package}UnetBlockWide": ("conv",) for package in _DEOLDIFY},
}
"""The steps of a U-Net, each with the names of its convolutions."""


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
    layers = _layers(made)
    if not layers:
        raise RefusedError("a DynamicUnet without layers")
    encoder, *rest = layers
    if not isinstance(encoder, Object) or not full_name(encoder.maker).endswith(".Sequential"):
        raise RefusedError("a DynamicUnet whose encoder is no sequence of layers")
    builder.remember_taps(encoder)
    is_block = [full_name(layer.maker) in _BLOCKS for layer in rest]
    if True not in is_block:
        raise RefusedError("a DynamicUnet without a UnetBlock")
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
        convs=nn.Sequential(
            *(builder.child(made, name) for name in _BLOCKS[full_name(made.maker)])
        ),
    )


def _shuffle(builder: Builder, made: Object) -> nn.Module:
    conv, relu, shuffle = (builder.child(made, name) for name in ("conv", "relu", "shuf"))
    blur = None
    if made.get("do_blur", True):  # before it had this switch, fastai always blurred
        wide = next(m.out_channels for m in conv.modules() if isinstance(m, nn.Conv2d))
        factor: Any = shuffle.upscale_factor
        blur = unet.Blur(wide // factor**2)
    return unet.PixelShuffle(conv, relu, shuffle, blur)


def _attention(builder: Builder, made: Object) -> nn.Module:
    query, key, value = (builder.child(made, name) for name in ("query", "key", "value"))
    return unet.SelfAttention(query, key, value, builder.tensors(made)["gamma"])


def _pooled_attention(builder: Builder, made: Object) -> nn.Module:
    theta, phi, g, o = (builder.child(made, name) for name in ("theta", "phi", "g", "o"))
    return unet.PooledSelfAttention(theta, phi, g, o, builder.tensors(made)["gamma"])


def _residual(count: int) -> Make:
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


MODULES: dict[str, Make] = {
    "torch.nn.modules.container.Sequential": _sequential,
    "torch.nn.parallel.data_parallel.DataParallel": lambda b, made: b.child(made, "module"),
    "torchvision.models.resnet.BasicBlock": _residual(2),
    "torchvision.models.resnet.Bottleneck": _residual(3),
    "fastai.vision.models.xresnet.ResBlock": _pooled_residual,
    "fastai.vision.models.unet.DynamicUnet": _unet,
    **{f"{package}DynamicUnet{kind}": _unet for package in _DEOLDIFY for kind in ("Deep", "Wide")},
    **{f"{package}CustomPixelShuffle_ICNR": _shuffle for package in _DEOLDIFY},
    "fastai.layers.SequentialEx": lambda b, made: unet.Chain(_link(b, m) for m in _layers(made)),
    "fastai.layers.PixelShuffle_ICNR": _shuffle,
    "fastai.layers.SelfAttention": _attention,
    "fastai.layers.PooledSelfAttention2d": _pooled_attention,
    "fastai.layers.SigmoidRange": lambda b, made: unet.SigmoidRange(
        b.number(made.get("low")), b.number(made.get("high"))
    ),
}
