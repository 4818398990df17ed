"""A ladder: runs of different sizes and what each reached, read from a table."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from ..tables import Reading, numbers_in, read_table

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 4


@dataclasses.dataclass(frozen=True)
class Ladder:
    """Sizes x (n, v) of n runs, in the order of what they cost, and what they reached, y (n,).

    names: of the v sizes and of what was reached.
    notes: what was left out, in sentences.
    """

    x: np.ndarray
    y: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @functools.cached_property
    def rounding(self) -> float:
        """The step of the last digit that the results are given with."""
        for digits in range(17):
            if np.allclose(np.round(self.y, digits), self.y, rtol=1e-15, atol=0):
                return float(max(10.0**-digits, 1e-12 * self.y.min()))
        return float(1e-12 * self.y.min())

    @property
    def rungs(self) -> int:
        """How many different sizes there are."""
        return len(np.unique(self.x, axis=0))

    @property
    def largest(self) -> np.ndarray:
        """The largest of each size (v,)."""
        return np.asarray(self.x.max(axis=0))

    def logs(self, x: np.ndarray) -> np.ndarray:
        """Logarithms of sizes (M, v) relative to the largest."""
        return np.log(x / self.largest)

    def without_largest(self, rungs: int) -> tuple[Ladder, Ladder]:
        """The ladder without its largest rungs, and those."""
        order = np.log(self.x).sum(axis=1)
        cut = np.unique(order)[-rungs]
        below = order < cut
        kept, left = (dataclasses.replace(self, x=self.x[k], y=self.y[k]) for k in (below, ~below))
        return kept, left


def read_ladders(
    table: str | Path | pd.DataFrame,
    x: Sequence[str],
    y: str,
    by: str | None,
    run: str | None,
    encoding: str = "",
) -> dict[str, Ladder]:
    """The ladders in a table, by the value of the column `by`; one, called "", without it.

    run: a column that names the run a row belongs to; of each run the row of largest x counts, and rows before it, the
         early points of its curve, do not.
    """
    reading = _reading(table, encoding)
    numbers = numbers_in(reading, [*x, y])
    for name in (by, run):
        if name is not None and name not in map(str, reading.table.columns):
            known = ", ".join(map(str, reading.table.columns))
            raise StatementError(f"The file {reading.name} has no column {name!r}. Known: {known}.")
    sizes, reached, notes = np.column_stack([numbers[k] for k in x]), numbers[y], list(reading.notes)
    keep = np.isfinite(sizes).all(axis=1) & np.isfinite(reached)
    if not keep.all():
        notes.append(f"{int((~keep).sum())} of {len(keep)} rows have missing values and are left out.")
    _check_signs(reading.name, x, y, sizes[keep], reached[keep])
    if run is not None:
        last = _last_of_runs(reading.table[run].astype(str).to_numpy(), sizes, keep)
        notes.append(f"Of each {run} the last row counts: {int(last.sum())} of {int(keep.sum())} rows.")
        keep = last
    groups = np.full(len(keep), "") if by is None else reading.table[by].astype(str).to_numpy()
    ladders = {}
    for group in dict.fromkeys(groups[keep]):
        rows = keep & (groups == group)
        order = np.argsort(np.log(sizes[rows]).sum(axis=1), kind="stable")
        ladders[group] = Ladder(sizes[rows][order], reached[rows][order], (*x, y), tuple(notes))
        _check_rungs(ladders[group], reading.name, group and f" with {by} = {group}")
    return ladders


def _reading(table: str | Path | pd.DataFrame, encoding: str) -> Reading:
    if isinstance(table, (str, Path)):
        return read_table(table, encoding=encoding)
    import pandas as pd

    return Reading(pd.DataFrame(table), "given")


def _check_signs(name: str, x: Sequence[str], y: str, sizes: np.ndarray, reached: np.ndarray) -> None:
    low = [k for k, least in zip(x, sizes.min(axis=0, initial=np.inf), strict=True) if least <= 0]
    if low or reached.min(initial=np.inf) <= 0:
        wrong = ", ".join([*low, *([y] if reached.min() <= 0 else [])])
        raise StatementError(
            f"The file {name} has values in {wrong} that are not > 0, as laws of scale need; leave those rows out."
        )


def _check_rungs(ladder: Ladder, name: str, which: str) -> None:
    if ladder.rungs < FEWEST:
        raise StatementError(
            f"The file {name} has runs{which} of {ladder.rungs} different sizes; at least {FEWEST} are needed."
        )
    size = np.log(ladder.x).sum(axis=1)
    slope = np.polyfit(size - size.mean(), np.log(ladder.y), 1)[0]
    if slope > 0:
        raise StatementError(
            f"In the file {name} {ladder.names[-1]} grows with size{which}, and laws of scale fall: give an error or a "
            f"loss, as 1 - accuracy."
        )


def _last_of_runs(runs: np.ndarray, sizes: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Which rows are the last of their run: of largest x."""
    size, last = np.log(np.where(keep[:, None], sizes, math.nan)).sum(axis=1), np.zeros(len(runs), bool)
    for name in dict.fromkeys(runs[keep]):
        rows = np.flatnonzero((runs == name) & keep)
        last[rows[np.argmax(size[rows])]] = True
    return last
