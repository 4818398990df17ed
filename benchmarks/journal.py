"""Engine time of 10^5 cells: journaled one by one, read back, and consolidated into one netCDF. A minute is allowed.

Seconds are those of the processor, so that a busy machine does not matter; the clock's are told at the end.

    python benchmarks/journal.py [CELLS]
"""

from __future__ import annotations

import tempfile
import time

import numpy as np
from timing import options, row

from asymptopia import Law, Observable, field, sweep
from asymptopia.engine import Entry, Results, lock
from asymptopia.engine.cells import outcome


class Coins(Law):
    """The mean of n coins that show heads with probability p."""

    p: float = field(0.5, "probability of heads", at_least=0, at_most=1)
    size, sizes, seeds, block = "coins", (10, 20), 100, 10
    observables = {"mean": Observable("m", "mean"), "square": Observable("m^2", "its square")}


def main() -> None:
    """Times each step, and checks that all values came through."""
    count = options(__doc__, cells=(100_000, 2000)).cells
    points = count // 20
    statement = sweep(Coins(0.5), p=tuple(np.linspace(0, 1, points)))
    entry = Entry("0", statement, (10, 20), 100)
    rng = np.random.default_rng(0)
    clock, began = [time.process_time()], time.perf_counter()
    steps: dict[str, float] = {}

    def step(name: str) -> None:
        clock.append(time.process_time())
        steps[name] = clock[-1] - clock[-2]

    with tempfile.TemporaryDirectory() as folder:
        cells = entry.cells()
        step("plan")
        values = rng.random((len(cells), 2, 10))
        clock.append(time.process_time())
        results = Results.open_or_create(folder, lock([entry]))
        for cell, (mean, square) in zip(cells, values, strict=True):
            results.add(outcome(cell, "done", {"mean": mean, "square": square}, "", "", 0.01))
        results.close()
        step("journal")
        results = Results.open(folder)
        step("read")
        if results.outcomes.missing(cells):
            raise AssertionError("cells were lost")
        step("find what is missing")
        data = results.dataset(statement, (10, 20), 100)
        step("label")
        path = results.consolidate({"0/experiment": data})
        step("consolidate")
        wall = time.perf_counter() - began
        stored = results.load()["0/experiment"]
        expected = values.reshape(points, 2, 10, 2, 10).swapaxes(2, 3).reshape(points, 2, 2, 100)
        if not (
            np.array_equal(stored["mean"], expected[:, :, 0]) and np.array_equal(stored["square"], expected[:, :, 1])
        ):
            raise AssertionError("values were changed")
        size = path.stat().st_size
    for name, seconds in steps.items():
        row(name, seconds)
    row(f"all {len(cells)} cells", sum(steps.values()), note=f"{wall:.0f} s by the clock, {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
