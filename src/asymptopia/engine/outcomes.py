"""The outcomes known so far: which cells are missing, and the labelled dataset of the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..contract.law import Law, Statement, label
from ..contract.record import StatementError
from .cells import Cell, Outcome, plan, unusable

if TYPE_CHECKING:
    import xarray as xr

_RANK = {"failed": 0, "nan": 1, "done": 2}


class Outcomes:
    """Outcomes by cell; of several for one cell the best counts, of equally good ones the last."""

    def __init__(self, outcomes: Iterable[Outcome] = ()) -> None:
        self._by_key: dict[str, dict[str, Outcome]] = {}
        self._codes: dict[tuple[str, int], dict[str, None]] = {}
        for outcome in outcomes:
            self.add(outcome)

    def add(self, outcome: Outcome) -> None:
        """Take an outcome in."""
        self._codes.setdefault((outcome.statement, outcome.size), {})[outcome.code] = None
        cells = self._by_key.setdefault(outcome.key, {})
        old = cells.get(outcome.name)
        if old is None or _RANK[outcome.status] >= _RANK[old.status]:
            cells[outcome.name] = outcome

    def missing(self, cells: Iterable[Cell], retry_failed: bool = False) -> list[Cell]:
        """The cells still to be computed, without the seeds that have an outcome.

        Cells that failed or have nan count as computed, unless they are to be retried.
        """
        left = []
        for cell in cells:
            known = [o for o in self._by_key.get(cell.key, {}).values() if _fits(o, cell.law)]
            there = [o.seeds for o in known if o.status == "done" or not retry_failed]
            if not there:
                left.append(cell)
            elif (rest := cell.without(s for seeds in there for s in seeds)) is not None:
                left.append(rest)
        return left

    def other_codes(self, cell: Cell) -> list[str]:
        """The fingerprints of other code that made outcomes of this statement and size; "" for an unknown one."""
        return [code for code in self._codes.get((cell.statement, cell.size), {}) if code != cell.code]

    def codes(self, statement: str, size: int) -> list[str]:
        """The fingerprints of the code that made outcomes of a statement at a size, in order."""
        return list(self._codes.get((statement, size), {}))

    def concerning(self, cells: Iterable[Cell]) -> list[Outcome]:
        """The outcomes that belong to these cells, worst first, then by their seeds."""
        keys = {cell.key: None for cell in cells}
        return sorted(
            (o for k in keys for o in self._by_key.get(k, {}).values()), key=lambda o: (_RANK[o.status], o.seeds)
        )

    def counts(self) -> dict[str, int]:
        """How many cells are done, contain nan, and failed."""
        states = [o.status for cells in self._by_key.values() for o in cells.values()]
        return {state: states.count(state) for state in ("done", "nan", "failed")}

    def dataset(
        self, statement: Statement, sizes: Sequence[int] | None = None, seeds: int | Sequence[int] | None = None
    ) -> xr.Dataset:
        """The dataset of `statement.experiment(sizes, seeds)` from the known outcomes; missing and failed ones are nan.

        Cells that failed, or contain nan, are described in the attribute `failures`, a line each.
        """
        sizes, seeds = statement.law.sizes_and_seeds(sizes, seeds)
        cells = plan(statement, sizes, seeds, block=max(seeds) + 1)
        fitting = [o for o in self.concerning(cells) if _fits(o, statement.law)]
        shapes = {name: _shape(statement.law, name, fitting) for name in statement.law.observed()}
        points = len(statement.points())
        values = {k: np.full((points, len(sizes), len(seeds), *shape), np.nan) for k, shape in shapes.items()}
        failures = []
        column = {s: j for j, s in enumerate(seeds)}
        for i, cell in enumerate(cells):
            place = divmod(i, len(sizes))
            whole: set[int] = set()
            known = [o for o in self.concerning([cell]) if _fits(o, cell.law)]
            for outcome in known:
                rows = [r for r, s in enumerate(outcome.seeds) if s in column]
                columns = [column[outcome.seeds[r]] for r in rows]
                for name, array in outcome.values.items():
                    values[name][(*place, columns)] = np.where(unusable(array[rows]), np.nan, array[rows])
                if outcome.status == "done":
                    whole.update(outcome.seeds)
            failures += [o for o in known if o.status != "done" and column.keys() & set(o.seeds) - whole]
        data = label(statement, values, size=np.asarray(sizes), seed=np.asarray(seeds))
        return data.assign_attrs(failures="\n".join(map(str, failures))) if failures else data


def _fits(outcome: Outcome, law: Law) -> bool:
    """Whether an outcome has the observables that the law has, and no other; one that failed has none."""
    return outcome.status == "failed" or set(outcome.values) == set(law.observed())


def _shape(law: Law, name: str, outcomes: Sequence[Outcome]) -> tuple[int, ...]:
    shapes = {o.values[name].shape[1:] for o in outcomes if name in o.values}
    if len(shapes) > 1:
        raise StatementError(
            f"{name!r} of {type(law).__name__} has a different shape at different points or sizes: {sorted(shapes)}."
        )
    coords = law.coords()
    return shapes.pop() if shapes else tuple(len(np.atleast_1d(coords.get(d, ()))) for d in law.observables[name].dims)
