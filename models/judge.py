"""Judge a model file: against its source, against a float one, and by what it costs to run."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

ROOT = Path(__file__).parents[1]
Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Pixels], npt.NDArray[np.floating] | Pixels]


@dataclass(frozen=True)
class Agreement:
    """Between two ways of drawing the same photos, in grey levels of 255; `ssim` is the lowest."""

    mean: float
    largest: float
    ssim: float

    def __str__(self) -> str:
        return f"mean {self.mean:.3f}/255, at most {self.largest:.2f}/255, SSIM {self.ssim:.4f}"


@dataclass(frozen=True)
class Cost:
    """Of one picture on one core: wall and processor seconds, and the process's peak memory."""

    seconds: float
    busy: float
    peak_mb: float


def photos(folder: Path, size: tuple[int, int] | None = None) -> list[Pixels]:
    """The photos in `folder`, upright, uint8 [H, W, 3], cropped to `size` (height, width)."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        photo = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        if size is not None:
            photo = ImageOps.fit(photo, size[::-1])
        found.append(np.asarray(photo))
    if not found:
        raise FileNotFoundError(f"no photo (*.jpg) in {folder}")
    return found


def drawer(model: Path) -> Draw:
    """The model file's own way of drawing, at the photo's size."""
    from models.gallery import Model

    loaded = Model(model)

    def draw(photo: Pixels) -> Pixels:
        drawn = np.asarray(loaded.draw(Image.fromarray(photo)))
        return drawn if drawn.ndim == 3 else drawn[:, :, None]

    return draw


def compare(ours: Draw, theirs: Draw, pictures: Iterable[Pixels]) -> Agreement:
    """How far two ways of drawing `pictures` agree; either may give floats, of 0 to 255."""
    from skimage.metrics import structural_similarity

    means, largest, similarities = [], [], []
    for picture in pictures:
        a, b = (np.asarray(draw(picture), dtype=np.float32) for draw in (ours, theirs))
        difference = np.abs(a - b)
        means.append(difference.mean())
        largest.append(difference.max())
        similarities.append(structural_similarity(a, b, channel_axis=2, data_range=255))
    return Agreement(float(np.mean(means)), float(max(largest)), float(min(similarities)))


def cost(model: Path, size: tuple[int, int], runs: int = 1) -> Cost:
    """Run the model file as the function does, in a process of its own, on one core.

    Raises `subprocess.CalledProcessError` where it cannot be run.
    """
    words = [sys.executable, "-m", "models.judge", str(model.resolve()), *map(str, (*size, runs))]
    done = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    return Cost(**json.loads(done.stdout))


def _measure(model: Path, size: tuple[int, int], runs: int) -> Cost:
    from function.model import Model

    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    loaded = Model(model)
    seconds, busy = [], []
    for _ in range(runs):
        start, work = time.perf_counter(), time.process_time()
        loaded.run(photo)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - work)
    return Cost(min(seconds), min(busy), _peak_mb())


def _peak_mb() -> float:
    """Peak memory of the process, by Linux's own count: getrusage's takes in the parent's."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS


if __name__ == "__main__":
    measured = _measure(Path(sys.argv[1]), (int(sys.argv[2]), int(sys.argv[3])), int(sys.argv[4]))
    print(json.dumps(vars(measured)))
