"""The names that a fastai 1 learner's pickle may hold.

Nothing is ever imported or called, whatever a pickle names: these lists are for the person who was
sent a file, and wants to know what it would have done.
"""

from typing import Any

import torch

from models.conversion import pickles
from models.conversion.pickles import Global, Object, RefusedError

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
    """Raise `RefusedError`, with the names at fault, where there are such.

    Nothing would be run either way: this is for the person who was sent the file.
    """
    if names := sorted(strange(value, inert)):
        raise RefusedError(
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
        return bound_hook(made) is not None
    return not made.called or full in CALLS | inert


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
        given = value.args[0] if value.args else []
        return dict([*given, *value.items])
    return {}
