"""The practical answers of a forecast: computed once, kept in the results folder, shown in the report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..engine.code import theory_fingerprint
from ..engine.files import content, replace
from . import Confront

if TYPE_CHECKING:
    from ..forecast import Answer
    from ..report import Chart, Section
    from ..verdict.confront import Confrontation

FILE = "answers.json"


def answered(asked: Confront, confrontation: Confrontation, folder: Path) -> tuple[tuple[Answer, ...], tuple[str, ...]]:
    """Whether the theory holds, how many samples are needed, which ridge is best; and the questions without an answer.

    The last two answers take time and are stored in the folder.
    """
    from ..forecast import Answer

    assert asked.plan is not None
    measured = confrontation["test_error"].table["estimate"].values.tolist()
    name = f"{asked.statement!r} {asked.errors} {measured} {theory_fingerprint(asked.statement.law)}"
    path = folder / FILE
    kept = _kept(path)
    if name not in kept:
        try:
            needed = asked.plan.samples_needed(asked.errors, confrontation)
            kept[name] = [a.plain() for a in (needed, asked.plan.ridges())]
        except ArithmeticError as error:
            return (asked.plan.trusted(confrontation),), (f"{asked.name}: {error}",)
        replace(path, json.dumps(kept, indent=1).encode())
    old = [Answer(a["title"], a["text"], tuple(a["columns"]), tuple(map(tuple, a["rows"]))) for a in kept[name]]
    return (asked.plan.trusted(confrontation), *old), ()


def _kept(path: Path) -> dict[str, Any]:
    """The answers kept in a file; none if it is not there or damaged."""
    try:
        stored = json.loads(content(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}


def section(asked: Confront, confrontation: Confrontation, answers: tuple[Answer, ...]) -> Section:
    """The answers as a section of the report."""
    from ..report import Section, Table

    tables = [Table(a.columns, [[cell(v) for v in row] for row in a.rows], a.title) for a in answers]
    assert asked.plan is not None
    notes = "\n".join(f"- {note}" for note in asked.plan.notes)
    body = "\n\n".join([*(f"{a.title} {a.text}" for a in answers), notes]).strip()
    return Section(
        f"In practice: {asked.name}", body=body, tables=tables, charts=[learning_curve(answers[0])],
        verdict=confrontation["test_error"].verdict, early=True,
    )  # fmt: skip


def learning_curve(trusted: Answer) -> Chart:
    """Test errors against numbers of samples, predicted and measured, from the answer whether the theory holds."""
    from ..report import Curve, Measured, curve_figure

    samples, predicted, measured, error = (
        np.array([row[trusted.columns.index(name)] for row in trusted.rows], float)
        for name in ("samples", "predicted test error", "measured", "standard error")
    )
    curve = Curve("predicted", samples, predicted, measured=(Measured("measured", samples, measured, error),))
    return curve_figure(
        [curve], name="learning_curve", title="Test error against samples", xlabel="samples", ylabel="test error",
        caption="The bars are standard errors of the mean over random training sets.", xlog=True,
    )  # fmt: skip


def cell(value: Any) -> str:
    """A value of an answer in a table."""
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
