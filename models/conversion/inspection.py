"""What a pickle would import and call, found out by reading it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from models.conversion import fastai1, pickles
from models.conversion.pickles import Global, Object, Persistent
from models.conversion.torchfile import TorchFile


@dataclass(frozen=True)
class Inspection:
    """What a file holds. `calls` are made by unpickling it; `strange` is what no learner needs."""

    format: str
    contents: str
    names: Counter[str]
    calls: Counter[str]
    strange: list[str]
    storages: int

    def __str__(self) -> str:
        lines = [
            f"{self.format}: {self.contents}",
            f"{self.storages} tensors' storages",
            "imports:",
        ]
        for name in sorted(self.names):
            called = f", called {self.calls[name]} times" if self.calls[name] else ""
            lines.append(
                f"  {name}{called}" + ("   <- no learner needs it" * (name in self.strange))
            )
        lines.append(
            f"NOT SAFE to unpickle: {', '.join(self.strange)}"
            if self.strange
            else "nothing beyond what a fastai 1 learner needs"
        )
        return "\n".join(lines)


def look(path: Path) -> Inspection:
    """Read `path` symbolically: nothing in it is imported or run.

    Raises `RefusedError` where it cannot be read.
    """
    names: Counter[str] = Counter()
    calls: Counter[str] = Counter()
    storages = set()
    with TorchFile(path) as file:
        for item in pickles.walk(file.value):
            if isinstance(item, Global):
                names[fastai1.full_name(item)] += 1
            elif isinstance(item, Object) and item.called and isinstance(item.maker, Global):
                calls[fastai1.full_name(item.maker)] += 1
            elif isinstance(item, Persistent):
                storages.add(item.key[2])
        return Inspection(
            format=file.format,
            contents=fastai1.describe(file.value),
            names=names,
            calls=calls,
            strange=sorted(fastai1.strange(file.value)),
            storages=len(storages),
        )
