"""The program of the sandbox: loads a file by running it, and writes down what it draws.

`python -m models.conversion.loader FILE FOLDER REQUEST` leaves in FOLDER `float.onnx`,
`drawn.npy` (float32 [N, H, W, 1 or 3], of the photos in the request's `samples`) and `facts.json`.
Nothing else of this package may import it.
"""

from __future__ import annotations

import json
import pickle
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.conversion import agreement, foreign, syscalls
from models.conversion.agreement import CHECKED_AT
from models.conversion.pickles import RefusedError
from models.conversion.source import check_shape, choose

TRACED_AT = (128, 192)
Facts = dict[str, Any]
Size = tuple[int, int]


class Wrapped(nn.Module):
    """`module` in its own precision, one of its outputs, and what belongs behind it.

    Float32 [1, 3, H, W] → float32 [1, C, H, W].
    """

    def __init__(
        self,
        module: nn.Module,
        output: str | None = None,
        activation: Callable[[Tensor], Tensor] | None = None,
        decode: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.module, self.output = module, output
        self.activation, self.decode = activation, decode
        floats = [p.dtype for p in module.parameters() if p.is_floating_point()]
        self.dtype = floats[0] if floats else torch.float32
        self.training = False  # a program's module allows no eval()

    def forward(self, x: Tensor) -> Tensor:
        y = choose(self.module(x.to(self.dtype)), self.output).float()
        y = y if self.activation is None else self.activation(y)
        return y if self.decode is None else y * self.decode[1] + self.decode[0]


def _learner(path: str, request: Facts, facts: Facts) -> nn.Module:
    from models.conversion.torchvision_operators import declare_operators

    declare_operators()
    from fastai.data.transforms import Normalize  # type: ignore[import-untyped]
    from fastai.learner import load_learner  # type: ignore[import-untyped]
    from fastai.vision.core import PILImage, TensorImage  # type: ignore[import-untyped]

    try:
        learner = load_learner(path, cpu=True)
    except UnboundLocalError:  # fastai hides which module is missing
        torch.load(path, map_location="cpu", weights_only=False)
        raise
    decode = None
    # A learner that was trained with plain torch loaders has no transforms, and cannot predict.
    transforms = getattr(learner.dls.after_batch, "fs", None)
    if norms := [t for t in transforms or [] if isinstance(t, Normalize)]:
        mean, std = (getattr(norms[0], key).detach().cpu().float() for key in ("mean", "std"))
        decode = (mean.view(1, -1, 1, 1), std.view(1, -1, 1, 1))
        # One number may stand for all three colours.
        facts["mean"], facts["std"] = (v.flatten().expand(3).tolist() for v in (mean, std))
        means = ", ".join(f"{m:.3f}" for m in facts["mean"])
        facts["notes"].append(f"normalisation of photo and line art, mean {means}")
    if transforms is None:
        facts["notes"].append("its data say nothing of normalisation: that is --mean and --std")
    else:
        grey = torch.full((64, 96, 3), 128, dtype=torch.uint8).numpy()
        target = type(learner.predict(PILImage.create(grey))[0])
        if not issubclass(target, TensorImage):
            raise RefusedError(
                "a learner that does not make pictures of the photo's size: it predicts a "
                + target.__name__
            )
    activation = getattr(learner.loss_func, "activation", None)
    return Wrapped(learner.model.eval(), request["output"], activation, decode)


def _module(path: str, request: Facts, facts: Facts) -> nn.Module:
    from models.conversion.torchvision_operators import declare_operators

    declare_operators()
    try:
        found = torch.load(path, map_location="cpu", weights_only=False)
    except RuntimeError:  # "Invalid magic number": not written by torch.save
        with Path(path).open("rb") as file:
            found = pickle.load(file)  # noqa: S301 - what this process is for
    if isinstance(found, Mapping):
        modules = [value for value in found.values() if isinstance(value, nn.Module)]
        found = modules[0] if len(modules) == 1 else found
    if hasattr(found, "model") and isinstance(found.model, nn.Module) and hasattr(found, "dls"):
        return Wrapped(found.model.float().eval(), request["output"])
    if not isinstance(found, nn.Module):
        raise RefusedError(f"a pickle of a {type(found).__name__}, no torch module")
    facts["notes"].append(f"a {type(found).__name__}")
    return Wrapped(found.float().eval(), request["output"])


def _torchscript(path: str, request: Facts, facts: Facts) -> nn.Module:
    load: Any = torch.jit.load
    module = load(path, map_location="cpu").eval()
    if (precision := Wrapped(module).dtype) != torch.float32:
        named = "double" if precision == torch.float64 else "half"
        try:
            single = load(path, map_location="cpu").eval().float()
            single(torch.zeros(1, 3, *(request["size"] or TRACED_AT)))
            module = single
            facts["notes"].append(f"{named} precision, converted to single")
        except RuntimeError:  # its graph itself names that precision somewhere
            facts["notes"].append(f"{named} precision")
    return Wrapped(module, request["output"])


def _program(path: str, request: Facts, facts: Facts) -> nn.Module:
    program = torch.export.load(path)
    signature = program.graph_signature
    named = set(signature.user_inputs)
    inputs = [
        n.meta["val"] for n in program.graph.nodes if n.op == "placeholder" and n.name in named
    ]
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or inputs[0].ndim != 4:
        raise RefusedError("a program whose input is not one photo [1, 3, H, W]")
    height, width = inputs[0].shape[2:]
    if isinstance(height, int) and isinstance(width, int):
        facts["fixed"] = (height, width)
    wrapped = Wrapped(program.module(), request["output"])
    wrapped.dtype = inputs[0].dtype
    return wrapped


LOADERS = {
    foreign.LEARNER: _learner,
    foreign.MODULE: _module,
    foreign.TORCHSCRIPT: _torchscript,
    foreign.PROGRAM: _program,
}


def _draw(network: nn.Module, request: Facts, size: Size) -> Any:
    """The line art of the samples, float32 [N, H, W, C], in the network's own range."""
    photos = agreement.photos(Path(request["samples"]), size)
    mean, std = (
        torch.tensor(request[key] or default).view(1, -1, 1, 1)
        for key, default in (("mean", (0.0,)), ("std", (1.0,)))
    )
    drawn = []
    with torch.inference_mode():
        for photo in photos:
            x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
            y = network((x - mean) / std)
            if y.ndim != 4 or y.shape[1] not in (1, 3) or tuple(y.shape[2:]) != size:
                check_shape(tuple(y.shape), size)
            drawn.append(y[0].permute(1, 2, 0).contiguous().numpy())
    return np.stack(drawn).astype(np.float32)


def _export(network: nn.Module, kind: str, size: Size, to: Path, *, free: bool) -> None:
    names: Any = {"input_names": ["photo"], "output_names": ["art"]}
    axes = {name: {2: "H", 3: "W"} for name in ("photo", "art")}
    example = (torch.zeros(1, 3, *size),)
    if kind == foreign.PROGRAM:
        if free:
            sides = {2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
            program = torch.export.export(network, example, dynamic_shapes=(sides,))
        else:
            program = torch.export.export(network, example)
        made = torch.onnx.export(program, dynamo=True, verbose=False, **names)
        if made is None:
            raise RefusedError("a program that the exporter made nothing of")
        made.save(str(to))
        return
    if kind == foreign.TORCHSCRIPT:  # the exporter takes no module that holds a scripted one
        trace: Any = torch.jit.trace
        network = trace(network, example, check_trace=False)
    torch.onnx.export(
        network,
        example,
        str(to),
        dynamo=False,
        opset_version=17,
        dynamic_axes=axes if free else None,
        **names,
    )


def main(path: str, folder: Path, request: Facts) -> Facts:
    """Load the file of `request["kind"]` at `path`; returns the facts."""
    facts: Facts = {"notes": []}
    kind = request["kind"]
    network = LOADERS[kind](path, request, facts)
    for key in ("mean", "std"):
        request[key] = request[key] or facts.get(key)
    given = request["size"] or facts.get("fixed")
    size: Size = tuple(given or CHECKED_AT)
    drawn = _draw(network, request, size)
    with torch.inference_mode(kind == foreign.LEARNER):
        traced = size if given or kind == foreign.LEARNER else TRACED_AT
        _export(network, kind, traced, folder / "float.onnx", free=given is None)
    np.save(folder / "drawn.npy", drawn)
    return facts


def _answer(words: Sequence[str]) -> Facts:
    warnings.simplefilter("ignore")
    request = json.loads(words[2])
    if request["sandbox"]:
        syscalls.forbid()
    try:
        return main(words[0], Path(words[1]), request)
    except RefusedError as reason:
        return {"refused": str(reason)}
    except (ImportError, AttributeError) as error:
        return {
            "refused": f"{request['kind']} that needs code which is not installed here ({error})."
            " Where you have that code, write a function that makes the network, and its weights"
            " are read out of this file: --factory MODULE:FUNCTION"
        }


if __name__ == "__main__":
    answer = _answer(sys.argv[1:])
    (Path(sys.argv[2]) / "facts.json").write_text(json.dumps(answer))
