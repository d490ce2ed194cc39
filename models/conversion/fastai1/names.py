"""The names that a fastai 1 learner's pickle may hold.

Nothing is ever imported or called, whatever a pickle names: these lists are for the person who was
sent a file, and wants to know what it would have done.
"""

from collections.abc import Iterable
from typing import Any

import torch

from models.conversion.pickles import Global, Object, RefusedError
from models.conversion.text import plain

DEOLDIFY = ("deoldify", "fasterai")  # the package, and what it was called before
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
    # DeOldify's layers and losses, under its name and its older one.
    *(
        f"{package}.{name}"
        for package in DEOLDIFY
        for name in (
            *("unet.DynamicUnetDeep", "unet.DynamicUnetWide", "unet.UnetBlockDeep"),
            *("unet.UnetBlockWide", "unet.CustomPixelShuffle_ICNR"),
            *("loss.FeatureLoss", "loss.WassFeatureLoss"),
        )
    ),
}
FAMILIES = ("__main__", "fastai", "torch.nn", "torch.optim", "torchvision.models")
FUNCTIONS = {
    *("_hook_inner", "uniform", "log_uniform", "rand_bool"),
    *("uniform_int",),
    *("_brightness", "_contrast", "_crop", "_crop_pad", "_dihedral", "_dihedral_affine"),
    *("_flip_lr", "_flip_affine", "_jitter", "_perspective_warp", "_rotate", "_skew", "_squish"),
    *("_symmetric_warp", "_tilt", "_zoom", "_zoom_squish", "_cutout", "_rgb_randomize", "_pad"),
    *("accuracy", "error_rate", "mean_squared_error", "mean_absolute_error", "psnr", "dice", "mae"),
    *("mse", "rmse", "root_mean_squared_error", "l1_loss", "mse_loss", "smooth_l1_loss"),
    *("cross_entropy", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div"),
}
_BASES = {"builtins.object", "__builtin__.object", "builtins.list", "builtins.dict"}
_TORCH_NAMES = ("Storage", "Tensor")
_PYTHON2 = {"__builtin__": "builtins", "copy_reg": "copyreg"}


def full_name(made: Any) -> str:
    """The full name of a global, by Python 3's name for its module."""
    if isinstance(made, Global):
        return f"{_PYTHON2.get(made.module, made.module)}.{made.name}"
    return f"something that is no name ({made!r:.40})"


def strange(found: Iterable[Any], inert: frozenset[str] = frozenset()) -> set[str]:
    """The names among `found` that a pickle imports, or calls, and that no learner needs.

    `found` is what `pickles.walk` gives, or a `Reading`'s names and objects; `inert` allows more.
    """
    names = set()
    for item in found:
        if isinstance(item, Global) and not _may_refer(item, inert):
            names.add(full_name(item))
        if isinstance(item, Object) and not _may_make(item, inert):
            names.add(full_name(item.maker))
    return names


def unknown(found: Iterable[Any]) -> set[str]:
    """The names among `found` that are allowed, but of which nobody can say what they do.

    They are the author's own classes, and functions of the families that are not listed here.
    """
    return {
        full_name(item)
        for item in found
        if isinstance(item, Global)
        and _in(FAMILIES, item)
        and (
            item.module == "__main__"
            or not (item.name.lstrip("_")[:1].isupper() or item.name in FUNCTIONS)
        )
    }


def check(found: Iterable[Any], inert: frozenset[str] = frozenset()) -> None:
    """Raise `RefusedError`, with the names at fault, where there are such.

    Nothing would be run either way: this is for the person who was sent the file.
    """
    if names := sorted(strange(found, inert)):
        raise RefusedError(
            f"the pickle names what no learner needs: {plain(', '.join(names[:8]), 400)}. Nothing"
            " was run. If one is a layer, write a function that makes the network, and its weights"
            " are read out of this file without unpickling it: --factory MODULE:FUNCTION. If one is"
            " a harmless class that drawing does not need, let it stand with --inert NAME"
        )


def _in(families: tuple[str, ...], name: Global) -> bool:
    return any(name.module == f or name.module.startswith(f + ".") for f in families)


def _may_refer(name: Global, inert: frozenset[str]) -> bool:
    full = full_name(name)
    if "." in name.name:  # an attribute of something, which protocol 4 can ask for
        return False
    if name.module == "torch" and (
        name.name.endswith(_TORCH_NAMES) or isinstance(getattr(torch, name.name, None), torch.dtype)
    ):
        return True
    return full in CALLS | NAMES | inert or _in(FAMILIES, name)


def _may_make(made: Object, inert: frozenset[str]) -> bool:
    if not isinstance(made.maker, Global):
        return False
    full = full_name(made.maker)
    if not made.called or full in inert:
        return True
    return full in CALLS and _harmless(full, made)


def _harmless(full: str, made: Object) -> bool:
    """Whether an allowed call has the arguments that learners have: some do much with others."""
    args = made.args
    match full:
        case "builtins.getattr":
            return bound_hook(made) is not None
        case "_codecs.encode":
            return len(args) == 2 and args[1] == "latin1"
        case "copyreg._reconstructor":
            return len(args) > 1 and str(args[1]) in _BASES
        case "numpy.core._ufunc_reconstruct":
            # It imports the module that it is given: whichever of numpy's had the function first.
            module = args[0] if args else None
            return module == "numpy" or (
                isinstance(module, str) and module.startswith("numpy.core.")
            )
        case "numpy.core.multiarray._reconstruct":
            return len(args) > 1 and isinstance(args[1], tuple) and args[1][:1] in ((0,), ())
        case "builtins.bytearray" | "builtins.range":
            return not args or isinstance(args[0], bytes | str) or full.endswith("range")
        case "builtins.set" | "builtins.frozenset":
            return not args or isinstance(args[0], list | tuple | set)
    return True


def bound_hook(made: Any) -> Object | None:
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
        return value.mapping
    return {}
