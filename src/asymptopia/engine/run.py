"""From statements to experiments: plan the cells, compute those that are missing, label them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from .adaptive import Adaptive
from .cells import Cell, Outcome
from .cells import shard as part
from .cluster import check_scheduler
from .code import behind, changes
from .entry import Entry
from .errors import Interrupted
from .execute import compilations, execute
from .outcomes import Outcomes
from .progress import Progress, Quiet
from .results import Results

if TYPE_CHECKING:
    import xarray as xr

UNKNOWN = "which is not known any more, as that of cells made before version 0.3"

MOST_SHOWN = 3
"""Tracebacks of failed cells that are shown; the log and the report have all."""


def run(
    entries: Sequence[Entry],
    *,
    out: Results | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    retry_failed: bool = False,
    progress: Progress | None = None,
    shard: tuple[int, int] | None = None,
) -> list[xr.Dataset]:
    """Run the experiments of the entries and return their datasets, as `Statement.experiment` labels them.

    Failed cells are nan in the dataset; its attribute `failures` has a line for each, and is absent if there are none.

    out:       the results folder, where each finished cell is stored at once. Cells that it has are not computed again;
               failed ones are with `retry_failed`.
    jobs:      number of local threads; linear algebra uses one thread in each.
    scheduler: a Dask cluster instead of threads: its address, `local:2` for two processes on this machine, `slurm` or
               `pbs` for `jobs` workers in the queue. Results depend neither on it nor on `jobs`.
    progress:  told of each cell that is finished; by default nothing is shown.
    shard:     (k, n) computes only every n-th cell from the k-th on, k = 0, ..., n - 1.

    Raises `Interrupted` after Ctrl-C, `EngineError` if the run cannot go on; all finished cells are stored then.
    """
    if jobs < 1:
        raise StatementError(f"`jobs` must be at least 1, but is {jobs}.")
    if shard is not None and not 0 <= shard[0] < shard[1]:
        raise StatementError(f"A shard k/n has 0 <= k < n, but is {shard[0]}/{shard[1]}.")
    if scheduler is not None:
        check_scheduler(scheduler)
    for entry in entries:
        entry.statement.admit()
    where = f"Dask at {scheduler}" if scheduler else f"{jobs} threads" if jobs > 1 else "this process"
    task = _Run(out, jobs, scheduler, retry_failed, progress or Quiet(), shard, where)
    try:
        return task.experiments(list(entries))
    finally:
        task.progress.stop()
        if out is not None:
            out.close(str(task))


@dataclasses.dataclass
class _Run:
    out: Results | None
    jobs: int
    scheduler: str | None
    retry_failed: bool
    progress: Progress
    shard: tuple[int, int] | None
    where: str
    tried: set[str] = dataclasses.field(default_factory=set)
    computed: int = 0
    failed: int = 0
    shown: set[str] = dataclasses.field(default_factory=set)

    def __post_init__(self) -> None:
        self.outcomes = Outcomes() if self.out is None else self.out.outcomes
        if self.out is not None:
            self.out.workers = self.where

    def __str__(self) -> str:
        return f"{self.computed} cells computed by {self.where}, {self.failed} of them failed or with nan"

    def experiments(self, entries: list[Entry]) -> list[xr.Dataset]:
        """Compute what all entries need; then, where seeds are adaptive, go on until they suffice."""
        seeds = {i: e.seeds.min for i, e in enumerate(entries) if isinstance(e.seeds, Adaptive)}
        limits = {i: entries[i].limit for i in seeds}
        while True:
            self.compute([c for i, e in enumerate(entries) for c in e.cells(seeds.get(i))])
            data = [self.outcomes.dataset(e.statement, e.sizes, e.fixed(seeds.get(i))) for i, e in enumerate(entries)]
            more = dict(seeds)
            for i in seeds:
                known = limits[i]
                limit = limits[i] = entries[i].statement.limit() if known is None else known
                more[i] = entries[i].seeds.more(entries[i].statement, limit, data[i])  # type: ignore[union-attr]
            if more == seeds or self.shard is not None:
                return data
            seeds = more

    def compute(self, cells: list[Cell]) -> None:
        """Compute the cells that are missing."""
        cells = part(cells, *self.shard) if self.shard else cells
        missing = self.outcomes.missing(cells, self.retry_failed)
        missing = [c for c in dict.fromkeys(missing) if c.name not in self.tried]
        total, before = len(cells), self.computed
        folder = str(self.out.shown) if self.out else None
        self.explain(missing)
        self.progress.start(total, total - len(missing), self.where, folder, compilations(missing))
        try:
            execute(
                missing, jobs=self.jobs, scheduler=self.scheduler, on_result=self.take, message=self.progress.message
            )
        except KeyboardInterrupt as stop:
            done = total - len(missing) + self.computed - before
            raise Interrupted(done, total, folder, getattr(stop, "signal", 2)) from None

    def explain(self, missing: list[Cell]) -> None:
        """Say why cells that were computed once are computed again, and keep what the new ones depend on."""
        if self.out is None or not missing:
            return
        codes = {c.code: c.law for c in missing}
        now = {code: behind(law) for code, law in codes.items()}
        again: dict[str, int] = {}
        for cell in missing:
            for old in self.outcomes.other_codes(cell)[-1:]:
                known = self.out.codes.get(old)
                why = changes(known, now[cell.code]) if known else UNKNOWN
                again[why] = again.get(why, 0) + 1
        for why, count in again.items():
            self.progress.message(f"{count} of the cells were computed before, by other code ({why}).")
        self.out.remember(now)

    def take(self, cell: Cell, outcome: Outcome) -> None:
        """Store an outcome and show it."""
        if self.out is None:
            self.outcomes.add(outcome)
        else:
            self.out.add(outcome)
        self.computed += 1
        self.tried.add(cell.name)
        if outcome.status != "done":
            self.failed += 1
            self.progress.message(f"{cell}: {outcome.error}")
            if outcome.traceback and len(self.shown) < MOST_SHOWN and outcome.traceback not in self.shown:
                self.shown.add(outcome.traceback)
                self.progress.message("\n".join(outcome.traceback.strip().splitlines()[-12:]))
            if self.out is not None:
                self.out.log(f"{outcome}\n{outcome.traceback}".rstrip())
        self.progress.update(cell, newest(outcome))


def newest(outcome: Outcome) -> str:
    """The mean of the first observable that is a number, or what went wrong."""
    if outcome.status == "failed":
        return "failed"
    name, values = next(iter(sorted(outcome.values.items(), key=lambda item: item[1].ndim)))
    with np.errstate(over="ignore", invalid="ignore"):
        return f"{name} {np.mean(values):.4g}"
