"""Same weights, both stacks: a fastai 1 learner by itself, and as a model file of this project.

`ORIGINAL_PYTHON` names a Python 3.8 with fastai 1, as
tests/models/conversion/fastai1/requirements.txt pins it, and `ORIGINAL_LEARNER` an export that it
made. Each is measured twice, by turns, since machines are rarely quiet: in a process on one core
with one thread, where the processor's seconds stand beside the clock's; and in a container with a
2048 MB function's share of two, where there is an engine.
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from image.container import Container, MissingError, build, docker, require_engine, run

from . import coldstart, transform
from .report import ROOT, mb, ratio, table

PHOTO = ROOT / "samples/face.jpg"
MODELS = ROOT / ".venv-models/bin/python"
ROUNDS = 3
RUNS = 3
WORTH = 1.3
"""How many times as fast a second engine has to be for the megabytes and the options it adds."""
Results = dict[str, dict[str, list[float]]]


def report() -> str:
    """The tables, or in a line what is missing for them."""
    title = "## Same weights, both stacks\n"
    python, learner = os.environ.get("ORIGINAL_PYTHON"), os.environ.get("ORIGINAL_LEARNER")
    if not python or not learner:
        missing = "ORIGINAL_PYTHON" if not python else "ORIGINAL_LEARNER"
        return f"{title}\nNot measured: {missing} is not set (see bench/learners.py).\n"
    if not MODELS.exists():
        return f"{title}\nNot measured: `make test-model` makes the environment that converts.\n"
    with tempfile.TemporaryDirectory() as scratch:
        folder, path = Path(scratch), Path(learner).resolve()
        original = [python, "-W", "ignore", str(ROOT / "bench/original.py"), str(path)]
        size = _prepare(original, path, folder)
        return "\n".join([title, _on_one_core(original, folder, size), _in_containers(folder)])


def _prepare(original: list[str], learner: Path, folder: Path) -> tuple[int, int]:
    """Leaves the photo and both model files in `folder`; returns the learner's height and width."""
    photo = folder / "photo.png"
    Image.open(PHOTO).convert("RGB").save(photo)
    _run([*original, str(photo), "--runs", "0", "--out", str(folder / "original.npy")])
    height, width = np.load(folder / "original.npy").shape[:2]
    # At the learner's own size, which both then draw without cropping it.
    ImageOps.fit(Image.open(PHOTO).convert("RGB"), (width, height)).save(photo)
    np.save(folder / "photo.npy", np.asarray(Image.open(photo)))
    for name, options in {"float": [], "int8": ["--int8"]}.items():
        words = ["convert", str(learner), "-o", str(folder / f"{name}.onnx"), *options]
        _run([str(MODELS), "-m", "models", *words, "--max-side", str(max(height, width))])
    return height, width


# On one core


def _on_one_core(original: list[str], folder: Path, size: tuple[int, int]) -> str:
    commands = {"original": [*original, str(folder / "photo.png"), "--runs", str(RUNS)]}
    ours, photo = ["-m", "bench.modelfile"], str(folder / "photo.npy")
    for name in ("float", "int8"):
        words = ["function", str(folder / f"{name}.onnx"), photo]
        commands[name] = [sys.executable, *ours, *words, "--runs", str(RUNS)]
    try:
        python = transform._openvino()
        for kind in ("f32", "bf16"):
            words = [kind, str(folder / "float.onnx"), photo]
            commands[f"float, OpenVINO {kind}"] = [python, *ours, *words, "--runs", str(RUNS)]
    except (OSError, CalledProcessError):
        pass  # the table of engines says so
    results: Results = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for name, command in commands.items():
            done = _run([*command, "--out", str(folder / f"{name}.npy")], one_core=True)
            for key, value in json.loads(done.splitlines()[-1]).items():
                results[name][key] += value if isinstance(value, list) else [value]
    arts = {name: np.load(folder / f"{name}.npy").astype(np.float32) for name in commands}
    return _table(results, arts, size)


def _table(results: Results, arts: dict[str, Any], size: tuple[int, int]) -> str:
    from skimage.metrics import structural_similarity

    arts["original"] = arts["original"] * 255
    best = {
        name: {key: min(values) for key, values in found.items()} for name, found in results.items()
    }
    theirs, rows = best["original"], []
    for name, found in best.items():
        difference = np.abs(arts[name] - arts["original"])
        similarity = structural_similarity(
            arts[name], arts["original"], channel_axis=2, data_range=255
        )
        rows.append(
            [
                name,
                f"{found['import'] + found['load']:.1f} s",
                f"{found['predict']:.2f} s",
                f"{found['cpu']:.2f} s",
                f"{theirs['cpu'] / found['cpu']:.1f}",
                mb(found["peak_mb"] * 2**20),
                ratio(found["peak_mb"], theirs["peak_mb"]),
                f"{difference.mean():.2f}, {difference.max():.1f}",
                f"{similarity:.4f}",
            ]
        )
    head = ["stack", "import and load", "a picture", "CPU of that", "times as fast"]
    judged = ["peak memory", "of the original's", "difference of 255: mean, most", "SSIM"]
    note = f"At {size[0]} x {size[1]} on one core, the best of {ROUNDS} turns of {RUNS} pictures.\n"
    return "\n".join([table([*head, *judged], rows), "", note, _choice(best)])


def _choice(best: dict[str, dict[str, float]]) -> str:
    """Whether a float model is worth OpenVINO's place in the image; by its seconds of a core."""
    other = best.get("float, OpenVINO f32")
    if other is None:
        return ""
    gain, memory = best["float"]["cpu"] / other["cpu"], other["peak_mb"] / best["float"]["peak_mb"]
    words = "is worth" if gain >= WORTH else "is not worth"
    return (
        f"OpenVINO {words} a second engine beside ONNX Runtime: in float32 it is {gain:.2f} times"
        f" as fast, where {WORTH} is asked for, with {memory:.1f} times the memory. Its bfloat16"
        " counts for nothing here: not every processor that Lambda may give has that. Who wants"
        " speed asks for eight bits.\n"
    )


def _run(command: list[str], one_core: bool = False) -> str:
    core = min(os.sched_getaffinity(0))
    words = ["taskset", "-c", str(core), *command] if one_core else command
    environment = os.environ | ({"OMP_NUM_THREADS": "1"} if one_core else {})
    done = subprocess.run(
        words, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


# In a container with a function's limits


def _in_containers(folder: Path) -> str:
    try:
        require_engine()
        image, original = build("artline:bench"), coldstart.original().image
    except MissingError as what:
        return f"Not measured under a function's limits: {what}.\n"
    mounted = "/var/task/artline/model.onnx:ro"
    mounts = {name: [f"--volume={folder / name}.onnx:{mounted}"] for name in ("float", "int8")}
    results: Results = defaultdict(lambda: defaultdict(list))
    for _ in range(ROUNDS):
        for name in ("original", *mounts):
            what = (original,) if name == "original" else (image, *mounts[name])
            for key, value in _draw(what, folder / "photo.png").items():
                results[name][key].append(value)
    rows = []
    theirs = min(results["original"]["cpu"])
    for name, found in results.items():
        best = {key: min(values) for key, values in found.items()}
        seconds = [f"{best[key]:.2f} s" for key in ("first", "later", "cpu")]
        rows.append([name, *seconds, f"{theirs / best['cpu']:.1f}", mb(best["peak"])])
    head = ["2048 MB, 1.16 CPUs", "start to first line art", "a later photo", "CPU of that"]
    return table([*head, "times as fast", "peak memory"], rows) + "\n"


def _draw(image: tuple[str, ...], photo: Path) -> dict[str, float]:
    """Seconds from a container's start to its first answer, and of a later one; bytes."""
    event = {"body": base64.b64encode(photo.read_bytes()).decode()}
    begin = time.perf_counter()
    with run(*image, timeout=coldstart.PATIENT) as container:
        answer = container.invoke(event, coldstart.PATIENT)
        first = time.perf_counter() - begin
        if not isinstance(answer, dict) or answer.get("statusCode") != 200:
            raise RuntimeError(f"{image[0]} gave no line art: {answer}")
        begin, work = time.perf_counter(), _busy(container)
        for _ in range(RUNS):
            container.invoke(event, coldstart.PATIENT)
        busy, later = _busy(container) - work, time.perf_counter() - begin
        peak = container.peak_memory()
    return {"first": first, "later": later / RUNS, "cpu": busy / RUNS, "peak": peak}


def _busy(container: Container) -> float:
    """Processor seconds of the container's processes so far."""
    lines = docker("exec", container.id, "sh", "-c", "cat /proc/[0-9]*/stat").splitlines()
    ticks = [line.rpartition(")")[2].split()[11:13] for line in lines]
    return sum(int(user) + int(system) for user, system in ticks) / os.sysconf("SC_CLK_TCK")
