"""What an unfinished run has saved already, so that the next one goes on from there."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import SaveError

NAME: Final = ".artline-unfinished.jsonl"


class Record:
    """A file beside the line art: one line for each that is saved, and gone once all are.

    A line says what was drawn, by a `key` that follows from the photo's content and the options,
    and the line art's name. Line art that was deleted since counts as not drawn. Several runs can
    share the directory: each adds its own lines, and takes away no others.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._names = _load(self._path)

    def get(self, key: str) -> Path | None:
        """Where the line art of `key` was saved, if it still is."""
        name = self._names.get(key)
        path = self._path.with_name(name) if name else None
        return path if path and path.exists() else None

    def add(self, key: str, art: Path) -> None:
        self._names[key] = art.name
        with self._locked(), self._path.open("a+b") as file:
            if file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n":
                file.write(b"\n")  # behind the line that a power cut left half written
            file.write(_line(key, art.name).encode())

    def drop(self, keys: Collection[str]) -> None:
        """Forgets a run that is finished: the same photos again are a new run."""
        with self._locked():
            self._names = {k: name for k, name in _load(self._path).items() if k not in keys}
            if self._names:
                part = self._path.with_suffix(".part")
                part.write_text("".join(map(_line, self._names, self._names.values())), "utf-8")
                part.replace(self._path)
            else:
                self._path.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keeps other runs from the record. Raises `SaveError` where it cannot be written."""
        try:
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                with suppress(OSError):  # where the file system has no locks
                    fcntl.flock(directory, fcntl.LOCK_EX)
                yield
            finally:
                os.close(directory)
        except OSError as error:
            raise SaveError(f"{self._path} cannot be written: {error.strerror}") from error


def _line(key: str, name: str) -> str:
    return json.dumps({"key": key, "file": name}) + "\n"


def _load(path: Path) -> dict[str, str]:
    names = {}
    try:
        lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    except OSError as error:
        raise SaveError(f"{path} cannot be read: {error.strerror}") from error
    for line in lines:
        try:
            entry = json.loads(line)
            names[str(entry["key"])] = Path(entry["file"]).name
        except (ValueError, TypeError, KeyError):
            continue  # a line that was left half written
    return names
