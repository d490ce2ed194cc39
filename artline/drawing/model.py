"""The model file: loaded once, run on arrays.

`model.onnx` describes itself. Its input `image` is uint8 `[1, H, W, 3]` RGB, its output `art` uint8
`[1, H, W, 1 or 3]`, and each further style is an output of its own name. Normalisation, clamp and
scale are inside the graph, and `metadata_props` hold what a runtime has to know, so that nothing
here is about any one model.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, cached_property
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort  # type: ignore[import-untyped]

from ..errors import ModelError
from ..limits import DEFAULT_SIDE, MIN_SIDE
from ..photo.reader import Pixels

METADATA = {"name", "version", "license", "source", "multiple", "max_side"}
"""What a model file must say of itself; `fixed_size`, `min_side` and `styles` are optional."""

DEFAULT_STYLE = "default"
"""The one style of a model that lists none."""

STYLE = re.compile(r"[a-z][a-z0-9_-]*")

COLOURS = (1, 3)
"""How many line art may have."""

LARGE = 64 * 2**20
"""Bytes of a model file from which on memory is saved: see `_options`."""

MOST_THREADS = 1024

REGION = 512 * 2**20
"""Bytes that a large model's layers are given to share; more than that is taken where needed."""


class RunError(ModelError):
    """The model was loaded, and cannot draw this photo."""


class Model:
    """One image-to-image model, ready to run.

    `threads` is how many of the machine's cores one photo may use, 0 for all. `providers` are ONNX
    Runtime's, by default the CPU's. Raises `ModelError`.

    >>> art = Model(MODEL).run(photo)  # uint8 [H, W, 3] in, uint8 [H, W, 1 or 3] out
    """

    def __init__(
        self, path: Path, *, threads: int = 1, providers: Sequence[Any] | None = None
    ) -> None:
        _check_threads(threads)
        _check_providers(providers or ())
        self.path = path
        try:
            path.open("rb").close()  # says of a directory what it is
            options = _options(path.stat().st_size, threads)
            providers = providers or ["CPUExecutionProvider"]
            self._session = ort.InferenceSession(path, options, providers=list(providers))
            self._read_metadata(self._session.get_modelmeta().custom_metadata_map)
        except OSError as error:
            raise ModelError(f"{path} cannot be read: {error.strerror}") from error
        except Exception as error:  # the engine's own exceptions share no base class
            raise ModelError(f"{path.name} cannot be served: {error}") from error

    def _read_metadata(self, metadata: dict[str, str]) -> None:
        if missing := METADATA - metadata.keys():
            raise ValueError(f"its metadata has no {', '.join(sorted(missing))}")
        self.name = metadata["name"]
        self.version = metadata["version"]
        self.license = metadata["license"]
        self.source = metadata["source"]
        self.multiple = int(metadata["multiple"])
        self.max_side = int(metadata["max_side"])
        self.min_side = int(metadata.get("min_side", 1))
        fixed = metadata.get("fixed_size")
        self.styles = _styles(metadata)
        # The default style's output has the same name in every model file.
        self._outputs = dict(zip(self.styles, ("art", *self.styles[1:]), strict=True))
        self._check_ports()
        self.fixed_size: tuple[int, int] | None = None
        if fixed:
            height, _, width = fixed.partition("x")
            self.fixed_size = int(height), int(width or height)
        if min(self.multiple, self.max_side, self.min_side, *(self.fixed_size or ())) < 1:
            raise ValueError("its metadata has a size below 1")
        if self.max_side < MIN_SIDE:
            raise ValueError(f"its max_side is {self.max_side}, below {MIN_SIDE}")

    def _check_ports(self) -> None:
        """Refuses a graph that does not take a photo, or give line art, as a model file does."""
        inputs = {each.name: each for each in self._session.get_inputs()}
        outputs = {each.name: each for each in self._session.get_outputs()}
        if inputs.keys() != {"image"}:
            raise ValueError(f"its inputs are {', '.join(sorted(inputs))}, not image")
        if missing := set(self._outputs.values()) - outputs.keys():
            raise ValueError(f"it has no output for the style {', '.join(sorted(missing))}")
        ports: dict[str, tuple[Any, tuple[int, ...]]] = {"image": (inputs["image"], (3,))}
        ports |= {name: (outputs[name], COLOURS) for name in self._outputs.values()}
        for name, (port, colours) in ports.items():
            # A side that is not known is a name, or None; a graph may say nothing of its shape.
            known = not port.shape or (
                len(port.shape) == 4
                and (not isinstance(port.shape[3], int) or port.shape[3] in colours)
            )
            if port.type != "tensor(uint8)" or not known:
                raise ValueError(
                    f"{name} is {port.type} of {port.shape}, not uint8 of [1, H, W,"
                    f" {' or '.join(map(str, colours))}]"
                )

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the model file, in hexadecimal digits."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def default_side(self) -> int:
        return min(DEFAULT_SIDE, self.max_side)

    def fit(self, max_side: int) -> tuple[int, int]:
        """The box, (width, height) in pixels, that a photo is shrunk into before it is drawn."""
        if self.fixed_size is None:
            return max_side, max_side
        height, width = self.fixed_size
        return min(width, max_side), min(height, max_side)

    def run(self, image: Pixels, style: str | None = None) -> Pixels:
        """Draws uint8 `[H, W, 3]` RGB, of any size, as uint8 `[H, W, 1 or 3]` of the same size.

        `style` is one of `styles`, by default the first. Raises `ModelError` where the engine
        cannot, for lack of memory perhaps.
        """
        height, width = image.shape[:2]
        rows, columns = self.fixed_size or (self._padded(height), self._padded(width))
        # Reflection continues the photo. A border of one colour is an edge, and would be drawn.
        padded = np.pad(image, ((0, rows - height), (0, columns - width), (0, 0)), mode="reflect")
        output = self._outputs[style or self.styles[0]]
        try:
            outputs: Any = self._session.run([output], {"image": padded[np.newaxis]})
        except Exception as error:  # the engine's own exceptions share no base class
            what = f"a photo of {width}x{height} pixels"
            raise RunError(f"{self.path.name} cannot draw {what}: {error}") from error
        drawn: Pixels = outputs[0]
        if drawn.shape not in [(1, rows, columns, colours) for colours in COLOURS]:
            given, wanted = list(drawn.shape), [1, rows, columns, "1 or 3"]
            raise RunError(f"{self.path.name} gives {given}, not {wanted}")
        return drawn[0, :height, :width]

    def _padded(self, side: int) -> int:
        side = max(side, self.min_side)
        return side + -side % self.multiple


def _styles(metadata: Mapping[str, str]) -> tuple[str, ...]:
    styles = tuple(metadata.get("styles", DEFAULT_STYLE).split(","))
    if len(set(styles)) < len(styles) or not all(STYLE.fullmatch(style) for style in styles):
        raise ValueError(f"its metadata has no list of styles, but {', '.join(styles)!r}")
    return styles


def _check_threads(threads: object) -> None:
    """Refuses what is no number of threads: the engine would name its own function's arguments."""
    with suppress(TypeError):
        if not isinstance(threads, bool) and 0 <= index(threads) <= MOST_THREADS:  # type: ignore[arg-type]
            return
    raise ModelError(
        f"threads must be a whole number from 1 to {MOST_THREADS}, or 0 for all cores,"
        f" not {threads!r}"
    )


def _check_providers(providers: Sequence[Any]) -> None:
    """Refuses a provider that is not there: the engine would warn, and take its own instead."""
    there = ort.get_available_providers()
    if isinstance(providers, str):
        raise ModelError(f"providers must be a list of names, not {providers!r}")
    for provider in providers:
        name, *settings = provider if isinstance(provider, tuple) and provider else (provider,)
        if name not in there:
            raise ModelError(
                f"There is no provider {name!r}: this onnxruntime has {', '.join(there)}"
            )
        if isinstance(provider, tuple) and (
            len(settings) != 1 or not isinstance(settings[0], dict)
        ):
            raise ModelError(
                f"A provider must be a name, or a name and its settings: not {provider!r}"
            )


@cache
def _share_one_region() -> None:
    """Has the engine take its memory from one region, which is not resident before it is used.

    By itself it takes regions twice as large each time, and what is free in one is of no use to a
    layer that needs more: an eighth more memory in all, a quarter with larger photos.
    """
    place = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    settings = {
        "max_mem": 0,
        "arena_extend_strategy": 0,
        "initial_chunk_size_bytes": REGION,
        "max_dead_bytes_per_chunk": -1,
    }
    ort.create_and_register_allocator(place, ort.OrtArenaCfg(settings))


def _options(size: int, threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    if size > LARGE:
        # The engine's blocked layouts (NCHWc) draw the default model in two thirds of the time.
        # They keep a second copy of all weights, though, and a network this large is as quick
        # without: its layers are wide enough for plain matrix products to fill a core.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        _share_one_region()
        options.add_session_config_entry("session.use_env_allocators", "1")
    options.intra_op_num_threads = threads
    # A thread that spins while it waits takes processor time, which Lambda bills.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # The engine would keep a plan of allocations for each size of photo.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options
