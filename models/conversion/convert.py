"""Any learner to a model file: find out what the file is, convert it, and judge what came of it."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from artline.drawing.model import Model
from models import contactsheet
from models.conversion import (
    agreement,
    fastai1,
    fastai2,
    onnxfile,
    quantise,
    torchfile,
    torchroutes,
)
from models.conversion.agreement import Agreement
from models.conversion.cost import Cost, cost
from models.conversion.export import export
from models.conversion.onnxfile import OnnxSource
from models.conversion.options import Options
from models.conversion.pickles import Object, RefusedError
from models.conversion.source import Source, check_fixed, smallest_multiple

ROOM = 0.75  # of that a picture may take: the rest is for photos, answers and the engine's moods
SMALLEST_SIDE = 256
CALIBRATED_AT = (256, 320)  # every activation of every photo is kept for a while: not too large
CHECKED_AT = (384, 512)  # height and width of the photos that source and model file are compared on


@dataclass
class Report:
    """What became of a file, as `python -m models convert` prints it."""

    kind: str
    path: Path
    metadata: dict[str, str]
    opset: int
    agreement: Agreement
    memory: int
    costs: dict[tuple[int, int], Cost] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        size = self.path.stat().st_size / 2**20
        lines = [f"{self.path}: from a {self.kind}; {size:.1f} MB, opset {self.opset}"]
        lines += [f"  {note}" for note in self.notes]
        lines.append(f"  drawn as its source draws it: {self.agreement}")
        lines += [
            f"  {height}x{width}: {cost.busy:.2f} s of a core,"
            f" {cost.peak_mb:.0f} of {self.memory} MB"
            for (height, width), cost in self.costs.items()
        ]
        lines.append("  " + ", ".join(f"{k} {v}" for k, v in sorted(self.metadata.items())))
        return "\n".join(lines)


def convert(path: Path, to: Path, options: Options, samples: Path) -> Report:
    """Write the model file `to` from what `path` holds, and compare the two on photos of `samples`.

    Raises:
        RefusedError: what cannot work, naming what was found; what `to` held before is left there.

    """
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as folder:
        made = Path(folder) / to.name
        report = _make(path, made, options, samples)
        report.path = made.replace(to)
    return report


def _make(path: Path, to: Path, options: Options, samples: Path) -> Report:
    metadata = {
        "name": options.name or path.stem,
        "version": options.version,
        "license": options.license,
        "source": f"converted from {path.name}",
    }
    source = _read(path, options, samples)
    if isinstance(source, OnnxSource):
        onnxfile.write(source, to, metadata, options)
    else:
        _export(source, to, metadata, options)
    size = _fixed_size(to) or CHECKED_AT
    pictures = agreement.photos(samples, size)
    report = Report(
        kind=source.kind,
        path=to,
        metadata=_metadata(to),
        opset=_opset(to),
        agreement=agreement.compare(Model(to).run, source.draw, pictures),
        memory=options.memory,
        notes=source.notes,
    )
    if options.int8:
        _in_eight_bits(to, report, samples)
    bound(to, report)
    report.metadata = _metadata(to)
    ours = Model(to)
    pairs = [(picture, ours.run(picture)) for picture in pictures]
    options.preview.parent.mkdir(parents=True, exist_ok=True)
    contactsheet.save(contactsheet.sheet(pairs), options.preview)
    report.notes.append(f"to look at: {options.preview}")
    return report


def _read(path: Path, options: Options, samples: Path) -> Source | OnnxSource:
    """The network in `path`, by the route that its bytes ask for."""
    if options.factory is not None:
        return torchroutes.from_factory(path, options)
    if onnxfile.is_onnx(path):
        return onnxfile.read(path, options)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = {name.partition("/")[2] for name in archive.namelist()}
        if "constants.pkl" in names:
            return torchroutes.from_torchscript(path, options)
        if "archive_format" in names:
            return torchroutes.from_exported_program(path, options)
    with torchfile.TorchFile(path) as file:
        if isinstance(file.value, Object) and str(file.value.maker).startswith("fastai.learner."):
            photos = agreement.photos(samples, options.fixed or CHECKED_AT)
            return fastai2.read(path, options, photos)
    return fastai1.read(path, options.inert)


def _export(source: Source, to: Path, metadata: dict[str, str], options: Options) -> None:
    multiple, fixed = smallest_multiple(source.module), options.fixed
    if multiple is None:
        fixed = fixed or source.size
        if fixed is None:
            raise RefusedError(
                "a network that takes photos of one size alone: name it with --fixed HxW"
            )
        source.notes.append(f"takes photos of {fixed[0]}x{fixed[1]} alone")
    if fixed is not None:
        check_fixed(source.module, fixed)
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
        raise RefusedError(f"a network that cannot be written as ONNX: {error}") from error


def _in_eight_bits(model: Path, report: Report, samples: Path) -> None:
    """Put an eight-bit model in the float one's place, and say what was gained and lost by it."""
    size = _fixed_size(model) or CALIBRATED_AT
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / model.name
        done = quantise.quantise(model, small, agreement.photos(samples, size))
        before, after = (cost(path, size, runs=3) for path in (model, small))
        gain = before.busy / after.busy
        if gain > 1:
            shutil.move(small, model)
    report.notes.append(
        f"in eight bits, {len(done.in_float)} layers left in float: {gain:.1f} times as fast,"
        f" to the float model {done.agreement} (asked for: {quantise.SIMILAR})"
        + ("" if gain > 1 else "; left in float, since that is as quick")
    )


def bound(model: Path, report: Report) -> None:
    """Lower `max_side` until a square photo of that side leaves room in the function's memory.

    Raises `RefusedError` where not even a small one does.
    """
    allowed = report.memory * ROOM
    fixed = _fixed_size(model)
    most = int(report.metadata["max_side"])
    sizes = [fixed] if fixed else [(side, side) for side in sorted({min(500, most), most})]
    for size in sizes:
        report.costs[size] = cost(model, size)
    (height, width), last = list(report.costs.items())[-1]
    if last.peak_mb <= allowed:
        return
    small = report.costs[sizes[0]]
    if last.peak_mb > small.peak_mb:
        per_pixel = (last.peak_mb - small.peak_mb) / (height * width - 500 * 500)
        pixels = 500 * 500 + (allowed - small.peak_mb) / per_pixel
        side = int(max(pixels, 0) ** 0.5) // 32 * 32
        if side >= SMALLEST_SIDE:
            report.costs[side, side] = cost(model, (side, side))
            report.notes.append(
                f"max_side is {side}: a square photo of {height} would take {last.peak_mb:.0f} MB"
            )
            set_metadata(model, max_side=str(side))
            return
    raise RefusedError(
        f"a network that takes {last.peak_mb:.0f} MB for a photo of {height}x{width}, where"
        f" {allowed:.0f} of a function's {report.memory} are free for it: in eight bits (--int8) a"
        " network takes less, and a function may have more (--memory, and artline:memory with it)"
    )


def set_metadata(path: Path, **changes: str) -> None:
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {p.key: p.value for p in model.metadata_props} | changes)
    onnx.save(model, path)


def _fixed_size(path: Path) -> tuple[int, int] | None:
    return Model(path).fixed_size


def _metadata(path: Path) -> dict[str, str]:
    model = onnx.load(path, load_external_data=False)
    return {each.key: each.value for each in model.metadata_props}


def _opset(path: Path) -> int:
    imports = onnx.load(path, load_external_data=False).opset_import
    return next(int(i.version) for i in imports if i.domain in ("", "ai.onnx"))
