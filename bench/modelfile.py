"""Time a model file as `original.py` times a learner, in the function's way or by OpenVINO.

    taskset -c 0 python -m bench.modelfile function|f32|bf16 model.onnx photo.npy --out art.npy

`f32` and `bf16` are the precisions that OpenVINO computes in; by itself it takes the quickest that
a processor has. Prints a line of JSON: seconds to import and to load, wall and processor seconds of
each picture, peak memory in MB.
"""

import argparse
import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .report import peak_memory

Draw = Callable[[Any], Any]


def load(engine: str, model: str) -> Draw:
    if engine == "function":
        from artline.drawing.model import Model

        return Model(Path(model)).run
    from openvino import Core

    options = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": engine}
    network = Core().compile_model(model, "CPU", options)
    return lambda pixels: network(pixels[np.newaxis])[0][0]


def measure(engine: str, model: str, photo: str, out: str, runs: int) -> dict[str, Any]:
    begin = time.perf_counter()
    import_module("artline.drawing.model" if engine == "function" else "openvino")
    imported = time.perf_counter()
    draw = load(engine, model)
    loaded = time.perf_counter()
    pixels = np.load(photo)
    art = draw(pixels)
    seconds, busy = [], []
    for _ in range(runs):
        start, work = time.perf_counter(), time.process_time()
        art = draw(pixels)
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - work)
    np.save(out, art)
    return {
        "import": imported - begin,
        "load": loaded - imported,
        "predict": seconds,
        "cpu": busy,
        "peak_mb": peak_memory() / 2**20,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("engine", choices=["function", "f32", "bf16"])
    parser.add_argument("model")
    parser.add_argument("photo")
    parser.add_argument("--out", required=True)
    parser.add_argument("--runs", type=int, default=5)
    print(json.dumps(measure(**vars(parser.parse_args()))))
