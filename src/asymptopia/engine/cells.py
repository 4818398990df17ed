"""The unit of work: one statement at one size, with a block of seeds."""

from __future__ import annotations

import dataclasses
import hashlib
import time
import traceback
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import groupby
from typing import Any

import numpy as np

from ..contract.batching import realize_block
from ..contract.law import Law, Statement
from ..contract.record import split
from .code import fingerprint


@dataclasses.dataclass(frozen=True)
class Cell:
    """The realisations of one law at one size with some seeds; a pure function of what is written here.

    statement: the law's `repr`. code: the fingerprint of what it stands for. law: the object itself.
    """

    statement: str
    size: int
    seeds: tuple[int, ...]
    code: str
    law: Law = dataclasses.field(compare=False, repr=False)

    @cached_property
    def key(self) -> str:
        """What the cells have in common that differ in their seeds only."""
        return hashlib.sha256(f"{self.statement}\n{self.size}\n{self.code}".encode()).hexdigest()[:20]

    @cached_property
    def name(self) -> str:
        """The hash that identifies the cell."""
        return hashlib.sha256(f"{self.key}\n{self.seeds}".encode()).hexdigest()[:20]

    @cached_property
    def shape(self) -> Any:
        """Cells of equal shape share one compiled program; None if nothing is compiled."""
        return None if self.law.gives_many() else (split(self.law)[0], self.size, len(self.seeds))

    def without(self, seeds: Iterable[int]) -> Cell | None:
        """The cell of the other seeds, if there are any."""
        there = set(seeds)
        left = tuple(s for s in self.seeds if s not in there)
        return dataclasses.replace(self, seeds=left) if left else None

    def __str__(self) -> str:
        return f"{self.law.short()}, {self.law.size} {self.size}, seeds {span(self.seeds)}"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    status: "done"; "nan" if some value is not a number (`error` says which, the values are kept); or "failed".
    values: the observables, seeds first.
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

    def __str__(self) -> str:
        return f"{self.statement}, size {self.size}, seeds {span(self.seeds)}: {self.error or self.status}"


def plan(
    statement: Statement,
    sizes: Sequence[int] | None = None,
    seeds: int | Sequence[int] | None = None,
    block: int | None = None,
) -> list[Cell]:
    """The cells of an experiment: every statement of the sweep, every size, and the seeds in blocks.

    A block holds the seeds from b * block to (b + 1) * block - 1 that are asked for, so that the partition depends
    neither on the workers nor, but for the last block, on how many seeds there are.
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
    """Part k of n (k = 0, ..., n - 1): every n-th cell, so that sizes are spread evenly."""
    return list(cells[k::n])


def compute(law: Law, size: int, seeds: Sequence[int]) -> dict[str, np.ndarray]:
    """The observables of these realisations, seeds first."""
    return realize_block(law, size, seeds)


def attempt(cell: Cell) -> Outcome:
    """The outcome of computing a cell in this process; exceptions are recorded, not raised."""
    return outcome(cell, *measured(cell.law, cell.size, cell.seeds))


def outcome(cell: Cell, status: str, values: dict[str, np.ndarray], error: str, trace: str, seconds: float) -> Outcome:
    """What became of this cell."""
    return Outcome(cell.key, cell.name, cell.statement, cell.size, cell.seeds, status, values, error, trace, seconds)


def measured(law: Law, size: int, seeds: Sequence[int]) -> tuple[str, dict[str, np.ndarray], str, str, float]:
    """Status, values, error, traceback and seconds of computing these realisations."""
    start = time.perf_counter()
    try:
        values = compute(law, size, seeds)
    except Exception as error:
        return "failed", {}, f"{type(error).__name__}: {error}", traceback.format_exc(), time.perf_counter() - start
    bad = {k: np.isnan(v).reshape(len(seeds), -1).any(axis=1) for k, v in values.items()}
    words = [f"{k} is nan for seeds {span(np.asarray(seeds)[b].tolist())}" for k, b in bad.items() if b.any()]
    return "nan" if words else "done", values, "; ".join(words), "", time.perf_counter() - start


def span(seeds: Sequence[int]) -> str:
    """Seeds in words: `0-63`, `3, 7, 8-10`."""
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs(seeds))


def runs(seeds: Sequence[int]) -> list[tuple[int, int]]:
    """Seeds as runs of consecutive ones, each with its first and last."""
    found = ([s for _, s in run] for _, run in groupby(enumerate(seeds), lambda pair: pair[1] - pair[0]))
    return [(run[0], run[-1]) for run in found]
