"""Time the original stack: fastai 1.0.61 and torch 1.6.0, run by its own Python 3.8.

    taskset -c 0 python3.8 original.py learner.pkl photo.png --out art.npy

Prints a line of JSON: seconds to import and to load, wall and processor seconds of each
`learn.predict`, peak memory in MB.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

started = time.perf_counter()

import numpy as np  # noqa: E402
import torch  # noqa: E402
from fastai.vision import load_learner, open_image  # noqa: E402
from torch import nn  # noqa: E402

imported = time.perf_counter()


class FeatureLoss(nn.Module):
    """ArtLine's loss lived in `__main__`; loading its learner needs one of that name there."""


def peak_mb() -> float:
    """As Linux has it for this process alone; getrusage's figure counts the parent's too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("learner")
    parser.add_argument("photo")
    parser.add_argument("--out", required=True, help="where the line art goes, float [H, W, 3]")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    begin = time.perf_counter()
    learn = load_learner("", args.learner)
    loaded = time.perf_counter()
    photo = open_image(args.photo)
    art = learn.predict(photo)[0]
    first = time.perf_counter()
    seconds, busy = [], []
    for _ in range(args.runs):
        start, work = time.perf_counter(), time.process_time()
        art = learn.predict(photo)[0]
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - work)
    np.save(args.out, art.data.permute(1, 2, 0).numpy())
    print(
        json.dumps(
            {
                "import": imported - started,
                "load": loaded - begin,
                "first": first - loaded,
                "predict": seconds,
                "cpu": busy,
                "peak_mb": peak_mb(),
            }
        )
    )


if __name__ == "__main__":
    main()
