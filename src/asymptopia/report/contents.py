"""The contents of the page for a confrontation, before markup: summary, parameters, numbers, theory and cost."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.catalogue import law_modules
from ..contract.record import Record, _show, allowed
from .grid import title_of
from .tables import components, number, with_error
from .typeset import literal, name_label, render_text

if TYPE_CHECKING:
    from ..contract.law import Law
    from ..verdict.confront import Confrontation
    from ..verdict.judgement import Judgement

SHORT = 24  # a table of more rows is folded
MOST_ROWS = 2000  # of all tables of a law together: longer ones are cut; the CSV file has all
FEWEST_ROWS = 100  # of one table


@dataclasses.dataclass(frozen=True)
class Table:
    """Cells are text of the light convention (see `typeset`); columns of numbers are aligned to the right.

    numeric: which columns are numbers; by default those whose first cell starts like one.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    numeric: Sequence[bool] = ()

    def __post_init__(self) -> None:
        bad = next((r for r in self.rows if len(r) != len(self.header)), None)
        if bad is not None:
            raise ValueError(f"A row of a table must have {len(self.header)} cells, but has {len(bad)}: {list(bad)!r}.")
        if not self.numeric:
            first = self.rows[0] if self.rows else [""] * len(self.header)
            object.__setattr__(self, "numeric", [str(c).strip().lstrip("+-\u2212")[:1].isdigit() for c in first])


def summary_rows(confrontations: Sequence[Confrontation]) -> list[dict[str, Any]]:
    """A row for each observable, for the table of verdicts."""
    rows = []
    for k, confrontation in enumerate(confrontations):
        law = confrontation.statement.law
        for i, judgement in enumerate(confrontation.judgements):
            rows.append(
                dict(
                    first=i == 0,
                    id=f"law-{k + 1}",
                    law=short_name(confrontation),
                    verdict=judgement.verdict,
                    headline=judgement.headline,
                    observable=title_of(law.observables[judgement.observable], judgement.observable),
                    z=_largest(judgement, "z"),
                    critical=_largest(judgement, "critical"),
                    detectable=_largest(judgement, "detectable"),
                    reason=literal(judgement.reason.replace("+-", "\u00b1")),
                    advice=literal(judgement.advice),
                )
            )
    return rows


def together(confrontations: Sequence[Confrontation]) -> str:
    """All verdicts in one sentence."""
    names = {v: [short_name(c) for c in confrontations if c.verdict == v] for v in ("disagrees", "inconclusive")}
    count, agree = len(confrontations), sum(c.verdict == "agrees" for c in confrontations)
    if count == 1:
        only = confrontations[0]
        return f"{short_name(only)}: {only.headline}."
    said = [f"{agree} of {count} agree"] if agree else []
    said += [f"{len(n)} {v.replace('disagrees', 'disagree')} ({_few(n)})" for v, n in names.items() if n]
    return "; ".join(said or [f"{count} estimates, nothing claimed"]) + "."


def _few(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def command_of(confrontation: Confrontation) -> str:
    """The shell command that computes these figures, for a law of the library; empty for others."""
    statement, law = confrontation.statement, confrontation.statement.law
    if type(law).__name__ not in law_modules():
        return ""
    changed = {f.name: f.default for f in dataclasses.fields(law) if f.name in statement.axes}
    words = ["asymptopia", "run", law.replace(**changed).short()]
    for name, values in statement.axes.items():
        words += ["--sweep", f"{name}={','.join(_show(v) for v in values)}"]
    words += ["--sizes", ",".join(f"{n:d}" for n in confrontation.experiment["size"].values)]
    return shlex.join([*words, "--seeds", str(confrontation.experiment.sizes["seed"])])


def law_content(confrontation: Confrontation, identifier: str, figures: dict[str, Any]) -> dict[str, Any]:
    """Everything that the page shows of one law."""
    from markupsafe import Markup

    statement, law = confrontation.statement, confrontation.statement.law
    stated = statement.short()  # type: ignore[attr-defined]
    cost = dict(getattr(confrontation, "cost", None) or {})
    return dict(
        id=identifier,
        name=type(law).__name__,
        short_name=short_name(confrontation),
        verdict=confrontation.verdict,
        headline=confrontation.headline,
        statement=stated,
        command=command_of(confrontation),
        warnings=[literal(w) for w in confrontation.warnings],
        words=Markup(render_text(docstring(law))),
        advice=[(j.observable.replace("_", " "), literal(j.advice)) for j in confrontation.judgements if j.advice],
        numbers=[numbers_table(confrontation, j) for j in confrontation.judgements] + predicted_only(confrontation),
        parameters=parameters(confrontation),
        status=law.status,
        size=law.size,
        bias=f"{law.bias:g}",
        source=literal(law.source),
        experiment=_experiment(confrontation),
        cost=[(str(k), str(v)) for k, v in cost.items()],
        landmarks=_landmarks(law),
        **figures,
    )


def short_name(confrontation: Confrontation) -> str:
    """Its name in the study, or the law's name with the fields that differ from the defaults."""
    if confrontation.name:
        return confrontation.name
    law = confrontation.statement.law
    every = dataclasses.fields(law)
    fields = [f for f in every if f.name not in confrontation.statement.axes]
    special = [
        f"{f.name}={_part(getattr(law, f.name))}" for f in fields if repr(getattr(law, f.name)) != repr(f.default)
    ]
    name = f"{type(law).__name__}({', '.join(special)})" if special else type(law).__name__
    along = ", ".join(confrontation.statement.axes)
    return f"{name} along {along}" if along else name


def docstring(law: Law) -> str:
    """The docstring of a law; empty if it has none."""
    text = type(law).__doc__ or ""
    return inspect.cleandoc(text)


def parameters(confrontation: Confrontation) -> Table:
    """Every field of the law: value or swept range, default, what is allowed, unit and meaning."""
    law, axes = confrontation.statement.law, confrontation.statement.axes
    rows = []
    for f in dataclasses.fields(law):
        value = _range(axes[f.name]) if f.name in axes else _part(getattr(law, f.name))
        default = "" if f.default is dataclasses.MISSING else _part(f.default)
        rows.append(
            [
                name_label(f.name),
                literal(value),
                literal(default),
                literal(allowed(f.metadata)),
                literal(f.metadata.get("unit", "")),
                f.metadata.get("doc", ""),
            ]
        )
    header = ["field", "value", "default", "allowed", "unit", "meaning"]
    used = [k for k in range(6) if k < 3 or any(row[k] for row in rows)]
    return Table([header[k] for k in used], [[row[k] for k in used] for row in rows], numeric=[False] * len(used))


def numbers_table(confrontation: Confrontation, judgement: Judgement) -> dict[str, Any]:
    """Limit, estimate, errors and z of all components of an observable; folded if long, cut if very long."""
    observable = confrontation.statement.law.observables[judgement.observable]
    rows: list[list[str]] = []
    most = max(MOST_ROWS // len(confrontation.judgements), FEWEST_ROWS)
    failures = bool(judgement.table["failed"].values.any())
    dims = [str(d) for d in judgement.table["z"].dims]
    for place, n in components(judgement):
        if len(rows) == most:
            break
        cells = [literal(_place(place[d])) for d in dims]
        cells += [
            with_error(n["limit"], n["limit_error"]),
            with_error(n["estimate"], n["error"]),
            number(n["extrapolation"], 2) if n["extrapolation"] > 0 else "\u2013",
            _signed(n["z"]),
            _or_dash(n["critical"], 3),
            _or_dash(n["detectable"], 2),
        ]
        rows.append([*cells, *([f"{n['failed']:g}"] if failures else [])])
    header = [
        *map(name_label, dims),
        "bound" if observable.bound else "limit",
        "experiment",
        "extrapolation",
        "$z$",
        "critical",
        "detectable",
        *(["failed"] if failures else []),
    ]
    count = int(judgement.table["z"].size)
    caption = f"The first {most} of {count} rows; the file table.csv has all." if count > most else ""
    numeric = [
        np.issubdtype(judgement.table[d].dtype, np.number) if d in judgement.table.coords else True for d in dims
    ] + [True] * (len(header) - len(dims))
    many = len(confrontation.judgements) > 12
    title = f"{judgement.observable.replace('_', ' ')}: {count} value{'s' if count > 1 else ''}, {judgement.headline}"
    return dict(
        table=Table(header, rows, caption, numeric),
        title=title,
        open=count <= SHORT and not many,
        long=count > 10 * SHORT,
    )


def predicted_only(confrontation: Confrontation) -> list[dict[str, Any]]:
    """The observables that are predicted but not judged."""
    tables = []
    for name, observable in confrontation.statement.law.observables.items():
        if not observable.limit_only or name not in confrontation.limit:
            continue
        limit = confrontation.limit[name]
        error = confrontation.limit.get(f"{name}_error", 0 * limit).values.reshape(-1)
        places = [[_place(v) for v in limit[d].values] for d in map(str, limit.dims)]
        rows = [
            [*map(literal, place), with_error(float(value), float(e))]
            for place, value, e in zip(itertools.product(*places), limit.values.reshape(-1), error, strict=True)
        ]
        table = Table([*(name_label(str(d)) for d in limit.dims), title_of(observable, name)], rows[:MOST_ROWS])
        tables.append(
            dict(table=table, title=f"{name.replace('_', ' ')}: predicted only", open=len(rows) <= SHORT, long=True)
        )
    return tables


def _landmarks(law: Law) -> Table:
    rows = []
    for mark in law.landmarks:
        fields = ", ".join(f"{k}={_part(v)}" for k, v in mark.fields.items())
        rows.append(
            [
                literal(fields or "defaults"),
                literal(mark.observable),
                f"{mark.value:.10g}",
                f"{mark.tolerance:.1g}",
                literal(mark.source),
            ]
        )
    return Table(
        ["statement", "observable", "value", "tolerance", "source"], rows, numeric=[False, False, True, True, False]
    )


def _experiment(confrontation: Confrontation) -> str:
    experiment = confrontation.experiment
    sizes = ", ".join(f"{n:g}" for n in experiment["size"].values)
    points = int(np.prod([len(v) for v in confrontation.statement.axes.values()], initial=1))
    seeds = experiment.sizes["seed"]
    total = points * seeds * experiment.sizes["size"]
    where = f" at {points} points" if points > 1 else ""
    return (
        f"{seeds} seeds at each of the sizes {sizes} ({confrontation.statement.law.size}){where}: {total} realisations"
    )


def _largest(judgement: Judgement, column: str) -> str:
    values = np.abs(judgement.table[column].values.astype(float))
    values = values[~np.isnan(values)]
    return number(values.max(), 3) if values.size else "\u2013"


def _or_dash(value: float, digits: int) -> str:
    return "\u2013" if np.isnan(value) else number(value, digits)


def _range(values: Sequence[Any]) -> str:
    if len(values) > 12 and all(isinstance(v, (int, float)) for v in values):
        return f"{values[0]:g} \u2026 {values[-1]:g} ({len(values)} values)"
    return ", ".join(map(_part, values))


def _part(value: Any) -> str:
    return value.short() if isinstance(value, Record) else f"{value:g}" if isinstance(value, float) else _show(value)


def _place(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float, np.number)) else str(value).removesuffix("()")


def _signed(value: float) -> str:
    return number(value, 3) if not np.isfinite(value) else f"{round(value, 2) + 0.0:+.2f}".replace("-", "\u2212")
