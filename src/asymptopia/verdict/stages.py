"""What to run next: more seeds or a larger size, until a confrontation is decided or a budget is spent."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

import numpy as np

from ..contract.law import Statement
from .confront import Confrontation, confront
from .judgement import INCONCLUSIVE

GROWTH = 2.0  # exponent of the size in the cost of a realisation, for want of a better guess
STEP, LEAST = 4.0, 1.25  # seeds are multiplied by at most and at least so much
LARGER = 2


@dataclasses.dataclass(frozen=True)
class Stage:
    """One look at the data: sizes, number of seeds at each, and how many looks there were before."""

    sizes: tuple[int, ...]
    seeds: int
    number: int = 0

    def level(self, whole: float) -> float:
        """The level of this look: half of what earlier ones left, so that all together stay below `whole`."""
        return whole / 2 ** (self.number + 1)

    def __str__(self) -> str:
        return f"now {self.seeds} seeds at each of the sizes {', '.join(map(str, self.sizes))}"

    @property
    def work(self) -> float:
        """What the stage costs from nothing, in realisations of size one."""
        return self.seeds * float(np.sum(np.asarray(self.sizes, float) ** GROWTH))


def decided(confrontation: Confrontation) -> bool:
    """Whether more realisations change nothing: there is a verdict, or a problem that they do not mend."""
    return (
        confrontation.verdict != INCONCLUSIVE
        or bool(confrontation.warnings)
        or not any(_lacking(confrontation).values())
    )


def settle(
    statement: Statement, budget: float, level: float = 0.01, message: Callable[[str], None] = lambda line: None
) -> Confrontation:
    """Confront in stages, all in this process, until decided or until `budget` seconds are spent.

    The first stage is the law's own experiment, however long it takes.
    """
    import xarray as xr

    start = time.monotonic()
    limit = statement.limit()
    sizes, seeds = statement.law.sizes_and_seeds(None, None)
    stage = Stage(sizes, len(seeds))
    before, data = time.monotonic(), statement.experiment(sizes, seeds)
    pace = (time.monotonic() - before) / stage.work
    while True:
        confrontation = confront(statement, data, limit, level=stage.level(level))
        following = next_stage(confrontation, stage, budget - (time.monotonic() - start), pace)
        if following is None:
            return confrontation
        message(f"inconclusive so far; {following}")
        before = time.monotonic()
        if following.seeds > stage.seeds:
            added = statement.experiment(stage.sizes, range(stage.seeds, following.seeds))
            data = xr.concat([data, added], "seed")
        if len(following.sizes) > len(stage.sizes):
            added = statement.experiment(following.sizes[len(stage.sizes) :], range(following.seeds))
            data = xr.concat([data, added], "size")
        pace = (time.monotonic() - before) / max(following.work - stage.work, 1e-9)
        stage = following


def next_stage(
    confrontation: Confrontation, stage: Stage, left: float, pace: float, fixed: bool = False
) -> Stage | None:
    """The next look; None if the confrontation is decided or the budget does not suffice.

    left:  seconds of the budget.
    pace:  seconds that a unit of work took so far.
    fixed: whether the sizes must not change.
    """
    if decided(confrontation):
        return None
    need = _lacking(confrontation)
    affordable = left / pace if pace > 0 else math.inf
    larger = Stage((*stage.sizes, LARGER * stage.sizes[-1]), stage.seeds, stage.number + 1)
    grows = not fixed and larger.work - stage.work <= affordable
    if need["sizes"] >= need["seeds"] and grows:
        return larger
    if math.isinf(need["seeds"]):
        return None
    factor = min(max(need["seeds"], 1.5) * 1.2, STEP, 1 + affordable / stage.work)
    if factor >= LEAST:
        return Stage(stage.sizes, math.ceil(stage.seeds * factor), stage.number + 1)
    return larger if grows else None


def _lacking(confrontation: Confrontation) -> dict[str, float]:
    """By what factor the seeds fall short, and how much larger sizes are lacking: the prices of what is open.

    Both are zero where nothing that can be computed is missing. An observable of which a component lacks what neither
    seeds nor sizes mend asks for nothing.
    """
    need = {"seeds": 0.0, "sizes": 0.0}
    for judgement in confrontation.judgements:
        table = judgement.table
        if judgement.verdict != INCONCLUSIVE or table["failed"].any() or not np.isfinite(table["limit"]).all():
            continue
        seeds, sizes = (table[k].values for k in ("needed", "larger"))
        if not (np.isinf(seeds) & (sizes == 0)).any():
            need["seeds"] = max(need["seeds"], float(seeds.max(initial=1.0)))
            need["sizes"] = max(need["sizes"], float(sizes.max(initial=0.0)))
    return need
