"""The names that fastai 2 itself writes into a learner that it exports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from models.conversion import fastai1
from models.conversion.pickles import Global, Object

# Calls that unpickling such a learner makes. `_make_function` makes a function and calls it not.
CALLS = {
    *("PIL.Image.Resampling", "_codecs.encode", "builtins.bytes", "builtins.getattr"),
    *("builtins.reduce", "functools.reduce", "builtins.set", "builtins.frozenset"),
    *("builtins.slice", "builtins.range", "builtins.complex", "collections.OrderedDict"),
    *("collections.defaultdict", "functools.partial", "random.Random", "copyreg._reconstructor"),
    *("cloudpickle.cloudpickle._builtin_type", "cloudpickle.cloudpickle._make_function"),
    *("cloudpickle.cloudpickle._make_empty_cell", "cloudpickle.cloudpickle._make_cell"),
    *("inspect.Parameter", "inspect.Signature", "inspect._ParameterKind", "types.CodeType"),
    *("pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "pathlib.Path"),
    *("pathlib._local.PosixPath", "pathlib._local.WindowsPath", "uuid.UUID"),
    *("torch._utils._rebuild_parameter", "torch._utils._rebuild_tensor_v2", "torch.Size"),
    *("torch.device", "torch._tensor._rebuild_from_type_v2", "torch.serialization._get_layout"),
    *("numpy.core.multiarray._reconstruct", "numpy.core.multiarray.scalar", "numpy.dtype"),
    *("numpy._core.multiarray._reconstruct", "numpy._core.multiarray.scalar"),
    *("fastcore.basics._using_attr", "fastai.torch_core._fa_rebuild_tensor"),
    *("fastai.torch_core._fa_rebuild_qtensor", "fastai.torch_core._rebuild_from_type"),
    *("cloudpickle.cloudpickle._function_setstate", "cloudpickle.cloudpickle.subimport"),
    "builtins.type",
}
# Names that it may refer to, or make an empty instance of and fill in.
NAMES = {
    *("_operator.or_", "builtins.print", "inspect._empty", "numpy.ndarray", "random.Random"),
    *("typing.Any", "builtins.tuple", "builtins.long", "builtins.unicode", "builtins.int"),
    *("builtins.float", "builtins.str", "builtins.list", "builtins.dict", "builtins.bool"),
    *("builtins.object", "builtins.len", "builtins.max", "builtins.min", "builtins.sum"),
    "PIL.Image.Image",
}
_FAMILIES = ("__main__", "fastai", "fastcore", "fasttransform", "plum", "torchvision")
_TORCH = ("torch.nn", "torch.optim", "torch.utils.hooks", "torch._utils", "torch")
_TYPES = ("CodeType", "MethodType", "CellType")
_IMPORTS = {"torch", "PIL", "io", "fastai", "fastcore", "numpy", "torchvision", "math", "random"}
_FETCH = (
    "untar_data",
    "download",
    "load_learner",
    "load_url",
    "load_state_dict_from_url",
    "urlsave",
)


def strange(found: Iterable[Any]) -> set[str]:
    """The names among `found` that fastai 2 does not write by itself."""
    names = set()
    for item in found:
        if isinstance(item, Global) and not _may_refer(item):
            names.add(fastai1.full_name(item))
        if isinstance(item, Object) and item.called and not _may_call(item):
            names.add(fastai1.full_name(item.maker))
    return names


def _may_refer(name: Global) -> bool:
    full = fastai1.full_name(name)
    if full in CALLS | NAMES:
        return True
    if "." in name.name or any(word in name.name for word in _FETCH):
        return False
    return any(name.module == f or name.module.startswith(f"{f}.") for f in _FAMILIES) or (
        name.module in _TORCH or name.module.startswith("torch.nn.modules.")
    )


def _may_call(made: Object) -> bool:
    full = fastai1.full_name(made.maker)
    first = made.args[0] if made.args else None
    if isinstance(made.maker, Object) and isinstance(made.maker.maker, Global):
        # The type of code, of a method or of a cell is found by a call, and called in turn.
        return fastai1.full_name(made.maker.maker) == "cloudpickle.cloudpickle._builtin_type"
    if full not in CALLS:
        return False
    match full:
        case "builtins.reduce" | "functools.reduce":
            return str(first) == "_operator.or_"
        case "builtins.getattr":  # a method of a class or of an object of fastai's
            return len(made.args) == 2 and isinstance(first, Object | Global)
        case "cloudpickle.cloudpickle.subimport":
            return isinstance(first, str) and first.partition(".")[0] in _IMPORTS
        case "cloudpickle.cloudpickle._builtin_type":
            return first in _TYPES
        case "_codecs.encode":
            return made.args[1:] == ("latin1",)
    return True
