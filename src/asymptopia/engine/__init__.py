"""Run, store and resume the realisations of any law: in this process, on threads, on a Dask cluster or as a job array:

entries = [Entry("coins", sweep(CurieWeiss(), beta=(0.5, 0.8)), sizes=(50, 100), seeds=40)]
results = Results.open_or_create("results/coins", lock(entries))
(experiment,) = run(entries, out=results, jobs=2)          # run again: nothing is computed
results.consolidate({"coins/limit": entries[0].statement.limit(), "coins/experiment": experiment})
"""

from .adaptive import Adaptive
from .cells import Cell, Outcome, plan, shard
from .entry import Entry, lock
from .errors import EngineError, Interrupted
from .health import Check, cache_works, doctor
from .progress import Bar, Plain, Progress, Quiet, progress_on
from .provenance import provenance, versions
from .results import Results
from .run import run
from .slurm import script

__all__ = [
    "Adaptive",
    "Bar",
    "Cell",
    "Check",
    "EngineError",
    "Entry",
    "Interrupted",
    "Outcome",
    "Plain",
    "Progress",
    "Quiet",
    "Results",
    "cache_works",
    "doctor",
    "lock",
    "plan",
    "progress_on",
    "provenance",
    "run",
    "script",
    "shard",
    "versions",
]
