"""The unit of work: one statement at one size, with a block of seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import time
import traceback
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..contract.batching import known_as_python, realize_block
from ..contract.law import Law, Statement
from ..contract.record import split
from . import watch
from .code import fingerprint
from .errors import Stopped
from .files import printable
from .surroundings import put_back
from .syntax import LIBRARY, is_installed

HUGE = 1e150
"""Values beyond this, whose squares overflow, count as no number."""
LINE = 2000
"""The characters of a statement that a line on the screen or in a log holds."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """The realisations of one law at one size with some seeds: a pure function of these fields.

    statement: the law's `repr`. code: the fingerprint of the code behind it. law: the law itself.
    """

    statement: str
    size: int
    seeds: tuple[int, ...]
    code: str
    law: Law = dataclasses.field(compare=False, repr=False)

    @cached_property
    def key(self) -> str:
        """The key that is common to all cells that differ only in their seeds."""
        return hashlib.sha256(f"{self.statement}\n{self.size}\n{self.code}".encode()).hexdigest()[:20]

    @cached_property
    def name(self) -> str:
        """The hash that identifies the cell."""
        return name_of(self.key, self.seeds)

    @cached_property
    def shape(self) -> Any:
        """Cells of equal shape share one compiled program; None if nothing is compiled."""
        return None if known_as_python(self.law) else (split(self.law)[0], self.size, len(self.seeds))

    def without(self, seeds: Iterable[int]) -> Cell | None:
        """The cell without these seeds; None if no seed is left."""
        there = set(seeds)
        left = tuple(s for s in self.seeds if s not in there)
        return dataclasses.replace(self, seeds=left) if left else None

    def __str__(self) -> str:
        return f"{shortened(self.law.called(self.size), LINE)}, seeds {span(self.seeds)}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The result of computing a cell.

    status: "done"; "nan" if some value is not a number (`error` says which, the values are kept); or "failed".
    values: the observables, seeds first. code: the fingerprint of the code that made them.
    """

    key: str
    name: str
    statement: str
    size: int
    seeds: tuple[int, ...]
    status: str
    values: dict[str, np.ndarray]
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
    code: str = ""

    def __str__(self) -> str:
        words = self.error or self.status
        return f"{shortened(self.statement, LINE)}, size {self.size}, seeds {span(self.seeds)}: {words}"


def name_of(key: str, seeds: tuple[int, ...]) -> str:
    """The hash that identifies the cell of these seeds."""
    return hashlib.sha256(f"{key}\n{seeds}".encode()).hexdigest()[:20]


def plan(
    statement: Statement,
    sizes: Sequence[int] | None = None,
    seeds: int | Sequence[int] | None = None,
    block: int | None = None,
) -> list[Cell]:
    """The cells of an experiment: every statement of the sweep, every size, and the seeds in blocks.

    A block holds the seeds from b * block to (b + 1) * block - 1 that are asked for, so that the partition depends
    neither on the workers nor, but for the last block, on how many seeds there are.

    sizes, seeds: of the experiment; by default the law's. block: seeds in one cell; by default the law's.
    """
    sizes, seeds = statement.law.sizes_and_seeds(sizes, seeds)
    block = block or statement.law.block
    blocks = [tuple(b) for _, b in groupby(sorted(seeds), lambda s: s // block)]
    return [
        Cell(text, n, b, code, law)
        for law in statement.points()
        for text, code in [(repr(law), fingerprint(law))]
        for n in sizes
        for b in blocks
    ]


def shard(cells: Sequence[Cell], k: int, n: int) -> list[Cell]:
    """Part k of n (k = 0, ..., n - 1): every n-th cell from the k-th on, so that sizes are spread evenly.

    cells: all of a run, as `plan` orders them.
    """
    return list(cells[k::n])


def compute(law: Law, size: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The observables of these realisations, seeds first."""
    return realize_block(law, size, seeds)


def attempt(cell: Cell) -> Outcome:
    """Compute a cell in this process and return its outcome; exceptions are recorded in it, not raised."""
    with watch.watched(cell.name), put_back():
        return outcome(cell, *measured(cell.law, cell.size, cell.seeds))


def outcome(cell: Cell, status: str, values: dict[str, np.ndarray], error: str, trace: str, seconds: float) -> Outcome:
    """What became of this cell."""
    return Outcome(
        cell.key, cell.name, cell.statement, cell.size, cell.seeds, status, values, error, trace, seconds, cell.code
    )


def measured(law: Law, size: int, seeds: Sequence[int]) -> tuple[str, dict[str, np.ndarray], str, str, float]:
    """Status, values, error, traceback and seconds of computing these realisations; `sys.exit` is an error too."""
    start = time.perf_counter()
    try:
        values = compute(law, size, seeds)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and (isinstance(error, Stopped) or not watch.guarded()):
            raise  # the user's; under a guard a law's own is an error as any other
        told = printable(" ".join(_told(error).split()))
        lines = printable(traceback.format_exc(limit=-40)).splitlines()
        trace = shortened("\n".join(shortened(line, 400) for line in lines))
        return "failed", {}, f"{shortened(told, 500)}{_where(error)}", trace, time.perf_counter() - start
    bad = {k: unusable(v).reshape(len(seeds), -1).any(axis=1) for k, v in values.items()}
    words = [
        f"{k} is {_what(values[k])} for seeds {span(np.asarray(seeds)[b].tolist())}" for k, b in bad.items() if b.any()
    ]
    words += [why for why in (law.unstable(size),) if words and why]
    return "nan" if words else "done", values, "; ".join(words), "", time.perf_counter() - start


def _told(error: BaseException) -> str:
    """The kind of an error and its message, if it has one that can be told."""
    try:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    except Exception:  # whatever a law's own `__str__` raises
        return type(error).__name__


def unusable(values: np.ndarray) -> np.ndarray:
    """Where a value is not finite, or its square overflows."""
    return np.isnan(values) | (np.isfinite(values) & (np.abs(values) > HUGE))


def _what(values: np.ndarray) -> str:
    return "nan" if np.isnan(values).any() else f"beyond {HUGE:g}, too large for a mean,"


def _where(error: BaseException) -> str:
    """The line of the innermost frame that belongs to neither Python nor an installed package."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if not is_installed(Path(f.filename)) and not _is_machinery(f.filename)]
    return f" ({Path(ours[-1].filename).name}, line {ours[-1].lineno})" if ours else ""


def _is_machinery(file: str) -> bool:
    return (
        "<" in file or Path(file).is_relative_to(LIBRARY / "engine") or Path(file).is_relative_to(LIBRARY / "contract")
    )


def shortened(text: str, most: int = 8000) -> str:
    """A text with its middle left out if it is longer than `most` characters."""
    if len(text) <= most:
        return text
    half = most // 2
    return f"{text[:half]} [... {len(text) - 2 * half} characters ...] {text[-half:]}"


def span(seeds: Sequence[int]) -> str:
    """Seeds in words: `0-63`, `3, 7, 8-10`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs(seeds))


def runs(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Seeds as runs of consecutive ones, each with its first and last."""
    consecutive = ([s for _, s in run] for _, run in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0]))
    return [(run[0], run[-1]) for run in consecutive]
