"""A run over many photos: which are new, what became of each."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from ..client._client import Client, Via
from ..drawing.art import LineArt
from ..errors import ArtLineError, PhotoError, ProblemError, ServiceError
from ..options import RequestOptions
from .display import Display
from .parallel import outcomes
from .resume import Record

PHOTO = re.compile(r"[^.].*\.(avif|bmp|gif|heic|heif|jfif|jp2|jpe?g|mpo|png|tiff?|webp)", re.I)
DRAWING = re.compile(r"\d{14}(-\d+)?\.(jpg|png|webp)")


@dataclass
class Batch:
    """Draws photos and saves the line art in `output`; one line about each, failures on stderr."""

    client: Client
    output: Path
    via: Via
    options: RequestOptions
    full_size: bool
    display: Display
    failed: int = 0
    _keys: dict[str, Path] = field(default_factory=dict)

    def run(self, named: Iterable[Path], *, at_once: int) -> None:
        """Draws the photos that `named` files are or directories hold."""
        record = Record(self.output)
        try:
            model = self._model()
        except ServiceError as error:
            for photo in self._files(named):
                self._fail(photo, error)
            return
        photos = list(self._new(named, model, record))
        self.display.expect(len(photos))
        for key, outcome in outcomes(photos, self._draw, at_once=at_once):
            photo = self._keys[key]
            if isinstance(outcome, ArtLineError):
                self._fail(photo, outcome)
            elif isinstance(outcome, BaseException):
                raise outcome
            else:
                self._save(key, photo, *outcome, record)
            self.display.advance()
        if not self.failed:
            record.drop(self._keys)

    def _new(self, named: Iterable[Path], model: str, record: Record) -> Iterator[str]:
        """The keys of the photos that are still to be drawn."""
        options = f"{self.options}:{'full' if self.full_size else 'shrunk'}:{model}"
        for photo in self._files(named):
            try:
                with photo.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError as error:
                self._fail(photo, error)
                continue
            key = f"{digest}:{options}"
            if key in self._keys:
                self.display.say(f"{photo}: the same photo as {self._keys[key]}, drawn once")
                continue
            self._keys[key] = photo
            if picture := record.get(key):
                self.display.say(f"{photo}: saved before as {picture}")
            else:
                yield key

    def _files(self, named: Iterable[Path]) -> Iterator[Path]:
        for path in named:
            if not path.is_dir():
                yield path
                continue
            mine = path.resolve() == self.output.resolve()
            found = [
                file
                for file in sorted(path.iterdir())
                if PHOTO.fullmatch(file.name)
                # What earlier runs saved here is no photo.
                and not (mine and DRAWING.fullmatch(file.name))
            ]
            yield from found
            if not found:
                self._fail(path, PhotoError("the directory holds no photos"))

    def _model(self) -> str:
        """The model's name and version: another one's drawings are other drawings."""
        try:
            with self.display.line("service") as progress:
                return self.client.health(progress=progress).model
        except ProblemError as error:
            if error.status not in (404, 405):
                raise
            return "unknown"

    def _draw(self, key: str) -> tuple[LineArt, float]:
        photo = self._keys[key]
        start = perf_counter()
        with self.display.line(str(photo)) as progress:
            art = self.client.draw(
                photo,
                via=self.via,
                full_size=self.full_size,
                progress=progress,
                **self.options,
            )
        return art, perf_counter() - start

    def _save(self, key: str, photo: Path, art: LineArt, seconds: float, record: Record) -> None:
        try:
            picture = art.save(self.output)
            record.add(key, picture)
        except OSError as error:
            self._fail(photo, error)
            return
        self.display.say(f"{photo}: saved as {picture} in {seconds:.1f} s")

    def _fail(self, photo: Path, error: Exception) -> None:
        self.failed += 1
        said = error.strerror if isinstance(error, OSError) else str(error)
        self.display.say(f"{photo}: {said}", sys.stderr)
