"""A run over many photos: which are new, what became of each."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from ..drawing.art import LineArt, names_a_file
from ..errors import ArtLineError, SaveError, ServiceError
from ..options import MEDIA_TYPES
from ._arguments import Arguments
from ._artists import Artist
from ._display import Display, complain, writing
from ._files import Names, Photo, find
from ._parallel import outcomes
from ._resume import Record


@dataclass(frozen=True, slots=True)
class Todo:
    """A photo that is to be drawn. `key` follows from what is drawn, how, and `target`."""

    photo: Photo
    data: bytes
    key: str
    target: Path | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A photo that is not to be drawn again, and why."""

    photo: Photo
    why: str
    file: Path | None = None
    same: str | None = None
    """The key of the photo that this is a copy of."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A photo that could not be drawn, read or saved."""

    photo: Photo
    error: ArtLineError
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """A photo's line art, after so many seconds."""

    todo: Todo
    art: LineArt
    seconds: float


@dataclass
class Batch:
    """Draws photos and saves the line art; one line about each, failures on stderr."""

    artist: Artist
    arguments: Arguments
    display: Display
    drawn: int = 0
    skipped: int = 0
    failed: int = 0
    _forgetful: bool = False
    """Whether the record could not be written."""
    _keys: dict[str, Photo] = field(default_factory=dict)
    _errors: dict[str | None, ArtLineError] = field(default_factory=dict)
    """Of the photos that could not be drawn, by key."""

    def run(self) -> None:
        """Draws the photos that the named files are or the named directories hold."""
        start = perf_counter()
        photos = list(
            find(
                self.arguments.photos,
                self._directory,
                recursive=self.arguments.recursive,
                failed=self._fail,
            )
        )
        record = Record(self._directory) if self._resumes else None
        try:
            with self.display.line("model") as progress:
                model = self.artist.model(progress)
        except ServiceError as error:
            for photo in photos:
                self._fail(str(photo), error)
            return
        self.display.expect(len(photos))
        todo = self._todo(photos, model, record)
        copies: list[Skipped] = []
        at_once = min(self.arguments.at_once or self.artist.at_once, max(1, len(photos)))
        for outcome in outcomes(todo, self._draw, at_once=at_once):
            if isinstance(outcome, BaseException):
                raise outcome
            if isinstance(outcome, Skipped) and outcome.same:
                copies.append(outcome)  # what becomes of it is known once all are drawn
                continue
            self._tell(outcome, record)
            self.display.advance()
        for copy in copies:
            reason = self._errors.get(copy.same)
            self._tell(Failed(copy.photo, reason) if reason else copy, record)
            self.display.advance()
        if record and not self.failed:
            with suppress(SaveError):  # what cannot be written now could not before
                record.drop(self._keys)
        if len(photos) > 1:
            self.display.say(self._summary(perf_counter() - start))

    @property
    def _directory(self) -> Path:
        output = Path(self.arguments.output)
        return output.parent if names_a_file(output) else output

    @property
    def _resumes(self) -> bool:
        """Whether a record says what is drawn already. A file that is named so needs none."""
        output = self.arguments.output
        to_one_file = self.arguments.to_stdout or names_a_file(Path(output))
        return not to_one_file and self.arguments.name == "time"

    def _todo(
        self, photos: list[Photo], model: str, record: Record | None
    ) -> Iterator[Todo | Skipped | Failed]:
        """What is to be done about each photo, which is read here, one after another."""
        size = "full" if self.arguments.full_size else "shrunk"
        options = f"{self.arguments.options}:{size}:{model}"
        if self.arguments.strokes:
            options += f":strokes:{self.arguments.width}:{self.arguments.blacks}"
        by_photo = self.arguments.name == "photo" and not self.arguments.to_stdout
        format_ = self.arguments.options.get("format", "jpeg")
        names = Names(photos, self._directory, MEDIA_TYPES[format_]) if by_photo else None
        for photo in photos:
            yield self._decide(photo, options, names, record)

    def _decide(
        self, photo: Photo, options: str, names: Names | None, record: Record | None
    ) -> Todo | Skipped | Failed:
        """What is to be done about a photo. It is read, unless its name says enough."""
        try:
            target = names.of(photo) if names else None
            if target and _exists(target):
                return Skipped(photo, f"drawn already as {target}", target)
            data = photo.read()
            sha256 = hashlib.sha256(data).hexdigest()
            target = names.of(photo, sha256) if names else None
            if target and _exists(target):
                return Skipped(photo, f"drawn already as {target}", target)
        except ArtLineError as error:
            return Failed(photo, error)
        key = f"{target}:{sha256}:{options}" if target else f"{sha256}:{options}"
        if key in self._keys:
            return Skipped(photo, f"the same photo as {self._keys[key]}, drawn once", same=key)
        self._keys[key] = photo
        if record and (art := record.get(key)):
            return Skipped(photo, f"saved before as {art}", art)
        return Todo(photo, data, key, target)

    def _draw(self, todo: Todo | Skipped | Failed) -> Drawn | Skipped | Failed:
        if not isinstance(todo, Todo):
            return todo
        start = perf_counter()
        try:
            with self.display.line(str(todo.photo)) as progress:
                art = self.artist.draw(todo.data, progress)
        except ArtLineError as error:
            return Failed(todo.photo, error, todo.key)
        return Drawn(todo, art, perf_counter() - start)

    def _tell(self, outcome: Drawn | Skipped | Failed, record: Record | None) -> None:
        if isinstance(outcome, Failed):
            self._errors[outcome.key] = outcome.error
            self._fail(str(outcome.photo), outcome.error)
        elif isinstance(outcome, Skipped):
            self.skipped += 1
            self.display.say(
                f"{outcome.photo}: {outcome.why}",
                photo=str(outcome.photo),
                status="skipped",
                detail=outcome.why,
                file=outcome.file and str(outcome.file),
            )
        elif self.arguments.to_stdout:
            with writing():
                sys.stdout.buffer.write(outcome.art.data)
                sys.stdout.buffer.flush()
            self.drawn += 1
        else:
            self._save(outcome, record)

    def _save(self, outcome: Drawn, record: Record | None) -> None:
        todo, art = outcome.todo, outcome.art
        try:
            file = art.save(todo.target or self.arguments.output)
        except SaveError as error:
            self._tell(Failed(todo.photo, error, todo.key), record)
            return
        if record:
            self._remember(record, todo.key, file)
        self.drawn += 1
        self.display.say(
            f"{todo.photo}: saved as {file} in {outcome.seconds:.1f} s",
            photo=str(todo.photo),
            status="drawn",
            file=str(file),
            seconds=round(outcome.seconds, 3),
            model=art.model,
            timings=dict(art.timings),
        )

    def _remember(self, record: Record, key: str, file: Path) -> None:
        """The line art is saved: that the next run will not know of it fails no photo."""
        try:
            record.add(key, file)
        except SaveError as error:
            if not self._forgetful:
                complain(f"artline: the same command again may draw some anew: {error}")
            self._forgetful = True

    def _fail(self, photo: str, error: Exception) -> None:
        self.failed += 1
        self.display.fail(photo, error)

    def _summary(self, seconds: float) -> str:
        counts = {"drawn": self.drawn, "skipped": self.skipped, "failed": self.failed}
        told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
        return f"Photos: {told}, in {seconds:.1f} s."


def _exists(path: Path) -> bool:
    """Whether the file is there. Raises `SaveError` where it cannot be."""
    try:
        if path.is_dir():
            raise SaveError(f"{path} cannot be written: it is a directory")
        return path.exists()
    except OSError as error:  # a name that is too long
        raise SaveError(f"{path} cannot be written: {error.strerror}") from error
