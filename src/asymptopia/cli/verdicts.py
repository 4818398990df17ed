"""The verdicts of a study, as a table or as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .output import say, show_table

if TYPE_CHECKING:
    from ..forecast import Answer
    from ..study import Study
    from ..study.publish import Done
    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement


NUMBERS = ("limit", "limit_error", "estimate", "error", "extrapolation", "z", "critical", "detectable", "failed")


def show_done(study: Study, done: Done) -> None:
    """The verdicts with their reasons, the answers of forecasts, and where the report is."""
    show_verdicts(study.title, [(i.name, c) for i, c in zip(study.items, done.confrontations, strict=True)])
    for k, answers in done.answers.items():
        click.echo(f"{study.items[k].name}\n")
        for answer in answers:
            _show_answer(answer)
    say(f"verdict: {_together(done)}")
    click.echo(f"report: {done.page}")


def show_verdicts(title: str, named: Sequence[tuple[str, Confrontation]]) -> None:
    """One row an observable: verdict with its precision, the largest |z|, the reason, and what would settle it."""
    rows = [
        (name if k == 0 else "", j.observable, j.headline, _z(j), j.reason, j.advice)
        for name, confrontation in named
        for k, j in enumerate(confrontation.judgements)
    ]
    columns = ("statement", "observable", "verdict", "max |z|", "because", "to settle it")
    show_table(columns, rows, title, right=("max |z|",), keys=2)


def done_json(study: Study, done: Done) -> dict[str, Any]:
    """The object that `run --json` and `forecast --json` print."""
    items = list(zip(study.items, done.confrontations, strict=False))
    return {
        "title": study.title,
        "folder": str(done.folder),
        "report": None if done.page is None else str(done.page),
        "verdict": _together(done) if done.confrontations else None,
        "confrontations": [{"name": item.name, **confrontation_json(confrontation)} for item, confrontation in items],
        "forecasts": [
            {"name": study.items[k].name, "answers": [a.plain() for a in answers]}
            for k, answers in done.answers.items()
        ],
        "failures": list(done.failures),
        "unanswered": list(done.unanswered),
    }


def confrontation_json(confrontation: Confrontation) -> dict[str, Any]:
    """One confrontation as `--json` prints it."""
    return {
        "statement": repr(confrontation.statement),
        "verdict": confrontation.verdict,
        "precision": confrontation.precision,
        "level": confrontation.level,
        "warnings": list(confrontation.warnings),
        "judgements": [_judgement_json(j) for j in confrontation.judgements],
    }


def _judgement_json(judgement: Judgement) -> dict[str, Any]:
    table = judgement.table
    return {
        "observable": judgement.observable,
        "verdict": judgement.verdict,
        "precision": judgement.precision,
        "reason": judgement.reason,
        "advice": judgement.advice,
        "coords": {str(k): v.values for k, v in table.coords.items()},
        "dims": [str(d) for d in table["z"].dims],
        **{k: table[k].values for k in NUMBERS},
    }


def _together(done: Done) -> str:
    verdicts = {c.verdict for c in done.confrontations}
    return next((v for v in ("disagrees", "inconclusive") if v in verdicts), "agrees")


def _show_answer(answer: Answer) -> None:
    from ..study.answers import cell

    click.echo(f"{answer.title} {answer.text}")
    show_table(answer.columns, [[cell(v) for v in row] for row in answer.rows], right=answer.columns)


def _z(judgement: Judgement) -> str:
    return f"{judgement.largest_z:.1f}" if math.isfinite(judgement.largest_z) else "-"
