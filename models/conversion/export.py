"""A torch module → a model file as the contract has it."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime  # type: ignore[import-untyped]
import torch
from torch import Tensor, nn
from torch.nn import functional

OPSET = 17
SIDE = 96  # about what networks of free size are traced at: some pad more than a smaller one has


class Uint8(nn.Module):
    """Wraps a network so that it takes and gives pixels: all that the runtime need not know.

    Input uint8 [1, H, W, 3], RGB. Output uint8 [1, H, W, C], C being what `module` gives; with
    `styles`, as many outputs of one channel. What the arguments mean stands at `export`.
    """

    scale: Tensor
    offset: Tensor

    def __init__(
        self,
        module: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        styles: Sequence[str] = (),
        low: float = 0.0,
        high: float = 1.0,
    ) -> None:
        super().__init__()
        self.module, self.styles = module, styles
        # (x / 255 - mean) / std, as one multiplication and one addition
        scale = torch.tensor(std, dtype=torch.float64).mul(255).reciprocal()
        offset = -torch.tensor(mean, dtype=torch.float64) / torch.tensor(std, dtype=torch.float64)
        self.register_buffer("scale", scale.float().view(1, 3, 1, 1))
        self.register_buffer("offset", offset.float().view(1, 3, 1, 1))
        self.normalises = bool((self.scale != 1).any() or (self.offset != 0).any())
        self.gain = 255 / (high - low)
        self.shift = low * self.gain - 0.5  # rounds, as the fraction is cut off afterwards

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        """Uint8 [1, H, W, 3] → uint8 [1, H, W, C], one or one a style."""
        photo = image.permute(0, 3, 1, 2).float()
        drawn = self.module(photo * self.scale + self.offset if self.normalises else photo)
        layers = drawn if isinstance(drawn, tuple) else (drawn,)
        return tuple(self.pixels(layer) for layer in layers)

    def pixels(self, drawn: Tensor) -> Tensor:
        """Float [1, C, H, W] → uint8 [1, H, W, C]."""
        levels = drawn if self.gain == 1 else drawn * self.gain
        # A difference: the quantiser would round a sum, and so the levels, to 256 steps.
        levels = levels - self.shift if self.shift else levels
        return levels.clamp(0.5, 255.5).to(torch.uint8).permute(0, 2, 3, 1)


def export(
    module: nn.Module,
    path: Path,
    *,
    mean: Sequence[float],
    std: Sequence[float],
    metadata: Mapping[str, str],
    multiple: int,
    max_side: int = 2048,
    fixed_size: tuple[int, int] | None = None,
    styles: Sequence[str] = (),
    low: float = 0.0,
    high: float = 1.0,
) -> None:
    """Write `module` to `path` in the contract's form, and check the file against it.

    Args:
        module: float [1, 3, H, W] → float [1, C, H, W], C 1 or 3, or a tuple of one for each style.
        path: where the file goes; its folder is made.
        mean: what `module`'s input is centred on, of RGB in 0..1.
        std: what it is divided by then.
        metadata: `name`, `version`, `license`, `source`.
        multiple: what H and W must be multiples of, in pixels.
        max_side: the longest side in pixels that the service may offer.
        fixed_size: H and W in pixels, where photos shall be brought to no others.
        styles: what `module` gives, where that is several line arts: the first comes as the output
            `art`, the others under their names.
        low: the value of `module`'s output that becomes 0, and all below it.
        high: the value that becomes 255, and all above it.

    Raises:
        ValueError: metadata is missing, or the file draws otherwise than the module.

    """
    if missing := {"name", "version", "license", "source"} - metadata.keys():
        raise ValueError(f"metadata lacks {', '.join(sorted(missing))}")
    wrapped = Uint8(module, mean=mean, std=std, styles=styles, low=low, high=high).eval()
    side = -(-SIDE // multiple) * multiple
    size = fixed_size or (side, side)
    model = _trace(wrapped, size, dynamic=fixed_size is None)
    extra = {"max_side": str(max(fixed_size or (max_side,))), "multiple": str(multiple)}
    if fixed_size:
        extra["fixed_size"] = f"{fixed_size[0]}x{fixed_size[1]}"
    if styles:
        extra["styles"] = ",".join(styles)
    onnx.helper.set_model_props(model, {**metadata, **extra})
    onnx.checker.check_model(model, full_check=True)
    sizes = [size] if fixed_size else [size, (side + multiple, 2 * side)]
    difference = max(disagreement(wrapped, model.SerializeToString(), size) for size in sizes)
    if difference > 1:
        raise ValueError(f"the file's pixels differ from the module's by up to {difference}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())


@torch.no_grad()
def _trace(wrapped: Uint8, size: tuple[int, int], *, dynamic: bool) -> onnx.ModelProto:
    """The graph, traced at `size`.

    The tracing exporter folds batch normalisation into the convolution before it, and leaves H and
    W free in every operation that does not ask for them; `export` compares other sizes.
    """
    file = io.BytesIO()
    axes = {1: "H", 2: "W"}
    outputs = ["art", *wrapped.styles[1:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is a newer exporter, and what tracing fixes
        torch.onnx.export(
            wrapped,
            (torch.zeros(1, *size, 3, dtype=torch.uint8),),
            file,  # type: ignore[arg-type]
            dynamo=False,
            opset_version=OPSET,
            input_names=["image"],
            output_names=outputs,
            dynamic_axes=dict.fromkeys(["image", *outputs], axes) if dynamic else None,
        )
    model = onnx.load_from_string(file.getvalue())
    # The exporter loses the batch size, which is always 1, where it transposes.
    for output in model.graph.output:
        output.type.tensor_type.shape.dim[0].dim_value = 1
    return model


def disagreement(wrapped: nn.Module, model: bytes, size: tuple[int, int]) -> int:
    """Largest difference, in grey levels, between `wrapped` and the file on a made-up picture."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    coarse = torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    picture = functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1).permute(0, 2, 3, 1)
    image = (picture * 255).byte().contiguous()
    with torch.inference_mode():
        expected = torch.cat(wrapped(image), -1).numpy().astype(np.int16)
    found = np.concatenate(session.run(None, {"image": image.numpy()}), -1).astype(np.int16)
    return int(np.abs(found - expected).max())
