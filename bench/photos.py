"""How much the worst photo of each format takes to decode: CPU time and memory, model included.

Each is as large as the function reads in its format, full of noise, and decoded in a process of its
own that has loaded the function before, as in Lambda. Decoders written in Python end at a deadline.
"""

import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artline.errors import PhotoError

from .report import ROOT, mb, ms, peak_memory, table

LARGE, SMALLER = (8160, 6120), (6320, 4740)
"""50 and 30 megapixels."""


def report() -> str:
    rows = [_row(name) for name in PHOTOS]
    head = ["photo", "file", "CPU time", "peak memory", "outcome"]
    return f"## The worst photos\n\n{table(head, rows)}\n"


def _row(name: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "photo"
        # Made by a process of its own, too: what that takes is not the decoder's.
        for step in ("make", "decode"):
            done = subprocess.run(
                [sys.executable, "-m", "bench.photos", step, name, str(path)],
                cwd=ROOT,
                env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "LOG_LEVEL": "CRITICAL"},
                check=True,
                capture_output=True,
                text=True,
            )
        found = json.loads(done.stdout.splitlines()[-1])
        size = mb(path.stat().st_size)
    return [name, size, ms(found["seconds"]), mb(found["peak"]), found["outcome"]]


# In a process of its own, for each photo


def _decode(path: Path) -> None:
    from artline.photo.reader import decode
    from function.app import handler

    handler({"warmup": True})
    data = path.read_bytes()
    begin = time.process_time()
    try:
        outcome = " x ".join(str(side) for side in reversed(decode(data, (1024, 1024)).shape[:2]))
    except PhotoError as error:
        outcome = str(int(error.status))
    seconds = time.process_time() - begin
    print(json.dumps({"seconds": seconds, "peak": peak_memory(), "outcome": outcome}))


def _noise(mode: str, size: tuple[int, int]) -> Image.Image:
    """A gradient with noise in every eighth row, so that the file may be uploaded."""
    width, height = size
    if mode == "I;16":
        row = np.arange(width, dtype=np.uint16) * 7
        return Image.fromarray(np.add.outer(np.arange(height, dtype=np.uint16), row))
    rng = np.random.default_rng(0)
    channels = len(Image.new(mode, (1, 1)).getbands())
    values = np.zeros((height, width, channels), np.uint8)
    values[::8] = rng.integers(0, 16, (-(-height // 8), width, channels), dtype=np.uint8)
    values += np.linspace(0, 220, width, dtype=np.uint8)[:, np.newaxis]
    return Image.frombytes(mode, size, values.tobytes())


def _saved(mode: str, size: tuple[int, int], name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    _noise(mode, size).save(file, name, **options)
    return file.getvalue()


def _plain(size: tuple[int, int]) -> bytes:
    return b"P1\n%d %d\n" % size + b"#\n" * 400_000


def _one_byte_pixels(size: tuple[int, int]) -> bytes:
    """A QOI of one-byte pixels, each another than the one before."""
    head = b"qoif" + b"".join(side.to_bytes(4, "big") for side in size) + b"\3\0"
    return head + bytes([0b01111010, 0b01101111]) * (size[0] * size[1] // 2) + bytes(7) + b"\1"


def _scans(size: tuple[int, int]) -> bytes:
    """A progressive JPEG that refines itself three thousand times."""
    file = io.BytesIO()
    Image.new("L", size, 90).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * 3000 + data[-2:]


PHOTOS: dict[str, Callable[[], bytes]] = {
    "JPEG, progressive": partial(_saved, "RGB", LARGE, "JPEG", quality=92, progressive=True),
    "JPEG, CMYK": partial(_saved, "CMYK", LARGE, "JPEG", quality=92),
    "JPEG of 3000 scans": partial(_scans, LARGE),
    "PNG, 16 bits": partial(_saved, "I;16", LARGE, "PNG", compress_level=1),
    "PNG with alpha": partial(_saved, "RGBA", LARGE, "PNG", compress_level=1),
    "WebP": partial(_saved, "RGB", LARGE, "WEBP", method=0),
    "WebP, lossless, alpha": partial(
        _saved, "RGBA", LARGE, "WEBP", lossless=True, method=0, quality=0
    ),
    "GIF": partial(_saved, "P", LARGE, "GIF"),
    "BMP": partial(_saved, "L", LARGE, "BMP"),
    "TIFF, LZW": partial(_saved, "RGB", LARGE, "TIFF", compression="tiff_lzw"),
    "TIFF, deflate, CMYK": partial(_saved, "CMYK", LARGE, "TIFF", compression="tiff_adobe_deflate"),
    "AVIF with alpha": partial(_saved, "RGBA", LARGE, "AVIF", speed=10),
    "JPEG 2000": partial(
        _saved, "RGB", SMALLER, "JPEG2000", irreversible=True, quality_layers=[10]
    ),
    "JPEG 2000 with alpha": partial(
        _saved, "RGBA", SMALLER, "JPEG2000", irreversible=True, quality_layers=[10]
    ),
    "QOI of one-byte pixels": partial(_one_byte_pixels, (2500, 1850)),
    "plain PBM, all comments": partial(_plain, (2100, 2100)),
}


def main(step: str, name: str, path: Path) -> None:
    if step == "make":
        path.write_bytes(PHOTOS[name]())
    else:
        _decode(path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
