"""Judge what a results folder holds, and write what its readers want: tables, figures and the report."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine import EngineError, Entry, Results
from ..verdict.confront import Confrontation, confront
from .answers import answered, section
from .items import Study
from .kept import Kept, kept, reopened

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


def rebuilt(study: Study, results: Results) -> Done:
    """The report and tables of a results folder, anew from its journal; no cell is computed."""
    results.write(PATIENCE)
    return publish(study, results, kept(study, results))


def judged(folder: str | Path, trust: bool = False) -> list[Confrontation]:
    """The confrontations of a results folder; nothing is written."""
    study, results = reopened(folder, trust)
    return _judge(study, kept(study, results))


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
    failures = failures_of([one.experiment for one in kept])
    page = results.shown / page.relative_to(results.folder)
    return Done(results.shown, tuple(confrontations), answers, failures, unanswered, notes, page)


def _judge(study: Study, kept: Sequence[Kept]) -> list[Confrontation]:
    confrontations = []
    for asked, one in zip(study.items, kept, strict=True):
        judged = confront(asked.statement, one.experiment, one.limit, level=asked.level, resolution=asked.resolution)
        name = "" if asked.name == asked.statement.short() else asked.name  # type: ignore[attr-defined]
        notes = (one.note,) if one.note else ()
        confrontations.append(dataclasses.replace(judged, name=name, warnings=(*judged.warnings, *notes)))
    return confrontations


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


def failures_of(experiments: Sequence[xr.Dataset]) -> tuple[str, ...]:
    return tuple(line for data in experiments for line in str(data.attrs.get("failures", "")).splitlines())


def _origin(results: Results) -> dict[str, Any]:
    """What the report says of where its numbers come from."""
    newest = results.provenance()
    runs = newest.pop("runs", [])
    return {**{k: v for k, v in newest.items() if v}, "runs": len(runs)}
