"""What a model file costs to run: processor time and peak memory, as the function runs it."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from artline.drawing.model import Model
from models.conversion.pickles import RefusedError
from models.conversion.text import plain

ROOT = Path(__file__).parents[2]
_LONGEST = 600  # seconds, of all runs


@dataclass(frozen=True)
class Cost:
    """Of one photo on one core: wall and processor seconds, and the process's peak memory in MB."""

    seconds: float
    busy: float
    peak_mb: float


def cost(model: Path, size: tuple[int, int], runs: int = 1) -> Cost:
    """Runs the model file in a process of its own, on one core.

    The photo has `size` (height, width) in pixels. Raises `RefusedError` where it is not drawn, for
    lack of memory say, or not within `_LONGEST` seconds.
    """
    words = [sys.executable, "-m", "models.conversion.cost", str(model.resolve())]
    words += map(str, (*size, runs))
    height, width = size
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=_LONGEST)
    except subprocess.TimeoutExpired as error:
        raise RefusedError(
            f"a model file that takes over {_LONGEST} s for a photo of {height}x{width}"
        ) from error
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise RefusedError(
            f"a model file that does not draw a photo of {height}x{width}: {plain(reason, 400)}"
        )
    return Cost(**json.loads(done.stdout))


def _measure(model: Path, size: tuple[int, int], runs: int) -> Cost:
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    loaded = Model(model, threads=1)
    seconds, busy = [], []
    for _ in range(runs):
        start, work = time.perf_counter(), time.process_time()
        loaded.run(photo)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - work)
    return Cost(min(seconds), min(busy), _peak_mb())


def _peak_mb() -> float:
    """Peak memory of this process. Linux's own figure, because getrusage includes the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS


if __name__ == "__main__":
    measured = _measure(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))
    print(json.dumps(vars(measured)))
