"""A study done: run what is missing, judge, and leave the results folder as a reader wants it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from ..engine import Adaptive, Entry, Progress, Results, lock, run
from ..engine.code import fingerprint
from ..verdict.confront import Confrontation, confront
from . import Confront, Study
from .answers import answered, section
from .schema import checked

if TYPE_CHECKING:
    import xarray as xr

    from ..forecast import Answer


@dataclasses.dataclass(frozen=True)
class Done:
    """What became of a study: a confrontation for each of its statements, in order, and what failed on the way.

    answers: those of the forecasts, by their place among the statements; unanswered says what theory could not tell.
    page:    None if there is no report, as after one shard of many.
    """

    folder: Path
    confrontations: tuple[Confrontation, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = dataclasses.field(default_factory=dict)
    failures: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    page: Path | None = None


def perform(
    study: Study,
    folder: str | Path,
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    retry_failed: bool = False,
    shard: tuple[int, int] | None = None,
    progress: Progress | None = None,
) -> Done:
    """Run what the folder does not hold yet, confront, and write results.nc, tables, figures and report.html.

    Raises `StatementError` before anything is run if a statement has no limit or the folder cannot take the results.
    """
    entries = [Entry(str(k), c.statement, c.sizes, c.seeds) for k, c in enumerate(study.items)]
    results = Results.open_or_create(folder, _lock(study, entries, folder), study.text, shard)
    limits = predicted(study, results)
    entries = [dataclasses.replace(e, limit=limit) for e, limit in zip(entries, limits, strict=True)]
    found = run(
        entries, out=results, jobs=jobs, scheduler=scheduler, retry_failed=retry_failed, progress=progress, shard=shard
    )
    if shard is not None:
        return Done(results.folder, failures=_failures(found))
    return publish(study, results, limits, found)


def reopened(folder: str | Path) -> tuple[Study, Results]:
    """The study of a results folder, and its results."""
    results = Results.open(folder)
    path = results.folder / "study.toml"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise StatementError(f"{str(folder)!r} holds no study.toml, which says what it is about.") from None
    return checked(text, path, base=results.folder.resolve() / results.lock.get("base", ".")), results


def rebuilt(folder: str | Path) -> Done:
    """The report and tables of a results folder, anew from its journal; no cell is computed."""
    study, results = reopened(folder)
    return publish(study, results, predicted(study, results), _kept(study, results))


def judged(folder: str | Path) -> list[Confrontation]:
    """The confrontations of a results folder; nothing is written."""
    study, results = reopened(folder)
    return _judge(study, predicted(study, results), _kept(study, results))


def _kept(study: Study, results: Results) -> list[xr.Dataset]:
    """The experiments of a folder: from its journal or, where other code made more of them, from its results.nc."""
    try:
        old = results.load()
    except (OSError, ValueError):
        old = {}
    found = []
    for k, asked in enumerate(study.items):
        data, other = stored(asked, results), old.get(f"{k}/experiment")
        if other is not None and other.attrs.get("statement") == repr(asked.statement):
            data = max(data, other, key=_numbers)
        found.append(data)
    return found


def _numbers(data: xr.Dataset) -> int:
    return sum(int(v.notnull().sum()) for v in data.values())


def stored(asked: Confront, results: Results) -> xr.Dataset:
    """The experiment as far as it is in the journal; what is missing is nan."""
    if not isinstance(asked.seeds, Adaptive):
        return results.dataset(asked.statement, asked.sizes, asked.seeds)
    data = results.dataset(asked.statement, asked.sizes, asked.seeds.max)
    some = data.dropna("seed", how="all")
    return some if some.sizes["seed"] >= 2 else data.isel(seed=slice(asked.seeds.min))


def publish(study: Study, results: Results, limits: Sequence[xr.Dataset], experiments: Sequence[xr.Dataset]) -> Done:
    """Judge, and write everything that a reader wants into the folder."""
    from ..report import write_results

    confrontations = _judge(study, limits, experiments)
    groups = {f"{k}/limit": data for k, data in enumerate(limits)} | {
        f"{k}/experiment": data for k, data in enumerate(experiments)
    }
    results.consolidate(groups)
    answers: dict[int, tuple[Answer, ...]] = {}
    unanswered: tuple[str, ...] = ()
    for k, (asked, found) in enumerate(zip(study.items, confrontations, strict=True)):
        if asked.plan:
            answers[k], failed = answered(asked, found, results.folder)
            unanswered += failed
    sections = [section(study.items[k], confrontations[k], known) for k, known in answers.items()]
    page = write_results(
        results.folder, confrontations, title=study.title, provenance=_origin(results), extra_sections=sections,
        downloads=("results.nc", "study.toml"),
    )  # fmt: skip
    return Done(results.folder, tuple(confrontations), answers, _failures(experiments), unanswered, page)


def _judge(study: Study, limits: Sequence[xr.Dataset], experiments: Sequence[xr.Dataset]) -> list[Confrontation]:
    return [
        dataclasses.replace(
            confront(c.statement, experiment, limit, level=c.level, resolution=c.resolution),
            name="" if c.name == c.statement.short() else c.name,  # type: ignore[attr-defined]
        )
        for c, limit, experiment in zip(study.items, limits, experiments, strict=True)
    ]


def _lock(study: Study, entries: Sequence[Entry], folder: str | Path) -> dict[str, Any]:
    judged = [{"name": c.name, "level": c.level, "resolution": c.resolution} for c in study.items]
    return lock(
        entries, title=study.title, confront=judged, base=os.path.relpath(study.base.resolve(), Path(folder).resolve())
    )


def predicted(study: Study, results: Results) -> list[xr.Dataset]:
    """The predictions, from results.nc where the same code made them from the same statement, else computed."""
    try:
        known = {k: v for k, v in results.load().items() if k.endswith("/limit")}
    except (OSError, ValueError):
        known = {}
    found = []
    for k, asked in enumerate(study.items):
        code = code_of(asked.statement)
        old = known.get(f"{k}/limit")
        if old is None or old.attrs.get("code") != code or old.attrs.get("statement") != repr(asked.statement):
            old = asked.statement.limit().assign_attrs(code=code)
        found.append(old)
    return found


def code_of(statement: Statement) -> str:
    """What identifies the code behind all points of a statement."""
    return "-".join(sorted({fingerprint(p) for p in statement.points()}))


def _origin(results: Results) -> dict[str, Any]:
    """What the report says of where its numbers come from."""
    newest = results.provenance()
    runs = newest.pop("runs", [])
    return {**{k: v for k, v in newest.items() if v}, "runs": len(runs)}


def _failures(experiments: Sequence[xr.Dataset]) -> tuple[str, ...]:
    return tuple(line for data in experiments for line in str(data.attrs.get("failures", "")).splitlines())


def progress_of(study: Study, results: Results) -> list[dict[str, Any]]:
    """For each statement: its name, and how many cells it has, and how many are done, failed and missing.

    Of an adaptive number of seeds, the cells of the first `min` are counted.
    """
    rows = []
    for k, item in enumerate(study.items):
        cells = Entry(str(k), item.statement, item.sizes, item.seeds).cells()
        absent = len(results.outcomes.missing(cells))
        failed = len(results.outcomes.missing(cells, retry_failed=True)) - absent
        rows.append(
            {
                "name": item.name,
                "cells": len(cells),
                "done": len(cells) - absent - failed,
                "failed": failed,
                "missing": absent,
            }
        )
    return rows
