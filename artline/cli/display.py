"""Progress on the terminal, and none where there is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from ..client import _wire as wire


class Display:
    """A bar for the run, and below it a line for each photo under way: its state, its seconds."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            _State(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            # Otherwise the lines for a file or a pipe would be drawn on the terminal.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._run: TaskID | None = None

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, line: str, to: TextIO | None = None) -> None:
        """Writes a line, to stdout unless told, above whatever is shown."""
        file = to or sys.stdout
        file.write(f"{line}\n")
        file.flush()

    def expect(self, photos: int) -> None:
        """Says how many photos there are."""
        self._run = self._progress.add_task("all", total=photos, visible=photos > 1)

    def advance(self) -> None:
        """Says that one of them is done."""
        if self._run is not None:
            self._progress.advance(self._run)

    @contextmanager
    def line(self, name: str) -> Iterator[wire.Progress]:
        """A line that begins with `name`, while it lasts; what is yielded sets the rest."""
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
