"""The path of a photo through the handler, step by step, and the engine beside another one.

On one core with one thread, which is what a 2048 MB function has for its numbers.
"""

import base64
import json
import os
import re
import subprocess
import sys
import time
from statistics import median
from typing import Any

from .report import ROOT, mb, ms, peak_memory, table

PHOTO = ROOT / "samples/landscape.jpg"
MODEL = ROOT / "artline/model.onnx"
ENGINES = ROOT / ".venv-openvino"
OPENVINO = "openvino==2026.4.1"
RUNS = 9
LIMITS = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048", "ORT_DISABLE_TELEMETRY": "1"}

SIZES = {
    "512 x 384": (512, 384, 512),
    "1024 x 768": (1024, 768, 1024),
    "2048 x 1536": (2048, 1536, 2048),
    "4000 x 3000, drawn at 1024": (4000, 3000, 1024),
}
"""Width and height of a photo, and the `max_side` to draw it at."""


def report() -> str:
    return "\n".join(["## The path of a photo\n", _photos(), "## The engine\n", _engines()])


def _photos() -> str:
    rows = []
    for name, (width, height, side) in SIZES.items():
        command = [sys.executable, "-m", "bench.transform", str(width), str(height), str(side)]
        done = _json(command)
        steps = [ms(done[step]) for step in ("decode", "inference", "encode")]
        start = [ms(done["import"]), ms(done["import, CPU"])]
        rows.append([name, *steps, f"{done['overhead'] * 1000:.1f} ms", *start, mb(done["peak"])])
    head = ["photo", "decode", "inference", "encode", "handler around it"]
    return table([*head, "import and load", "CPU of that", "peak memory"], rows) + "\n"


def _engines() -> str:
    pythons = {"onnxruntime": sys.executable}
    note = ""
    try:
        pythons["openvino"] = _openvino()
    except (OSError, subprocess.CalledProcessError):
        note = f"Without OpenVINO: {OPENVINO} cannot be installed here.\n"
    results = {
        name: _json([python, "-m", "bench.engine", name, str(MODEL), "512", "1024"])
        for name, python in pythons.items()
    }
    timed = ["import", "load", "512, first", "512", "1024, first", "1024"]
    rows = [
        [name, mb(done["installed"]), *(ms(done[column]) for column in timed), mb(done["peak"])]
        for name, done in results.items()
    ]
    head = ["engine, CPU time", "installed", *timed, "peak memory"]
    choice = _choice(**results) if len(results) > 1 else ""
    return "\n".join([table(head, rows), note, choice])


def _choice(onnxruntime: dict[str, float], openvino: dict[str, float]) -> str:
    def start(done: dict[str, float]) -> float:
        return done["import"] + done["load"] + done["1024, first"]

    size = openvino["installed"] / onnxruntime["installed"]
    dearer = start(openvino) - start(onnxruntime)
    saved = onnxruntime["1024"] - openvino["1024"]
    recovers = f"recovers the difference after {dearer / saved:.0f} more photos"
    return (
        "ONNX Runtime is the engine. Its first line art of 1024 pixels takes"
        f" {ms(start(onnxruntime))} of CPU time, import and load included. OpenVINO takes"
        f" {ms(start(openvino))} and is {size:.1f} times as large; it"
        f" {recovers if saved > 0 else 'never recovers the difference'}. In a mostly idle function"
        " the cold start counts most.\n"
    )


def _openvino() -> str:
    """The Python of an environment that has OpenVINO, made when first needed."""
    python = ENGINES / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", ENGINES], check=True)
        install = ["-m", "pip", "install", "-qq", "--disable-pip-version-check", OPENVINO]
        subprocess.run([str(python), *install], check=True)
    return str(python)


def _json(command: list[str]) -> Any:
    done = subprocess.run(
        command, check=True, cwd=ROOT, env=os.environ | LIMITS, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


# In a process of its own, for each photo


def _measure(width: int, height: int, side: int) -> dict[str, float]:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    begin, busy = time.perf_counter(), time.process_time()
    from function.app import handler

    results = {"import": time.perf_counter() - begin, "import, CPU": time.process_time() - busy}
    event = {
        "body": _photo(width, height),
        "isBase64Encoded": True,
        "queryStringParameters": {"max_side": str(side)},
    }
    runs = []
    for _ in range(RUNS + 1):
        begin = time.perf_counter()
        answer = handler(event)
        whole = time.perf_counter() - begin
        if answer["statusCode"] != 200:
            raise RuntimeError(answer["body"])
        timing = re.findall(r"(\w+);dur=([\d.]+)", answer["headers"]["server-timing"])
        steps = {name: float(milliseconds) / 1000 for name, milliseconds in timing}
        runs.append(steps | {"overhead": whole - sum(steps.values())})
    results |= {step: median(run[step] for run in runs[1:]) for step in runs[0]}
    results["peak"] = peak_memory()
    return results


def _photo(width: int, height: int) -> str:
    # Made by another process: its memory is not the handler's.
    code = (
        "import sys; from PIL import Image; path, width, height = sys.argv[1:];"
        "image = Image.open(path).convert('RGB').resize((int(width), int(height)));"
        "image.save(sys.stdout.buffer, 'JPEG', quality=85)"
    )
    command = [sys.executable, "-c", code, str(PHOTO), str(width), str(height)]
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return base64.b64encode(data).decode()


if __name__ == "__main__":
    print(json.dumps(_measure(*map(int, sys.argv[1:]))))
