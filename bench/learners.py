"""Same weights, both stacks: a fastai 1 learner by itself, and as a model file of this project.

`ORIGINAL_PYTHON` names a Python 3.8 with fastai 1 (tests/models/fastai1/requirements.txt), and
`ORIGINAL_LEARNER` an export that it made. On one core with one thread, by turns, since machines are
rarely quiet; the processor's seconds are beside the clock's for the same reason.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from .report import ROOT, mb, peak_memory, ratio, table

PHOTO = ROOT / "samples/face.jpg"
MODELS = ROOT / ".venv-models/bin/python"
ROUNDS = 3
RUNS = 3
Results = dict[str, dict[str, list[float]]]


def report() -> str:
    """The table, or in a line what is missing for it."""
    title = "## Same weights, both stacks\n"
    python, learner = os.environ.get("ORIGINAL_PYTHON"), os.environ.get("ORIGINAL_LEARNER")
    if not python or not learner:
        missing = "ORIGINAL_PYTHON" if not python else "ORIGINAL_LEARNER"
        return f"{title}\nNot measured: {missing} is not set (see bench/learners.py).\n"
    if not MODELS.exists():
        return f"{title}\nNot measured: `make test-model` makes the environment that converts.\n"
    with tempfile.TemporaryDirectory() as folder:
        return f"{title}\n{_compare(python, Path(learner).resolve(), Path(folder))}"


def _compare(python: str, learner: Path, folder: Path) -> str:
    photo = folder / "photo.png"
    original = [python, "-W", "ignore", str(ROOT / "bench/original.py"), str(learner), str(photo)]
    Image.open(PHOTO).convert("RGB").save(photo)
    _run([*original, "--runs", "0", "--out", str(folder / "original.npy")])
    height, width = np.load(folder / "original.npy").shape[:2]
    # At the learner's own size, which both then draw without cropping it.
    ImageOps.fit(Image.open(PHOTO).convert("RGB"), (width, height)).save(photo)

    commands = {"original": [*original, "--runs", str(RUNS)]}
    for name, options in {"float": [], "int8": ["--int8"]}.items():
        model = folder / f"{name}.onnx"
        words = ["convert", str(learner), "-o", str(model), "--max-side", str(max(height, width))]
        _run([str(MODELS), "-m", "models", *words, *options])
        commands[name] = [sys.executable, "-m", "bench.learners", str(model), str(photo)]

    results: Results = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            done = _run([*command, "--out", str(folder / f"{name}.npy")], one_core=True)
            for key, value in json.loads(done.splitlines()[-1]).items():
                results[name][key] += value if isinstance(value, list) else [value]
    arts = {name: np.load(folder / f"{name}.npy").astype(np.float32) for name in commands}
    return _table(results, arts, (height, width))


def _table(results: Results, arts: dict[str, Any], size: tuple[int, int]) -> str:
    from skimage.metrics import structural_similarity

    arts["original"] = arts["original"] * 255
    rows = []
    for name, found in results.items():
        best = {key: min(values) for key, values in found.items()}
        theirs = {key: min(values) for key, values in results["original"].items()}
        difference = np.abs(arts[name] - arts["original"])
        similarity = structural_similarity(
            arts[name], arts["original"], channel_axis=2, data_range=255
        )
        rows.append(
            [
                name,
                f"{best['import'] + best['load']:.1f} s",
                f"{best['predict']:.2f} s",
                f"{best['cpu']:.2f} s",
                f"{theirs['cpu'] / best['cpu']:.1f}",
                mb(best["peak_mb"] * 2**20),
                ratio(best["peak_mb"], theirs["peak_mb"]),
                f"{difference.mean():.2f}, {difference.max():.1f}",
                f"{similarity:.4f}",
            ]
        )
    head = ["stack", "import and load", "a picture", "CPU of that", "times as fast"]
    judged = ["peak memory", "of the original's", "difference of 255: mean, most", "SSIM"]
    note = f"At {size[0]} x {size[1]}, the best of {ROUNDS} turns of {RUNS} pictures each.\n"
    return "\n".join([table([*head, *judged], rows), "", note])


def _run(command: list[str], one_core: bool = False) -> str:
    core = min(os.sched_getaffinity(0))
    words = ["taskset", "-c", str(core), *command] if one_core else command
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if one_core else {})
    done = subprocess.run(
        words, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


# In a process of its own, for each model file


def _measure(model: Path, photo: Path, out: Path) -> dict[str, Any]:
    begin = time.perf_counter()
    from function.model import Model

    imported = time.perf_counter()
    drawer = Model(model)
    loaded = time.perf_counter()
    pixels = np.asarray(Image.open(photo).convert("RGB"))
    seconds, busy = [], []
    for _ in range(RUNS + 1):
        start, work = time.perf_counter(), time.process_time()
        art = drawer.run(pixels)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - work)
    np.save(out, art)
    return {
        "import": imported - begin,
        "load": loaded - imported,
        "predict": seconds[1:],
        "cpu": busy[1:],
        "peak_mb": peak_memory() / 2**20,
    }


if __name__ == "__main__":
    print(json.dumps(_measure(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4]))))
