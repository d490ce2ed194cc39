"""One engine with one model file, in a process of its own, on one core with one thread.

    python -m bench.engine onnxruntime|openvino artline/model.onnx 512 1024

Prints a line of JSON: bytes at the peak and of the engine as it is installed, seconds to import, to
load, and for the first and a later inference of each size. Seconds are of CPU time: with one thread
that is what the clock says too, but for what else the machine is doing.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import files
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .report import peak_memory

RUNS = 9

Draw = Callable[[Any], Any]


def onnxruntime(path: str) -> Draw:
    from onnxruntime import (  # type: ignore[import-untyped]
        InferenceSession,
        SessionOptions,
    )

    options = SessionOptions()
    options.intra_op_num_threads = 1
    session = InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda image: session.run(["art"], {"image": image})[0]


def openvino(path: str) -> Draw:
    from openvino import Core

    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": "f32",  # which it would lower where the processor can
    }
    network = Core().compile_model(path, "CPU", options)
    return lambda image: network(image)[0]


def measure(engine: Callable[[str], Draw], path: str, sides: list[int]) -> dict[str, float]:
    results = {}
    begin = time.process_time()
    __import__(engine.__name__)
    results["import"] = time.process_time() - begin
    begin = time.process_time()
    draw = engine(path)
    results["load"] = time.process_time() - begin
    for side in sides:
        # The work does not depend on what the photo shows, so noise will do.
        image = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
        times = []
        for _ in range(RUNS + 1):
            begin = time.process_time()
            draw(image)
            times.append(time.process_time() - begin)
        results[f"{side}, first"], results[f"{side}"] = times[0], median(times[1:])
    results["peak"] = peak_memory()
    installed = files(engine.__name__) or []
    results["installed"] = sum(Path(file.locate()).stat().st_size for file in installed)
    return results


if __name__ == "__main__":
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    name, model, *sizes = sys.argv[1:]
    engines = {engine.__name__: engine for engine in (onnxruntime, openvino)}
    print(json.dumps(measure(engines[name], model, [int(size) for size in sizes])))
