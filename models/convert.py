"""Any learner to a model file: find out what the file is, convert it, and judge what came of it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from PIL import Image

from models import fastai1, gallery, judge, onnxfile, torchfile
from models.export import export
from models.judge import Agreement, Cost, Pixels
from models.pickles import Object, Refused
from models.source import Source, smallest_multiple

MEMORY_MB = 2048  # a function's, by default
ROOM = 0.75  # of that a picture may take: the rest is for photos, answers and the engine's moods
SMALLEST_SIDE = 256
CHECKED_AT = (384, 512)  # height and width of the photos that source and model file are compared on


@dataclass
class Options:
    """What only a person can know; `mean`, `std`, `low` and `high` count where the file says none.

    `fixed` brings photos to one size, (height, width), where a network does badly at others.
    """

    name: str = ""
    version: str = "1"
    license: str = "unknown"
    max_side: int = 1024
    fixed: tuple[int, int] | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    low: float = 0.0
    high: float = 1.0
    factory: str | None = None
    inert: frozenset[str] = frozenset()
    trust: bool = False


@dataclass
class Report:
    """What became of a file, as `python -m models convert` prints it."""

    kind: str
    path: Path
    metadata: dict[str, str]
    opset: int
    agreement: Agreement
    costs: dict[tuple[int, int], Cost] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        size = self.path.stat().st_size / 2**20
        lines = [f"{self.path}: from a {self.kind}; {size:.1f} MB, opset {self.opset}"]
        lines += [f"  {note}" for note in self.notes]
        lines.append(f"  drawn as its source draws it: {self.agreement}")
        lines += [
            f"  {height}x{width}: {cost.busy:.2f} s of a core, {cost.peak_mb:.0f} of {MEMORY_MB} MB"
            for (height, width), cost in self.costs.items()
        ]
        lines.append("  " + ", ".join(f"{k} {v}" for k, v in sorted(self.metadata.items())))
        return "\n".join(lines)


def convert(path: Path, to: Path, options: Options, samples: Path) -> Report:
    """Write the model file `to` from what `path` holds, and compare the two on photos of `samples`.

    Raises:
        Refused: what cannot work, naming what was found.

    """
    metadata = {
        "name": options.name or path.stem,
        "version": options.version,
        "license": options.license,
        "source": f"converted from {path.name}",
    }
    to.parent.mkdir(parents=True, exist_ok=True)
    if onnxfile.is_onnx(path):
        source = onnxfile.read(path, options)
        onnxfile.write(source, to, metadata, options)
        draw = source.draw
    else:
        source = _torch_source(path, options)
        _export(source, to, metadata, options)
        draw = _drawer(source)
    size = _fixed_size(to) or CHECKED_AT
    pictures = judge.photos(samples, size)
    ours = gallery.Model(to)
    report = Report(
        kind=source.kind,
        path=to,
        metadata=ours.metadata,
        opset=_opset(to),
        agreement=judge.compare(lambda photo: _array(ours, photo), draw, pictures),
        notes=source.notes,
    )
    bound(to, report)
    report.metadata = gallery.Model(to).metadata
    pairs = [(Image.fromarray(p), Image.fromarray(_array(ours, p))) for p in pictures]
    gallery.sheet(pairs).save(to.with_suffix(".preview.jpg"))
    return report


def _array(model: gallery.Model, photo: Pixels) -> Pixels:
    drawn = np.asarray(model.draw(Image.fromarray(photo)))
    return drawn if drawn.ndim == 3 else drawn[:, :, None]


def _drawer(source: Source) -> judge.Draw:
    """The source's own picture of a photo, in float, 0 to 255."""
    mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (source.mean, source.std))

    def draw(photo: Pixels) -> npt.NDArray[np.float32]:
        x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            y = (source.module((x - mean) / std) - source.low) / (source.high - source.low)
        picture: npt.NDArray[np.float32] = y.clamp(0, 1)[0].permute(1, 2, 0).numpy() * 255
        return picture

    return draw


def _torch_source(path: Path, options: Options) -> Source:
    """The network in `path`, by the route that its bytes ask for."""
    from models import fastai2, torchroutes

    if options.factory is not None:
        return torchroutes.from_factory(path, options)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
        if "constants.pkl" in names:
            return torchroutes.from_torchscript(path, options)
        if "archive_format" in names:
            return torchroutes.from_exported_program(path, options)
    with torchfile.TorchFile(path) as file:
        if isinstance(file.value, Object) and str(file.value.maker).startswith("fastai.learner."):
            return fastai2.read(path, options)
    return fastai1.read(path, options.inert)


def _export(source: Source, to: Path, metadata: dict[str, str], options: Options) -> None:
    multiple, fixed = smallest_multiple(source.module), options.fixed
    if multiple is None:
        fixed = fixed or source.size
        if fixed is None:
            raise Refused("a network that takes photos of one size alone: name it with --fixed HxW")
        source.notes.append(f"takes photos of {fixed[0]}x{fixed[1]} alone")
    try:
        export(
            source.module,
            to,
            mean=source.mean,
            std=source.std,
            metadata=metadata,
            multiple=multiple or 1,
            max_side=options.max_side,
            fixed_size=fixed,
            low=source.low,
            high=source.high,
        )
    except (RuntimeError, ValueError) as error:
        raise Refused(f"a network that cannot be written as ONNX: {error}") from error


def bound(model: Path, report: Report) -> None:
    """Lower `max_side` until a square photo of that side leaves room in the function's memory.

    Raises `Refused` where not even a small one does.
    """
    allowed = MEMORY_MB * ROOM
    fixed = _fixed_size(model)
    sizes = [fixed] if fixed else [(500, 500), (side := int(report.metadata["max_side"]), side)]
    for size in sizes:
        report.costs[size] = judge.cost(model, size)
    (height, width), last = list(report.costs.items())[-1]
    if last.peak_mb <= allowed:
        return
    if fixed is None:
        small = report.costs[sizes[0]]
        per_pixel = (last.peak_mb - small.peak_mb) / (height * width - 500 * 500)
        side = int((500 * 500 + (allowed - small.peak_mb) / per_pixel) ** 0.5) // 32 * 32
        if side >= SMALLEST_SIDE:
            report.costs[side, side] = judge.cost(model, (side, side))
            report.notes.append(
                f"max_side is {side}: a square photo of {height} would take {last.peak_mb:.0f} MB"
            )
            set_metadata(model, max_side=str(side))
            return
    raise Refused(f"a network that takes {last.peak_mb:.0f} MB for a photo of {height}x{width}")


def set_metadata(path: Path, **changes: str) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | changes)
    onnx.save(model, path)


def _fixed_size(path: Path) -> tuple[int, int] | None:
    given = gallery.Model(path).metadata.get("fixed_size")
    if not given:
        return None
    height, _, width = given.partition("x")
    return int(height), int(width or height)


def _opset(path: Path) -> int:
    imports = onnx.load(path, load_external_data=False).opset_import
    return next(int(i.version) for i in imports if i.domain in ("", "ai.onnx"))
