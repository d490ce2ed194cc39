"""Progress on the terminal: a bar for the run, and below it a line for each photo under way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

if TYPE_CHECKING:
    from ..client import Progress as Show


class Bars:
    """What is under way: its state, its seconds."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            _State(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
            # Otherwise the lines for a file or a pipe would be drawn on the terminal.
            redirect_stdout=sys.stdout is not None and sys.stdout.isatty(),
        )
        self._run: TaskID | None = None

    def start(self) -> None:
        self._progress.start()

    def stop(self) -> None:
        self._progress.stop()

    def expect(self, photos: int) -> None:
        self._run = self._progress.add_task("all", total=photos, visible=photos > 1)

    def advance(self) -> None:
        if self._run is not None:
            self._progress.advance(self._run)

    @contextmanager
    def line(self, name: str) -> Iterator[Show]:
        task = self._progress.add_task(name, total=None, doing="")

        def show(doing: str, part: float | None) -> None:
            self._progress.update(task, doing=doing if part is None else f"{doing} {part:.0%}")

        try:
            yield show
        finally:
            self._progress.remove_task(task)


class _State(BarColumn):
    """A bar for the run, words for one photo."""

    def render(self, task: Task) -> RenderableType:  # type: ignore[override]
        return Text(task.fields["doing"]) if "doing" in task.fields else super().render(task)
