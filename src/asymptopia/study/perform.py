"""Perform a study: run what is missing, judge, and write the results folder."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..contract.law import Statement
from ..contract.record import StatementError
from ..engine import Adaptive, EngineError, Entry, Progress, Results, lock, run
from ..engine.cluster import check_scheduler
from ..engine.code import behind, changes, fingerprint, syntax_digest, theory_fingerprint
from ..engine.files import content
from ..engine.portrait import portrait
from ..verdict.confront import Confrontation, confront
from . import Confront, Study
from .answers import answered, section
from .schema import checked
from .staging import at_stage, decide
from .told import edits, fits, names_files, told

if TYPE_CHECKING:
    import xarray as xr

    from ..forecast import Answer
    from ..report import Section

PATIENCE = 5.0
"""Seconds that a report waits for a run that writes the same folder."""
MOST_FAILURES = 100
"""Failed cells that the report lists."""


@dataclasses.dataclass(frozen=True)
class Done:
    """The results of a study: a confrontation for each of its statements, in order, and the failures.

    answers: those of the forecasts, by the place of the statement; `unanswered` has questions without an answer.
    notes:   remarks on where the numbers come from.
    page:    the report; None if there is none, as after one shard of many.
    """

    folder: Path
    confrontations: tuple[Confrontation, ...] = ()
    answers: Mapping[int, tuple[Answer, ...]] = dataclasses.field(default_factory=dict)
    failures: tuple[str, ...] = ()
    unanswered: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    page: Path | None = None


@dataclasses.dataclass(frozen=True)
class Kept:
    """The limit and the experiment of a statement as stored in a folder, and remarks on them."""

    limit: xr.Dataset
    experiment: xr.Dataset
    note: str = ""


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
        return Done(results.shown, failures=_failures(experiments))
    if budget > 0:

        def more(k: int, asked: Confront) -> xr.Dataset:
            results.write(PATIENCE)
            return engine([Entry(str(k), asked.statement, asked.sizes, asked.seeds, limits[k])])[0]

        seconds = time.monotonic() - start
        experiments = decide(study, results.folder, limits, experiments, more, budget, seconds, message)
    kept = [Kept(limit, experiment) for limit, experiment in zip(limits, experiments, strict=True)]
    return publish(at_stage(study, results.folder), results, kept)


def damage(results: Results) -> list[str]:
    """The damage in a folder's journal, in a few lines."""
    lines = [f"The journal is damaged: {line}. That cell counts as not computed." for line in results.damaged[:5]]
    more = len(results.damaged) - len(lines)
    return [*lines, f"{more} more lines of the journal are damaged."] if more > 0 else lines


def reopened(folder: str | Path, trust: bool = False) -> tuple[Study, Results]:
    """The study of a results folder, and its results.

    Files of laws that the study names are run only with `trust`; without, the folder's own description of its laws
    stands for them.
    """
    results = Results.open(folder)
    path = results.folder / "study.toml"
    try:
        text = content(path).decode()
    except (OSError, UnicodeDecodeError):
        raise StatementError(f"{str(folder)!r} holds no readable study.toml, which says what it is about.") from None
    return at_stage(_read(results, text, path, trust), results.folder), results


def _read(results: Results, text: str, path: Path, trust: bool) -> Study:
    base = results.folder / str(results.lock.get("base", "."))
    if trust or not names_files(text):
        try:
            return checked(text, path, base=base)
        except StatementError:
            if trust or not results.lock.get("portraits"):
                raise
    return told(results, text, base)


def rebuilt(study: Study, results: Results) -> Done:
    """The report and tables of a results folder, anew from its journal; no cell is computed."""
    results.write(PATIENCE)
    return publish(study, results, kept(study, results))


def judged(folder: str | Path, trust: bool = False) -> list[Confrontation]:
    """The confrontations of a results folder; nothing is written."""
    study, results = reopened(folder, trust)
    return _judge(study, kept(study, results))


def kept(study: Study, results: Results) -> list[Kept]:
    """What a folder holds of each statement: its cells with the theory of now or, where other code made more of them,
    its results.nc as it is, limit and experiment of one time."""
    old, why = _loaded(results)
    edited = edits(results) if study.told else ""
    complete = []
    for k, asked in enumerate(study.items):
        found_here = (old.get(f"{k}/{what}") for what in ("limit", "experiment"))
        limit, whole = (d if d is not None and fits(d, asked.statement) else None for d in found_here)
        data = stored(asked, results)
        if whole is not None and limit is not None and _numbers(whole) > _numbers(data):
            if _one_version(asked, results):
                complete.append(Kept(limit, whole, edited) if study.told else Kept(_theory(asked, limit), whole))
            else:
                complete.append(Kept(limit, whole, edited if study.told else _other_version(asked, results)))
        elif not study.told:
            complete.append(Kept(_theory(asked, limit), data))
        elif limit is not None:
            complete.append(Kept(limit, data, edited))
        else:
            raise StatementError(
                f"The predictions of {asked.name} are not in {str(results.shown)!r} ({why or 'no results.nc'}): "
                f"`asymptopia report {results.shown} --trust` runs the files of the study to make them anew."
            )
    return complete


def _one_version(asked: Confront, results: Results) -> bool:
    """Whether all cells of a statement in the journal were made by the code of now."""
    return all(
        set(results.outcomes.codes(repr(p), n)) <= {fingerprint(p)}
        for p in asked.statement.points()
        for n in _sizes(asked)
    )


def _other_version(asked: Confront, results: Results) -> str:
    """That the cells of a folder were made by other code than that of now, and what has changed."""
    codes = [c for p in asked.statement.points() for n in _sizes(asked) for c in results.outcomes.codes(repr(p), n)]
    now = behind(asked.statement.law)
    known = [results.codes[c] for c in codes if c in results.codes]
    what = f" ({changes(known[-1], now)})" if known else ""
    return (
        f"{asked.name}: the cells in this folder belong to another version of the experiment{what}. Limit and verdict "
        "shown are of that version; `asymptopia run` computes the cells anew."
    )


def _sizes(asked: Confront) -> tuple[int, ...]:
    return asked.statement.law.sizes_and_seeds(asked.sizes, None)[0]


def _loaded(results: Results) -> tuple[dict[str, xr.Dataset], str]:
    """The datasets of results.nc, and why there are none."""
    try:
        return results.load(), ""
    except EngineError as error:
        return results.limits(), str(error)


def _numbers(data: xr.Dataset) -> int:
    return sum(int(v.notnull().sum()) for v in data.values())


def stored(asked: Confront, results: Results) -> xr.Dataset:
    """The experiment as far as it is in the journal; what is missing is nan."""
    if not isinstance(asked.seeds, Adaptive):
        return results.dataset(asked.statement, asked.sizes, asked.seeds)
    data = results.dataset(asked.statement, asked.sizes, asked.seeds.max)
    some = data.dropna("seed", how="all")
    return some if some.sizes["seed"] >= 2 else data.isel(seed=slice(asked.seeds.min))


def publish(study: Study, results: Results, kept: Sequence[Kept]) -> Done:
    """Judge, and write everything that a reader wants into the folder."""
    from ..report import write_results

    confrontations = _judge(study, kept)
    groups = {f"{k}/limit": one.limit for k, one in enumerate(kept)} | {
        f"{k}/experiment": one.experiment for k, one in enumerate(kept)
    }
    results.write()
    try:
        _check_figures(results)
        results.consolidate(groups)
        answers: dict[int, tuple[Answer, ...]] = {}
        unanswered: tuple[str, ...] = ()
        for k, (asked, confrontation) in enumerate(zip(study.items, confrontations, strict=True)):
            if asked.plan:
                answers[k], failed = answered(asked, confrontation, results.folder)
                unanswered += failed
        sections = [section(study.items[k], confrontations[k], known) for k, known in answers.items()]
        page = write_results(
            results.folder, confrontations, title=study.title, provenance=_origin(results),
            extra_sections=[*sections, *failed_cells(study, results)], downloads=("results.nc", "study.toml"),
        )  # fmt: skip
    except OSError as error:
        raise EngineError(
            f"Cannot write {str(error.filename2 or error.filename or results.shown)!r}: {error.strerror or error}. "
            "Every finished cell is safe; `asymptopia report` writes the rest when that is mended."
        ) from error
    finally:
        results.release()
    notes = tuple(one.note for one in kept if one.note)
    failures = _failures([one.experiment for one in kept])
    page = results.shown / page.relative_to(results.folder)
    return Done(results.shown, tuple(confrontations), answers, failures, unanswered, notes, page)


def _check_figures(results: Results) -> None:
    if (results.folder / "figures").is_symlink():
        raise EngineError(f"'{results.shown}/figures' is a link, through which nothing is written. Remove it.")


def failed_cells(study: Study, results: Results) -> list[Section]:
    """A section of the report about the cells that gave no number; none if all did."""
    from ..report import Section

    seen: dict[str, str] = {}
    for k, asked in enumerate(study.items):
        cells = Entry(str(k), asked.statement, asked.sizes, asked.seeds).cells()
        for outcome in results.outcomes.concerning(cells):
            if outcome.status != "done":
                seen.setdefault(str(outcome), outcome.traceback)
    if not seen:
        return []
    words = f"{len(seen)} cells gave no number; they are left out. `run --retry-failed` computes them again."
    listings = list(seen.items())[:MOST_FAILURES]
    return [Section("Failed cells", words, listings=listings)]


def _judge(study: Study, kept: Sequence[Kept]) -> list[Confrontation]:
    confrontations = []
    for asked, one in zip(study.items, kept, strict=True):
        judged = confront(asked.statement, one.experiment, one.limit, level=asked.level, resolution=asked.resolution)
        name = "" if asked.name == asked.statement.short() else asked.name  # type: ignore[attr-defined]
        notes = (one.note,) if one.note else ()
        confrontations.append(dataclasses.replace(judged, name=name, warnings=(*judged.warnings, *notes)))
    return confrontations


def _lock(study: Study, entries: Sequence[Entry], folder: str | Path) -> dict[str, Any]:
    """What the folder says of the study, its laws, and the files that define them."""
    judged = [{"name": c.name, "level": c.level, "resolution": c.resolution} for c in study.items]
    base = study.base.resolve()
    return lock(
        entries, title=study.title, confront=judged, base=os.path.relpath(base, Path(folder).resolve()),
        portraits=[portrait(c.statement, c.sizes) for c in study.items],
        files={name: syntax_digest(base / name) for name in names_files(study.text)},
    )  # fmt: skip


def predicted(study: Study, results: Results) -> list[xr.Dataset]:
    """The predictions, from results.nc where the same code made them from the same statement, else computed."""
    old, _ = _loaded(results)
    return [_theory(asked, old.get(f"{k}/limit")) for k, asked in enumerate(study.items)]


def _theory(asked: Confront, old: xr.Dataset | None) -> xr.Dataset:
    code = code_of(asked.statement)
    if old is not None and old.attrs.get("code") == code and fits(old, asked.statement):
        return old
    try:
        return asked.statement.limit().assign_attrs(code=code)
    except SystemExit as error:
        raise EngineError(f"`predict` of {asked.name} asked to exit ({error}); there is no limit.") from None


def code_of(statement: Statement) -> str:
    """What identifies the code behind the predictions at all points of a statement."""
    return "-".join(sorted({theory_fingerprint(p) for p in statement.points()}))


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
