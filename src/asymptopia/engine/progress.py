"""The progress of a run: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import time
from typing import Any, Protocol, TextIO

from .cells import Cell


class Progress(Protocol):
    """Told what is going to run, each finished cell, and the end."""

    def start(self, total: int, done: int, workers: str, folder: str | None, compilations: int) -> None:
        """The run starts: `done` of `total` cells exist already; the rest needs this many compilations.

        It may be called again with a larger total.
        """

    def update(self, cell: Cell, newest: str) -> None:
        """A cell is finished; `newest` is its result in a few words."""

    def message(self, text: str) -> None:
        """Something the user should know."""

    def stop(self) -> None:
        """The run is over, or was stopped."""


class Quiet:
    """Shows nothing."""

    def start(self, total: int, done: int, workers: str, folder: str | None, compilations: int) -> None:
        pass

    def update(self, cell: Cell, newest: str) -> None:
        pass

    def message(self, text: str) -> None:
        pass

    def stop(self) -> None:
        pass


class Plain:
    """A line at the start, then one every few seconds."""

    def __init__(self, stream: TextIO, every: float = 5.0) -> None:
        self._stream, self._every = stream, every
        self._total = self._done = 0
        self._last = time.monotonic()

    def start(self, total: int, done: int, workers: str, folder: str | None, compilations: int) -> None:
        self._total, self._done, self._last = total, done, time.monotonic()
        self.message(announcement(total, done, workers, folder, compilations))

    def update(self, cell: Cell, newest: str) -> None:
        self._done += 1
        if self._done == self._total or time.monotonic() - self._last > self._every:
            self._last = time.monotonic()
            self.message(f"{self._done}/{self._total}  {cell}: {newest}")

    def message(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def stop(self) -> None:
        pass


class Bar:
    """A progress bar with what was finished last and its newest value."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Display

        self._console = Console(file=stream)
        columns = (
            BarColumn(24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}", markup=False),
        )
        self._display = Display(*columns, console=self._console, transient=True)
        self._task: Any = None

    def start(self, total: int, done: int, workers: str, folder: str | None, compilations: int) -> None:
        self.message(announcement(total, done, workers, folder, compilations))
        if self._task is None:
            self._task = self._display.add_task("", total=total, completed=done)
            self._display.start()
        self._display.update(self._task, total=total, completed=done)

    def update(self, cell: Cell, newest: str) -> None:
        self._display.update(self._task, advance=1, description=f"{cell}: {newest}")

    def message(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        self._display.stop()


def progress_on(stream: TextIO) -> Progress:
    """A bar if the stream is a terminal, else plain lines: bars do not belong into pipes and logs."""
    return Bar(stream) if stream.isatty() else Plain(stream)


def announcement(total: int, done: int, workers: str, folder: str | None, compilations: int) -> str:
    """What is going to run, in a line."""
    parts = [f"{total} cells", f"{done} done already"]
    if done < total:
        parts += [workers, f"{compilations} compilation{'s' * (compilations != 1)}"]
    return ", ".join(parts) + (f" in {folder}" if folder else "")
