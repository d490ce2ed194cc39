"""What an unfinished run has saved already, so that the next one goes on from there."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Final

NAME: Final = ".artline-unfinished.jsonl"


class Record:
    """A file beside the pictures: one line for each that is saved, and gone once all are.

    A line says what was drawn, by a `key` that follows from the photo's content and the options,
    and the picture's name. A picture that was deleted since counts as not drawn.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._names = _load(self._path)

    def get(self, key: str) -> Path | None:
        """Where the picture of `key` was saved, if it still is."""
        name = self._names.get(key)
        path = self._path.with_name(name) if name else None
        return path if path and path.exists() else None

    def add(self, key: str, picture: Path) -> None:
        self._names[key] = picture.name
        with self._path.open("a", encoding="utf-8") as file:
            file.write(_line(key, picture.name))

    def drop(self, keys: Collection[str]) -> None:
        """Forgets a run that is finished: the same photos again are a new run."""
        self._names = {k: name for k, name in self._names.items() if k not in keys}
        if self._names:
            part = self._path.with_suffix(".part")
            part.write_text("".join(map(_line, self._names, self._names.values())), "utf-8")
            part.replace(self._path)
        else:
            self._path.unlink(missing_ok=True)


def _line(key: str, name: str) -> str:
    return json.dumps({"key": key, "file": name}) + "\n"


def _load(path: Path) -> dict[str, str]:
    names = {}
    lines = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
    for line in lines:
        try:
            entry = json.loads(line)
            names[str(entry["key"])] = Path(entry["file"]).name
        except (ValueError, TypeError, KeyError):
            continue  # the line that a power cut left half written
    return names
