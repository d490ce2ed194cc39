"""The image: its size, and what becomes of the time from its start to the first line art.

Ours and, where there is one, the original's, by turns in one run, under a 2048 MB function's
limits.
"""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from image.container import (
    Container,
    MissingError,
    build,
    docker,
    present,
    require_engine,
    run,
    stand_in,
)

from .report import ROOT, mb, ms, ratio, table

HERE = Path(__file__).parent
PHOTO = ROOT / "samples/face.jpg"
ROUNDS = 5
LATER = 3
"""Invocations of a warm container."""
PATIENT = 180
"""Seconds that an invocation may take: the original's first one passes a function's 29."""
COLD_ROUNDS = 3
"""Starts after which all files of the image have to be read from the disk again."""

Runs = dict[str, list[dict[str, float]]]
"""What each round measured, by phase, for each subject."""
Sizes = dict[str, dict[str, tuple[int, int]]]
"""Bytes of each layer, unpacked and as gzip, for each subject."""


@dataclass(frozen=True)
class Subject:
    """An image to measure. `steps` are what `stamps.py` imports and calls, by what that is."""

    name: str
    image: str
    steps: Mapping[str, str]
    handler: str


OURS = {
    "import numpy": "numpy",
    "import the engine": "onnxruntime",
    "import Pillow": "PIL.Image",
    "import Powertools": "aws_lambda_powertools",
    "load the model": "function.model:load",
    "import the handler": "function.app",
}
THEIRS = {
    "import numpy": "numpy",
    "import the engine": "torch",
    "import Pillow": "PIL.Image",
    "import fastai": "fastai.vision",
    "load the model": "app",
}


def report() -> str:
    try:
        require_engine()
        ours = Subject("ours", build("artline:bench"), OURS, "function.app")
    except MissingError as what:
        return f"## The image\n\nNot measured: {what}.\n"
    theirs, note = None, ""
    try:
        theirs = original()
    except MissingError as what:
        note = f"Without the original: {what}.\n"
    subjects = [ours, theirs] if theirs else [ours]
    runs = _rounds(subjects)
    sizes = {subject.name: _sizes(subject.image) for subject in subjects}
    reach = _reach(sizes, runs) if theirs else note
    tables = _size_table(sizes), _start_table(runs), _profile(ours.image)
    return "\n".join(["## The image\n", reach, *tables])


def original() -> Subject:
    """The original's image. Raises `MissingError` where its Python or its learner is."""
    python, learner = os.environ.get("ORIGINAL_PYTHON"), os.environ.get("ORIGINAL_LEARNER")
    if not python or not learner:
        raise MissingError(
            "ORIGINAL_PYTHON names no Python 3.8 with fastai 1.0.61 and torch 1.6.0, or"
            " ORIGINAL_LEARNER no learner that it exported"
        )
    return Subject("the original", _build_original(python, Path(learner)), THEIRS, "app")


def _build_original(python: str, learner: Path) -> str:
    """Two gigabytes take minutes to build: done once for one Python, learner and recipe."""
    recipe = sorted((HERE / "original_image").iterdir())
    written = str(learner.stat().st_mtime_ns)
    parts = [python, str(learner), written, *(file.read_text() for file in recipe)]
    tag = f"artline:original-{hashlib.sha256(''.join(parts).encode()).hexdigest()[:12]}"
    if present(tag):
        return tag
    code = "import sys, sysconfig; print(sys.base_prefix); print(sysconfig.get_path('purelib'))"
    output = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    prefix, packages = output.stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(HERE / "original_image", context, dirs_exist_ok=True)
        shutil.copytree(prefix, context / "python", symlinks=True)
        shutil.copytree(packages, context / "packages", symlinks=True)
        shutil.copy(learner, context / "learner.pkl")
        docker("build", "--quiet", f"--tag={tag}", f"--build-arg=BASE_IMAGE={stand_in()}", folder)
    return tag


# What is measured


def _rounds(subjects: list[Subject]) -> Runs:
    runs: Runs = defaultdict(list)
    for number in range(ROUNDS + 1):
        for subject in subjects:
            measured = _start(subject)
            if number:  # the first fills the page cache
                runs[subject.name].append(measured)
    for subject in subjects:
        for measured in runs[subject.name][:COLD_ROUNDS]:
            if _forget(subject.image):
                measured["first line art, disk cold"] = _start(subject)["first line art"]
    return runs


def _start(subject: Subject) -> dict[str, float]:
    """One cold start and a few warm answers: seconds by phase, bytes at the peak."""
    event = {"body": base64.b64encode(PHOTO.read_bytes()).decode()}
    environment = {
        "STAMP_STEPS": ",".join(subject.steps.values()),
        "STAMP_HANDLER": subject.handler,
    }
    mount = f"--volume={HERE / 'stamps.py'}:/var/task/stamps.py:ro"
    asked = time.time()
    with run(
        subject.image, mount, environment=environment, command=["stamps.handler"], timeout=PATIENT
    ) as container:
        first = container.invoke(event, PATIENT)
        answered = time.time()
        later = [container.invoke(event, PATIENT) for _ in range(LATER)]
        began = _began(container)
    if not isinstance(first, dict) or first.get("status") != 200:
        raise RuntimeError(f"{subject.name} gave no line art: {first}")
    stamps = first["stamps"]
    phases = {"container": began - asked, "runtime": stamps[0][1] - began}
    for name, before, after in zip(subject.steps, stamps[:-1], stamps[1:], strict=True):
        phases[name] = after[1] - before[1]
    phases["first photo"] = first["end"] - first["begin"]
    phases["answer"] = answered - first["end"] + first["begin"] - stamps[-1][1]
    return phases | {
        "first line art": answered - asked,
        "a later photo": median(answer["end"] - answer["begin"] for answer in later),
        "import and load, CPU": stamps[-1][2] - stamps[0][2],
        "peak memory": later[-1]["peak"],
    }


def _began(container: Container) -> float:
    """When the container's first process started, in seconds of the epoch."""
    moment = re.sub(r"(\.\d{6})\d*Z", r"\1+00:00", container.state()["StartedAt"])
    return datetime.fromisoformat(moment).timestamp()


def _forget(image: str) -> bool:
    """Drops the image's files from the page cache. False where they cannot be got at."""
    layers = json.loads(docker("image", "inspect", "--format={{json .GraphDriver.Data}}", image))
    folders = [layers["UpperDir"], *layers["LowerDir"].split(":")] if "LowerDir" in layers else []
    paths = [path for folder in folders for path in Path(folder).rglob("*")]
    for path in paths:
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return bool(paths)


def _sizes(image: str) -> dict[str, tuple[int, int]]:
    """Bytes of the base, dependencies, model and code, unpacked and as gzip."""
    with tempfile.TemporaryFile() as file:
        subprocess.run(["docker", "save", image], check=True, stdout=file)
        file.seek(0)
        with tarfile.open(fileobj=file) as archive:
            manifest = json.load(_member(archive, "manifest.json"))
            layers = [_measure(_member(archive, name)) for name in manifest[0]["Layers"]]
    *base, dependencies, model, code = layers
    return {
        "base": (sum(size for size, _ in base), sum(small for _, small in base)),
        "dependencies": dependencies,
        "model": model,
        "code": code,
    }


def _member(archive: tarfile.TarFile, name: str) -> Any:
    return archive.extractfile(name)


def _measure(layer: Any) -> tuple[int, int]:
    squeeze, size, small = zlib.compressobj(6), 0, 0
    while chunk := layer.read(1 << 20):
        size += len(chunk)
        small += len(squeeze.compress(chunk))
    return size, small + len(squeeze.flush())


# How it is shown


def _reach(sizes: Sizes, runs: Runs) -> str:
    def row(
        what: str, aim: str, show: Callable[[float], str], figures: Sequence[float]
    ) -> list[str]:
        ours, theirs = figures
        return [what, show(ours), show(theirs), ratio(ours, theirs), aim]

    both = [layers["dependencies"][0] + layers["model"][0] for layers in sizes.values()]

    def timed(phase: str) -> list[float]:
        return [_median(measured, phase) for measured in runs.values()]

    rows = [
        row("dependencies and model", "1/10", mb, both),
        row("start to first line art", "1/5", ms, timed("first line art")),
        row("peak memory", "1/4", mb, timed("peak memory")),
        row("import and load, CPU", "600 ms", ms, timed("import and load, CPU")),
    ]
    return table(["", "ours", "the original ArtLine", "ratio", "aim"], rows) + "\n"


def _size_table(sizes: Sizes) -> str:
    head = ["layer", *(f"{name}, {kind}" for name in sizes for kind in ("unpacked", "gzip"))]
    rows = [
        [layer, *(mb(size) for name in sizes for size in sizes[name][layer])]
        for layer in ("base", "dependencies", "model", "code")
    ]
    return table(head, rows) + "\n"


def _start_table(runs: Runs) -> str:
    phases = ["container", "runtime", *dict.fromkeys([*OURS, *THEIRS]), "first photo", "answer"]
    phases += ["first line art", "first line art, disk cold", "a later photo"]
    phases += ["import and load, CPU", "peak memory"]
    rows = []
    for phase in phases:
        show = mb if phase == "peak memory" else ms
        figures = [_median(measured, phase) for measured in runs.values()]
        if any(figures):
            rows.append([phase, *(show(figure) if figure else "" for figure in figures)])
    return table(["from the start on", *runs], rows) + "\n"


def _median(measured: list[dict[str, float]], phase: str) -> float:
    """0 where there is no such phase."""
    return median([run[phase] for run in measured if phase in run] or [0])


def _profile(image: str) -> str:
    """Which packages the import of the handler spends its time in."""
    command = ["--entrypoint=python", image, "-X", "importtime", "-c", "import function.app"]
    output = docker("run", "--rm", "--network=none", *command, stderr=subprocess.STDOUT)
    spent: dict[str, int] = defaultdict(int)
    for itself, module in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", output):
        spent[module.partition(".")[0]] += int(itself)
    packages = {"numpy", "onnxruntime", "PIL", "aws_lambda_powertools", "artline", "function"}
    rest = sum(time for name, time in spent.items() if name not in packages)
    rows = sorted(((name, spent[name]) for name in packages), key=lambda row: -row[1])
    rows.append(("all else", rest))
    return table(["import", "its own time"], [(name, ms(us / 1e6)) for name, us in rows]) + "\n"
