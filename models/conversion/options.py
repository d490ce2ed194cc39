"""What `python -m models convert` is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass
class Options:
    """What only a person can know; `mean`, `std`, `low` and `high` count where the file says none.

    `fixed` brings photos to one size, (height, width), where a network does badly at others.
    """

    name: str = ""
    version: str = "1"
    license: str = "unknown"
    max_side: int = 1024
    fixed: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    factory: str | None = None
    inert: frozenset[str] = frozenset()
    trust: bool = False
    int8: bool = False
    memory: int = 2048  # MB: the function's, by default
    preview: Path = Path("models/build/preview.jpg")
