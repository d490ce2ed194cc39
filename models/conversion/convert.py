"""Any learner to a model file: find out what the file is, convert it, and judge what came of it."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from artline.drawing.model import Model
from artline.errors import ModelError
from models import contactsheet
from models.conversion import (
    agreement,
    archive,
    fastai1,
    foreign,
    onnxfile,
    quantise,
    sandbox,
    sizes,
    torchfile,
    torchroutes,
)
from models.conversion.agreement import CHECKED_AT, Agreement, Pixels
from models.conversion.cost import Cost, cost
from models.conversion.export import export
from models.conversion.onnxfile import OnnxSource
from models.conversion.options import MAX_SIDE, Options
from models.conversion.pickles import Object, RefusedError
from models.conversion.source import Source, check_fixed, failure, smallest_multiple
from models.conversion.text import plain

ROOM = 0.75  # of the function's memory: the rest is for photos, answers and the engine's variance
SMALLEST_SIDE = 256
CALIBRATED_AT = (256, 320)  # every activation of every photo is kept for a while: not too large
LARGER = (768, 960)  # of one more photo to judge by: what a network draws may depend on the size
FURTHEST = 8.0  # grey levels of 255, on average: eight bits are within 3, others within 1
TIMEOUT = 29  # seconds that the function has for a photo


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
        lines += [f"  {plain(note, 600)}" for note in self.notes]
        lines.append(f"  drawn as its source draws it: {self.agreement}")
        lines += [
            f"  {height}x{width}: {cost.busy:.2f} s of a core,"
            f" {cost.peak_mb:.0f} of {self.memory} MB"
            for (height, width), cost in self.costs.items()
        ]
        lines.append(
            "  " + ", ".join(f"{plain(k)} {plain(v)}" for k, v in sorted(self.metadata.items()))
        )
        return "\n".join(lines)


def convert(path: Path, to: Path, options: Options, samples: Path) -> Report:
    """Write the model file `to` from what `path` holds, and compare the two on photos of `samples`.

    Raises:
        RefusedError: what cannot work, naming what was found; what `to` held before is left there.

    """
    try:
        path.open("rb").close()
    except OSError as error:
        raise RefusedError(f"a file that cannot be opened: {error.strerror}") from error
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        options.preview.parent.mkdir(parents=True, exist_ok=True)
        agreement.photos(samples)
        with tempfile.TemporaryDirectory(dir=to.parent) as folder:
            made = Path(folder) / "model.onnx"
            with sandbox.limited_memory(options.limits):
                report = _make(path, made, options, samples)
            report.path = made.replace(to)
    except (OSError, ModelError) as error:
        raise RefusedError(plain(error)) from error
    return report


def _make(path: Path, to: Path, options: Options, samples: Path) -> Report:
    metadata = {
        "name": options.name or path.stem,
        "version": options.version or "1",
        "license": options.license or "unknown",
        "source": f"converted from {path.name}",
    }
    source = _read(path, options, samples)
    if isinstance(source, Source):
        for name in ("mean", "std"):
            given, own = getattr(options, name), getattr(source, name)
            if given is not None and not np.allclose(given, own, atol=1e-4):
                source.notes.append(f"--{name} is not used: the file says {own}")
    if isinstance(source, OnnxSource):
        onnxfile.write(source, to, metadata, options)
    else:
        _export(source, to, metadata, options)
    sizes.set_smallest_side(to)
    photos = agreement.photos(samples, _fixed_size(to) or CHECKED_AT)
    drawn = []
    for photo in photos:
        with agreement.refused(photo):
            drawn.append(_checked(np.asarray(source.draw(photo), np.float32)))
    notes = [*source.notes, *_clipped(drawn)]
    judged = photos
    if options.int8:
        judged = _in_eight_bits(to, notes, samples)
    agreed = agreement.compare(Model(to).run, source.draw, judged)
    _check_agrees(agreed, source, judged[0])
    report = Report(
        kind=source.kind,
        path=to,
        metadata=_metadata(to),
        opset=onnxfile.opset(onnx.load(to, load_external_data=False)),
        agreement=agreed,
        memory=options.memory,
        notes=notes,
    )
    bound(to, report)
    sizes.try_all(to)
    report.metadata = _metadata(to)
    ours = Model(to)
    pairs = [(photo, ours.run(photo)) for photo in photos]
    _check_something_drawn([art for _, art in pairs])
    for style in ours.styles[1:]:
        _check_something_drawn([ours.run(photo, style) for photo in photos])
    contactsheet.save(contactsheet.sheet(pairs), options.preview)
    report.notes.append(f"to look at: {options.preview}")
    return report


def _checked(drawn: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    if not np.isfinite(drawn).all():
        raise RefusedError("a network that draws NaN or infinity: see --mean, --std and --fixed")
    return drawn


def _clipped(drawn: list[npt.NDArray[np.float32]]) -> list[str]:
    """How much of the network's output lies beyond black and white, where that is much."""
    shares = [((art < -1).mean(), (art > 256).mean()) for art in drawn]
    black, white = (float(np.mean(share)) for share in zip(*shares, strict=True))
    if max(black, white) < 0.001:
        return []
    return [f"outside --range and clipped: {black:.1%} below black, {white:.1%} above white"]


def _check_something_drawn(drawn: list[Pixels]) -> None:
    for level, name in ((0, "black"), (255, "white")):
        if all((art == level).all() for art in drawn):
            raise RefusedError(f"a model file that draws all {name}: see --range, --mean and --std")


def _check_agrees(agreed: Agreement, source: Source | OnnxSource, photo: Pixels) -> None:
    if agreed.mean <= FURTHEST:
        return
    once, again = (np.clip(source.draw(photo), 0, 255) for _ in range(2))
    if np.abs(once - again).mean() > FURTHEST / 2:
        raise RefusedError("a network that draws the same photo differently at each run")
    raise RefusedError(
        f"a model file that draws something else than its source, or a source that draws"
        f" differently at each run: {agreed}"
    )


def _read(path: Path, options: Options, samples: Path) -> Source | OnnxSource:
    """The network in `path`, by the route that its bytes ask for."""
    if options.factory is not None:
        return torchroutes.from_factory(path, options)
    with path.open("rb") as opened:
        head = opened.read(8)
    if onnxfile.is_onnx(path, head):
        return onnxfile.read(path, options)
    if path.suffix == ".safetensors":
        raise RefusedError("weights alone; name the network that they are for with --factory")
    if kind := archive.kind(path):
        return foreign.read(path, kind, options, samples)
    with torchfile.TorchFile(path) as file:
        value = file.value
    if isinstance(value, Object) and not value.called:
        if str(value.maker).startswith("fastai.learner."):
            return foreign.read(path, foreign.LEARNER, options, samples)
        if value.get("_modules") is not None:
            return foreign.read(path, foreign.MODULE, options, samples)
    return fastai1.read(path, options.inert)


def _export(source: Source, to: Path, metadata: dict[str, str], options: Options) -> None:
    multiple, fixed = smallest_multiple(source.module), options.fixed
    if multiple is None:
        fixed = fixed or source.size
        if fixed is None:
            raise RefusedError(
                "a network that takes photos of one size alone: name it with --fixed HxW"
                + failure(source.module, (128, 256))
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
            max_side=options.max_side or MAX_SIDE,
            fixed_size=fixed,
            low=source.low,
            high=source.high,
        )
    except Exception as error:  # torch's, onnx's and the engine's share no base class
        hint = "" if fixed else "; where photos of one size are enough, name it with --fixed HxW"
        raise RefusedError(
            f"a network that cannot be written as ONNX: {plain(error)}{hint}"
        ) from error


def _in_eight_bits(model: Path, notes: list[str], samples: Path) -> list[Pixels]:
    """Put an eight-bit model in the float one's place where it is faster.

    Returns the photos that it was not calibrated on.
    """
    photos = agreement.photos(samples, _fixed_size(model) or CALIBRATED_AT)
    if len(photos) < 2:
        raise RefusedError("--int8 needs two photos or more in --photos: one is left to judge by")
    size = photos[0].shape[:2]
    judged = photos[1::2]
    if int(_metadata(model)["max_side"]) >= max(LARGER) and not _fixed_size(model):
        (larger,) = agreement.photos(samples, LARGER, most=2)[1:]
        with suppress(RefusedError), agreement.refused(larger):  # too large for the memory
            Model(model).run(larger)
            judged.append(larger)
    with tempfile.TemporaryDirectory() as folder:
        small = Path(folder) / model.name
        done = quantise.quantise(model, small, photos[::2], judged)
        before, after = (cost(path, size, runs=3) for path in (model, small))
        gain = before.busy / after.busy
        if gain > 1:
            shutil.move(small, model)
    notes.append(
        f"in eight bits, {len(done.in_float)} layers put back into float: {gain:.1f} times as fast,"
        f" to the float model {done.agreement} (asked for: {quantise.SIMILAR})"
        + ("" if gain > 1 else "; left in float, since that is as fast")
    )
    return agreement.photos(samples, _fixed_size(model) or CHECKED_AT)[1::2]


def bound(model: Path, report: Report) -> None:
    """Lower `max_side` until a square photo of that side leaves room in the function's memory.

    A photo that is not drawn at all, for lack of memory or within minutes, is too large too. Raises
    `RefusedError` where not even a small one fits.
    """
    allowed = report.memory * ROOM
    fixed = _fixed_size(model)
    most = int(report.metadata["max_side"])
    first = fixed or (min(500, most),) * 2
    size = fixed or (most, most)
    small = last = report.costs[first] = cost(model, first)
    reason = ""
    while size != first:
        try:
            last = report.costs[size] = cost(model, size)
            break
        except RefusedError as error:
            reason = reason or str(error)
            size = max(first, (size[0] // 2,) * 2)
    reason = reason or f"a photo of {most}x{most} takes {last.peak_mb:.0f} MB"
    while last.peak_mb > allowed:
        per_pixel = (last.peak_mb - small.peak_mb) / max(1, size[0] ** 2 - first[0] ** 2)
        pixels = first[0] ** 2 + (allowed - small.peak_mb) / per_pixel if per_pixel > 0 else 0
        side = min(int(max(pixels, 0) ** 0.5), size[0] - 1) // 32 * 32
        if fixed or side < SMALLEST_SIDE or per_pixel <= 0:
            raise RefusedError(
                f"a network that takes {last.peak_mb:.0f} MB for a photo of {size[0]}x{size[1]},"
                f" where {allowed:.0f} of a function's {report.memory} are free for it: in eight"
                " bits (--int8) a network takes less, and a function may have more (--memory, and"
                " artline:memory with it)"
            )
        size = (side, side)
        last = report.costs[size] = cost(model, size)
    if size[0] < most and not fixed:
        report.notes.append(f"max_side is {size[0]}: {reason}")
        set_metadata(model, max_side=str(size[0]))
    if last.busy > TIMEOUT:
        report.notes.append(
            f"WARNING: a photo of {size[0]}x{size[1]} takes {last.busy:.0f} s of a core here, where"
            f" a request has {TIMEOUT}: lower --max-side, or try --int8"
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
