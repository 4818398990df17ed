"""Perform a study: run what is missing, judge, and write the results folder."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import Entry, Progress, Results, lock, run
from ..engine.cluster import check_scheduler
from ..engine.code import syntax_digest
from ..engine.portrait import portrait
from .items import Confront, Study
from .kept import Kept, damage, predicted
from .publish import PATIENCE, Done, failures_of, publish
from .staging import at_stage, decide
from .told import names_files

if TYPE_CHECKING:
    import xarray as xr


def perform(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    retry_failed: bool = False,
    shard: tuple[int, int] | None = None,
    progress: Progress | None = None,
    budget: float = 0.0,
) -> Done:
    """Run what the folder does not hold yet, confront, and write results.nc, tables, figures and report.html.

    jobs, scheduler, retry_failed, shard: as in `asymptopia.engine.run`.
    budget: seconds for each statement whose seeds are not fixed: it is run in stages until it is decided.

    Raises `StatementError` before anything is run if a statement has no limit or the folder cannot take the results.
    """
    if scheduler is not None:
        check_scheduler(scheduler)
    entries = [Entry(str(k), c.statement, c.sizes, c.seeds) for k, c in enumerate(study.items)]
    message = print if progress is None else progress.message
    results = Results.open_or_create(folder, _lock(study, entries, folder), study.text, shard, message)
    damaged = damage(results)
    for line in damaged:
        message(line)
    items = at_stage(study, results.folder, budget).items
    entries = [Entry(str(k), c.statement, c.sizes, c.seeds) for k, c in enumerate(items)]
    limits = predicted(study, results)
    results.keep_limits({f"{k}/limit": limit for k, limit in enumerate(limits)})
    entries = [dataclasses.replace(e, limit=limit) for e, limit in zip(entries, limits, strict=True)]
    engine = partial(run, out=results, jobs=jobs, scheduler=scheduler, retry_failed=retry_failed, progress=progress)
    start = time.monotonic()
    experiments = engine(entries, shard=shard)
    if shard is not None:
        return Done(results.shown, failures=failures_of(experiments))
    if budget > 0:

        def more(k: int, asked: Confront) -> xr.Dataset:
            results.write(PATIENCE)
            return engine([Entry(str(k), asked.statement, asked.sizes, asked.seeds, limits[k])])[0]

        seconds = time.monotonic() - start
        experiments = decide(study, results.folder, limits, experiments, more, budget, seconds, message)
    kept = [Kept(limit, experiment) for limit, experiment in zip(limits, experiments, strict=True)]
    return publish(at_stage(study, results.folder), results, kept)


def _lock(study: Study, entries: Sequence[Entry], folder: str | Path) -> dict[str, Any]:
    """What the folder says of the study, its laws, and the files that define them."""
    judged = [{"name": c.name, "level": c.level, "resolution": c.resolution} for c in study.items]
    base = study.base.resolve()
    return lock(
        entries, title=study.title, confront=judged, base=os.path.relpath(base, Path(folder).resolve()),
        portraits=[portrait(c.statement, c.sizes) for c in study.items],
        files={name: syntax_digest(base / name) for name in names_files(study.text)},
    )  # fmt: skip
