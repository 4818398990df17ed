"""Is every number of every law noticed? One fault for each of them: half or twice what it is, in the limit alone.

    python studies/faults.py [--only NAME,NAME] [--budget 60]

For each exercise of a law (`asymptopia check`) one experiment is run at sizes of at most 1,000. Its own limit must not
be refuted; that of a statement in which one number field is off by a factor of two (or less, where that is not
admitted), must. What is not refuted at once is tried again with four times the seeds, as long as the budget, in seconds
of CPU for a law, allows. A field is caught if it is caught in one of the exercises. Fields on which no limit depends,
as the docstrings of their laws say (a noise to which errors are relative, the step of an exact sampler), are left out;
others that move no limit count as not caught.

Printed are, law by law, how many fields are caught, and which are not; at the end, the sum.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
import warnings
from collections.abc import Iterator

import xarray as xr

from asymptopia import Law, confront
from asymptopia.contract.catalogue import law_classes
from asymptopia.contract.exercises import exercises
from asymptopia.contract.record import StatementError
from asymptopia.verdict.judgement import DISAGREES

FACTORS = (0.5, 2.0, 2 / 3, 1.5, 1 / 1.2, 1.2)
LARGEST = 1000
MORE = 4


def fields_of(law: Law) -> Iterator[str]:
    """The number fields of a law and of its parts, as `ridge` or `teacher.noise`, that are not zero."""
    for f in dataclasses.fields(law):
        value = getattr(law, f.name)
        if type(value) is float and value:
            yield f.name
        elif dataclasses.is_dataclass(value):
            yield from (f"{f.name}.{inner}" for inner in fields_of(value))


def scaled(law: Law, name: str, factor: float) -> Law:
    """The law with a field, or that of a part, multiplied by a factor."""
    outer, _, inner = name.partition(".")
    part = getattr(law, outer)
    return law.replace(**{outer: scaled(part, inner, factor) if inner else factor * part})


def faulty(law: Law, name: str) -> xr.Dataset | None:
    """The limit of the law with a field off by the first of `FACTORS` that is admitted; None if none is."""
    for factor in FACTORS:
        try:
            wrong = scaled(law, name, factor)
            wrong.admit()
            if wrong != law:
                return wrong.limit()
        except (StatementError, ArithmeticError):
            continue
    return None


def declared(law: Law, name: str) -> bool:
    """Whether the docstring of a law says that no limit depends on a field, or on the part that it belongs to."""
    return f"o limit depends on `{name.partition('.')[0]}`" in (type(law).__doc__ or "")


def refuted(law: Law, data: xr.Dataset, limit: xr.Dataset) -> bool:
    try:
        return confront(law, data, limit).verdict == DISAGREES
    except (ValueError, KeyError):  # the fault moves the places of an array: seen without statistics
        return True


def caught(law: Law, names: set[str], budget: float) -> tuple[set[str], set[str], bool]:
    """The fields whose faults are refuted, those left out (no fault is admitted, or none matters, as the law says), and
    whether the true limit is refuted.
    """
    start = time.process_time()
    limits = {name: faulty(law, name) for name in sorted(names)}
    limit = law.limit()
    unmoved = {name for name, wrong in limits.items() if wrong is not None and wrong.equals(limit)}
    without = {name for name, wrong in limits.items() if wrong is None} | {n for n in unmoved if declared(law, n)}
    sizes, seeds = law.sizes_and_seeds(None, None)
    sizes, count = tuple(n for n in sizes if n <= LARGEST) or sizes[:1], len(seeds)
    before = time.process_time()
    data = law.experiment(sizes, count)
    seen: set[str] = set()
    while True:
        left = names - without - unmoved - seen
        seen |= {name for name in left if refuted(law, data, limits[name])}
        cost = MORE * (time.process_time() - before)
        if seen | without | unmoved == names or time.process_time() - start + cost > budget:
            return seen, without, refuted(law, data, limit)
        before = time.process_time()
        data = xr.concat([data, law.experiment(sizes, range(count, MORE * count))], "seed")
        count *= MORE


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    given.add_argument("--only", default="", help="names of laws, with commas between them")
    given.add_argument("--budget", type=float, default=60.0)
    chosen = given.parse_args()
    warnings.simplefilter("ignore")
    total = hits = 0
    for name, cls in law_classes().items():
        if chosen.only and name not in chosen.only.split(","):
            continue
        start, seen, every, wrong = time.process_time(), set(), set(), 0
        for law in exercises(cls):
            names = set(fields_of(law))
            hit, without, true = caught(law, names - seen, chosen.budget)
            seen, every, wrong = seen | hit, every | (names - without), wrong + true
        total, hits = total + len(every), hits + len(seen)
        missed = ", ".join(sorted(every - seen))
        note = f"; {wrong} true limits refuted" if wrong else ""
        print(f"{name:28s} {len(seen)}/{len(every)} {time.process_time() - start:4.0f} s  {missed}{note}", flush=True)
    print(f"{hits} of {total} faults are caught")


if __name__ == "__main__":
    main()
