"""What a learner's file would import, call and carry, found out by reading it as data."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.conversion import archive, fastai1, fastai2names, foreign, pickles
from models.conversion.pickles import Global, Object, Persistent, RefusedError
from models.conversion.text import plain
from models.conversion.torchfile import TorchFile

SAFE = "nothing beyond what a fastai 1 learner or plain weights need"
UNSAFE = "NOT SAFE to unpickle"
UNKNOWN = "cannot say"

_LONGEST_ENTRY = 4 * 2**20  # bytes of a script's or a program's entry that are looked at
_MOST_READ = 512 * 2**20  # and of all of them together
_ZIP_ERRORS = (OSError, RuntimeError, ValueError, NotImplementedError, EOFError)
_CALLED = re.compile(r"\b(?:ops\.)?((?:torch|aten|prim|__torch__)[\w.:]*)\(")


@dataclass
class Inspection:
    """What a file holds. `calls` are made by unpickling it; `strange` is what no learner needs.

    `doubts` are the reasons for which nobody can vouch for the file by reading it.
    """

    format: str
    contents: str
    names: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    storages: int = 0
    doubts: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """`UNSAFE`, `UNKNOWN` or `SAFE`."""
        return UNSAFE if self.strange else UNKNOWN if self.doubts else SAFE

    def __str__(self) -> str:
        lines = [f"{self.format}: {self.contents}", f"{self.storages} tensors' storages", "names:"]
        for name in sorted(self.names):
            called = f", called {self.calls[name]} times" if self.calls[name] else ""
            lines.append(
                f"  {plain(name)}{called}" + "   <- no learner needs it" * (name in self.strange)
            )
        if self.strange:
            lines.append(f"{UNSAFE}: {', '.join(map(plain, self.strange))}")
        lines += [f"{UNKNOWN}: {doubt}" for doubt in self.doubts]
        return "\n".join(lines if self.strange or self.doubts else [*lines, SAFE])


def look(path: Path) -> Inspection:
    """Read `path` as torch would, symbolically: nothing in it is imported or run.

    Raises `RefusedError` where it cannot be read.
    """
    try:
        kind = archive.kind(path)
    except OSError as error:
        raise RefusedError(f"a file that cannot be opened: {error.strerror}") from error
    if kind == foreign.TORCHSCRIPT:
        return _script(path)
    if kind == foreign.PROGRAM:
        return _program(path)
    with TorchFile(path) as file:
        return _counted(file)


def _counted(file: TorchFile) -> Inspection:
    everything = list(file.found())
    made = Inspection(file.format, fastai1.describe(file.value))
    made.names = Counter(fastai1.full_name(item) for item in everything if _is_name(item))
    made.calls = Counter(
        fastai1.full_name(item.maker)
        for item in everything
        if isinstance(item, Object) and item.called and _is_name(item.maker)
    )
    walked = (item for reading in file.readings for item in pickles.walk(reading.value))
    made.storages = len({item.key[2] for item in walked if isinstance(item, Persistent)})
    if isinstance(file.value, Object) and str(file.value.maker).startswith("fastai.learner."):
        made.strange = sorted(fastai2names.strange(everything))
        made.doubts += _doubts_of_fastai_2(everything)
    else:
        made.strange = sorted(fastai1.strange(everything))
        if unknown := sorted(fastai1.unknown(everything)):
            listed = ", ".join(map(plain, unknown[:12]))
            made.doubts.append(f"code that is not in the file decides what these do: {listed}")
    if file.follows:
        made.doubts.append(f"{file.follows} bytes follow what torch reads")
    return made


def _is_name(item: Any) -> bool:
    return isinstance(item, Global)


def _doubts_of_fastai_2(everything: Iterable[Any]) -> Iterator[str]:
    carried = [
        item
        for item in everything
        if isinstance(item, Object) and str(item.maker) == "cloudpickle.cloudpickle._make_function"
    ]
    functions = ", ".join(sorted({_function(item) for item in carried})[:12])
    yield (
        "a fastai 2 learner runs code when it is read and used, and no list of names can vouch for"
        " that. "
        + (f"It carries functions of its author's: {functions}. " if carried else "")
        + "Where nothing is marked above, its names are those that fastai itself writes. `convert"
        " --trust` reads it in a sandbox: no network, and nothing of yours but this project and the"
        " photos, read-only"
    )


def _function(made: Object) -> str:
    """A function that cloudpickle carries as code: its name, and the names that it uses."""
    code = made.args[0] if made.args else None
    parts = code.args if isinstance(code, Object) else ()
    texts = [part for part in parts if isinstance(part, str)]
    used = [part for part in parts if isinstance(part, tuple)]
    names = [name for part in used[:2] for name in part if isinstance(name, str)]
    title = plain(texts[-1] if texts else "?", 60)
    return f"{title} ({', '.join(plain(name, 40) for name in names[:8])})"


def _entries(path: Path) -> Iterator[tuple[str, bytes]]:
    """The entries of a small archive's, or the first bytes of those that are large."""
    left = _MOST_READ
    with path.open("rb") as opened:
        whole = archive.opened(opened)
        for info in whole.infolist():
            try:
                with whole.open(info) as entry:  # what is packed unpacks to any size: read in part
                    data = entry.read(min(info.file_size, _LONGEST_ENTRY, left))
            except (zipfile.BadZipFile, zlib.error, *_ZIP_ERRORS) as error:
                what = f"{plain(info.filename)} cannot be read: {plain(error)}"
                raise RefusedError(what) from error
            left -= len(data)
            if left <= 0:
                raise RefusedError(f"an archive of more than {_MOST_READ} bytes to look at")
            yield info.filename, data


def _script(path: Path) -> Inspection:
    """The operators that a TorchScript archive's code calls."""
    made = Inspection("TorchScript", "a scripted or traced module")
    for name, data in _entries(path):
        if name.endswith(".py"):
            text = data.decode("utf-8", "replace")
            made.calls.update(_CALLED.findall(text))
        made.storages += "/data/" in name or "/constants/" in name
    made.names = Counter(made.calls.keys())
    files = sorted(name for name in made.calls if name.endswith((".save", ".from_file")))
    made.strange = files
    made.doubts.append(
        "a script runs when it is used, and may loop or write files. `convert --trust` runs it in a"
        " sandbox: no network, and nothing of yours but this project and the photos, read-only"
    )
    return made


def _program(path: Path) -> Inspection:
    """The pickles inside a torch.export archive."""
    made = Inspection("torch.export", "a program")
    for name, data in _entries(path):
        made.storages += "/weights/" in name or "/constants/" in name
        if data[:4] == archive.MAGIC or data[:1] == b"\x80":
            inner = _inner(name, data)
            made.names += inner.names
            made.calls += inner.calls
            made.strange = sorted({*made.strange, *inner.strange})
    made.doubts.append(
        "torch evaluates parts of such a file as Python when it reads it. `convert --trust` reads"
        " it in a sandbox: no network, and nothing of yours but this project and the photos,"
        " read-only"
    )
    return made


def _inner(name: str, data: bytes) -> Inspection:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".pt") as copy:
        copy.write(data)
        copy.flush()
        try:
            with TorchFile(Path(copy.name)) as file:
                return _counted(file)
        except RefusedError as reason:
            raise RefusedError(f"its {plain(name)} is {reason}") from reason
