"""What `python -m models convert` is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.conversion.sandbox import Limits

MAX_SIDE = 1024  # of a network that does not say; lowered where memory asks for it


@dataclass
class Options:
    """What only a person can know; `mean` and `std` count where the file says none.

    What is left out is a model file's own; else `version` is "1", `license` "unknown" and
    `max_side` `MAX_SIDE`. `fixed` resizes photos to
    one size, (height, width), where a network does badly at others. The network's output `low`
    becomes black, `high` white. `output` names one of several outputs, by its name or its place
    from 0.
    """

    name: str = ""
    version: str = ""
    license: str = ""
    max_side: int | None = None
    fixed: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    output: str | None = None
    factory: str | None = None
    inert: frozenset[str] = frozenset()
    trust: bool = False
    sandbox: bool = True
    limits: Limits = field(default_factory=Limits)
    int8: bool = False
    memory: int = 2048  # MB: the function's, by default
    preview: Path = Path("models/build/preview.jpg")

    def to_levels(self, drawn: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """The network's output in grey levels, 0 to 255, neither rounded nor clipped."""
        scaled = (drawn.astype(np.float32) - self.low) / (self.high - self.low)
        return np.asarray(scaled * 255, dtype=np.float32)
