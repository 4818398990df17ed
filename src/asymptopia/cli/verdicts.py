"""What a study found, as a table or as one JSON object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from .output import say, show_table

if TYPE_CHECKING:
    from ..forecast import Answer
    from ..study import Study
    from ..study.perform import Done
    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement


def show_done(study: Study, done: Done) -> None:
    """The verdicts with their reasons, the answers of forecasts, and where the report is."""
    rows = []
    for item, found in zip(study.items, done.confrontations, strict=True):
        for k, judgement in enumerate(found.judgements):
            name = item.name if k == 0 else ""
            rows.append(
                (name, judgement.observable, judgement.verdict, _z(judgement), judgement.reason, judgement.advice)
            )
    show_table(
        ("statement", "observable", "verdict", "max |z|", "because", "to settle it"),
        rows,
        study.title,
        right=("max |z|",),
    )
    for k, answers in done.answers.items():
        click.echo(f"{study.items[k].name}\n")
        for answer in answers:
            _show_answer(answer)
    say(f"verdict: {_together(done)}")
    click.echo(f"report: {done.page}")


def done_json(study: Study, done: Done) -> dict[str, Any]:
    """The object that `run --json` and `forecast --json` print."""
    items = list(zip(study.items, done.confrontations, strict=False))
    return {
        "title": study.title,
        "folder": str(done.folder),
        "report": None if done.page is None else str(done.page),
        "verdict": _together(done) if done.confrontations else None,
        "confrontations": [{"name": item.name, **_confrontation_json(found)} for item, found in items],
        "forecasts": [
            {"name": study.items[k].name, "answers": [a.plain() for a in answers]}
            for k, answers in done.answers.items()
        ],
        "failures": list(done.failures),
        "unanswered": list(done.unanswered),
    }


def _confrontation_json(found: Confrontation) -> dict[str, Any]:
    return {
        "statement": repr(found.statement),
        "verdict": found.verdict,
        "level": found.level,
        "warnings": list(found.warnings),
        "judgements": [_judgement_json(j) for j in found.judgements],
    }


def _judgement_json(judgement: Judgement) -> dict[str, Any]:
    table = judgement.table
    return {
        "observable": judgement.observable,
        "verdict": judgement.verdict,
        "reason": judgement.reason,
        "advice": judgement.advice,
        "coords": {str(k): v.values for k, v in table.coords.items()},
        "dims": [str(d) for d in table["z"].dims],
        **{k: table[k].values for k in ("limit", "limit_error", "estimate", "error", "z")},
    }


def _together(done: Done) -> str:
    found = {c.verdict for c in done.confrontations}
    return next((v for v in ("disagrees", "inconclusive") if v in found), "agrees")


def _show_answer(answer: Answer) -> None:
    from ..study.answers import cell

    click.echo(f"{answer.title} {answer.text}")
    show_table(answer.columns, [[cell(v) for v in row] for row in answer.rows], right=answer.columns)


def _z(judgement: Judgement) -> str:
    return f"{judgement.largest_z:.1f}" if math.isfinite(judgement.largest_z) else "-"
