"""What a ladder says of a larger run: an interval, a verdict on each form, checks, and what to run next."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .checks import LeftOut, NextRun
from .discrepancy import Departing
from .ladder import Ladder
from .mixture import Mixture

if TYPE_CHECKING:
    from ..report import Chart

_GRID = 60
AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
REFUTED, SURE, ENOUGH = 0.01, 0.95, 2 / 3

Shown = tuple[str, tuple[str, ...], Sequence[tuple[str, ...]]]
"""Title, columns and rows of a table."""


@dataclasses.dataclass(frozen=True)
class Prediction:
    """What a run of size `at` will reach: the median, and the intervals of single runs and of the curve, their mean."""

    at: tuple[float, ...]
    median: float
    low: float
    high: float
    curve_low: float
    curve_high: float


@dataclasses.dataclass(frozen=True)
class Said:
    """What became of a form: its probability, the p-value of its lack of fit, the verdict, its constants as (name,
    median, low, high), and its own prediction of the last size asked for."""

    name: str
    formula: str
    probability: float
    lack: float
    verdict: str
    constants: tuple[tuple[str, float, float, float], ...]
    median: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Extrapolation:
    """The answer of `extrapolate`.

    departing: what runs have in common beside the laws, if there is evidence of it; predictions and checks are with it,
             forms and their constants without.
    widened: the factor by which the intervals are wider than the forms alone say, because the forms do not fit or, when
             fitted to smaller runs, missed the larger ones; 1 if all is well.
    verdict: "agrees" if some form fits and the runs left out are where it said; "disagrees" if every form is refuted,
             or those runs are not; "inconclusive" if there are too few runs to tell.
    """

    ladder: Ladder
    mixture: Mixture
    departing: Departing | None
    share: float
    predictions: tuple[Prediction, ...]
    forms: tuple[Said, ...]
    left_out: tuple[LeftOut, ...]
    next_run: NextRun
    widened: float
    verdict: str
    reason: str
    notes: tuple[str, ...]

    @property
    def best(self) -> Mixture | Departing:
        """What predicts."""
        return self.departing or self.mixture

    def plain(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        records = {k: getattr(self, k) for k in ("predictions", "forms", "left_out")}
        return {
            "x": list(self.ladder.names[:-1]), "y": self.ladder.names[-1], "runs": len(self.ladder.y),
            "share": self.share, "verdict": self.verdict, "reason": self.reason, "widened": self.widened,
            "departure": None if self.departing is None else self.departing.size,
            **{k: [dataclasses.asdict(r) for r in v] for k, v in records.items()},
            "next_run": dataclasses.asdict(self.next_run),
            "notes": list(self.notes),
        }  # fmt: skip

    def tables(self) -> list[Shown]:
        """Title, columns and rows of each table of the answer, as text."""
        tables: list[Shown] = [self._predictions(), self._forms(), self._constants()]
        if self.left_out:
            rows = [
                (str(o.runs), sized(o.fitted_to), f"{o.inside} of {o.runs}", _g(o.measured), _to(o.low, o.high))
                for o in self.left_out
            ]
            largest = f"largest: {self.ladder.names[-1]}"
            columns = ("runs left out", "fitted up to", "inside the interval", largest, "predicted within")
            tables.append(("The largest runs, predicted from the smaller ones", columns, rows))
        return tables

    def _predictions(self) -> Shown:
        rows = [
            (sized(p.at), _g(p.median), _to(p.low, p.high), _to(p.curve_low, p.curve_high)) for p in self.predictions
        ]
        title = f"What a larger run will reach ({100 * self.share:g} % intervals)"
        return title, ("at", self.ladder.names[-1], "a run is within", "the curve is within"), rows

    def _forms(self) -> Shown:
        rows = []
        for f in self.forms:
            lack = "-" if math.isnan(f.lack) else f"{f.lack:.2g}"
            rows.append((f.name, f.formula, f"{f.probability:.2g}", lack, f.verdict, _to(f.low, f.high)))
        alone = f"alone at {sized(self.predictions[-1].at)}"
        return "Which law", ("form", "formula", "probability", "lack of fit p", "verdict", alone), rows

    def _constants(self) -> Shown:
        """Of the forms that are not refuted, or of all where none is left."""
        shown = [f for f in self.forms if f.verdict != DISAGREES] or self.forms
        rows = [(f.name, n, f"{m:.3g}", f"{a:.3g} to {b:.3g}") for f in shown for n, m, a, b in f.constants]
        return f"Constants ({100 * self.share:g} % intervals)", ("form", "constant", "median", "within"), rows

    def __str__(self) -> str:
        advice = self.next_run.sentence(self.ladder.names)
        return shown(self.tables(), f"{advice}\nverdict: {self.verdict}. {self.reason}")

    def plot(self, folder: str | Path) -> list[Path]:
        """Runs, curve with its interval and predictions as extrapolation.pdf and .svg in a folder."""
        from ..report import save_chart

        return save_chart(chart(self), folder)


def chart(extrapolation: Extrapolation) -> Chart:
    """Runs, the average over forms with its interval, the forms that are not refuted, and the sizes asked for.

    With two variables, what runs reached against what the law says of them.
    """
    return _line(extrapolation) if len(extrapolation.ladder.names) == 2 else _against(extrapolation)


def _line(extrapolation: Extrapolation) -> Chart:
    from ..report import Curve, Measured, curve_figure

    ladder, places = extrapolation.ladder, np.array([p.at for p in extrapolation.predictions])
    x = np.geomspace(ladder.x.min(), max(places.max(), ladder.x.max()), _GRID)
    curves = extrapolation.best.curves(x[:, None])
    ends = np.quantile(curves, [(1 - extrapolation.share) / 2, 0.5, (1 + extrapolation.share) / 2], axis=0)
    asked = Measured(
        "asked for, a single run", places[:, 0], np.array([p.median for p in extrapolation.predictions]),
        np.array([(p.high - p.low) / 2 for p in extrapolation.predictions]), role="size",
    )  # fmt: skip
    runs = Measured("runs", ladder.x[:, 0], ladder.y)
    average = Curve(
        "average over forms", x, ends[1], extrapolation.widened * (ends[2] - ends[0]) / 2, measured=(runs, asked)
    )
    return curve_figure(
        [average], name="extrapolation", title=f"{ladder.names[1]} against {ladder.names[0]}", xlabel=ladder.names[0],
        ylabel=ladder.names[1], xlog=True, ylog=True, line="average over forms",
        caption=f"The band and the bars hold {100 * extrapolation.share:g} %: of curves, and of single runs.",
    )  # fmt: skip


def _against(extrapolation: Extrapolation) -> Chart:
    from ..report import Curve, Measured, curve_figure

    ladder, y = extrapolation.ladder, extrapolation.ladder.names[-1]
    said = np.median(extrapolation.best.curves(ladder.x), axis=0)
    ends = np.array([min(said.min(), ladder.y.min()), max(said.max(), ladder.y.max())])
    line = Curve("as predicted", ends, ends, measured=(Measured("runs", said, ladder.y),))
    return curve_figure(
        [line], name="extrapolation", title=f"{y}: runs against the law", xlabel=f"{y} by the law",
        ylabel=f"{y} reached", xlog=True, ylog=True, line="as predicted",
        caption="Each point is a run; the line is where both are equal.",
    )  # fmt: skip


def said(mixture: Mixture, at: np.ndarray, share: float) -> tuple[Said, ...]:
    """The verdict on each form: refuted by its lack of fit, or by another that fits far better and is far likelier."""
    likeliest = mixture.fits[int(np.argmax(mixture.weights))].log_best
    ends, verdicts = np.array([0.5, (1 - share) / 2, (1 + share) / 2]), []
    rng = np.random.default_rng(2)
    for fit, probability in zip(mixture.fits, mixture.weights, strict=True):
        median, low, high = np.quantile(fit.runs(at[-1:], rng), ends)
        constants = np.quantile(fit.constants(), ends, axis=0).T
        worse = fit.log_best < likeliest + np.log(REFUTED) and probability < REFUTED * mixture.weights.max()
        refuted = fit.lack < REFUTED or worse
        verdict = DISAGREES if refuted else AGREES if probability >= SURE else INCONCLUSIVE
        named = tuple((n, *map(float, c)) for n, c in zip(fit.form.constants, constants, strict=True))
        verdicts.append(
            Said(
                fit.form.name, fit.form.formula, float(probability), float(fit.lack), verdict, named,  # type: ignore[arg-type]
                float(median), float(low), float(high),
            )
        )  # fmt: skip
    return tuple(verdicts)


def predicted(mixture: Mixture | Departing, at: np.ndarray, share: float, widened: float) -> tuple[Prediction, ...]:
    """Medians and intervals at sizes (M, v); wider by a factor about the median, on a logarithmic scale."""
    ends = [0.5, (1 - share) / 2, (1 + share) / 2]
    runs, curves = (np.quantile(v, ends, axis=0).T for v in (mixture.results(at), mixture.curves(at)))
    predictions = []
    for size, (median, *run), (_, *curve) in zip(at, runs, curves, strict=True):
        low, high, below, above = (float(median * (v / median) ** widened) for v in (*run, *curve))
        predictions.append(Prediction(tuple(map(float, size)), float(median), low, high, below, above))
    return tuple(predictions)


def shown(tables: Sequence[Shown], last: str) -> str:
    """Tables as text, and what comes after them."""
    lines = []
    for title, columns, rows in tables:
        cells = [list(columns), *map(list, rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        padded = ("  ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)).rstrip() for r in cells)
        lines += [title, *("  " + row for row in padded), ""]
    return "\n".join([*lines, last])


def sized(at: Sequence[float]) -> str:
    """Sizes as text."""
    return ", ".join(f"{v:.4g}" for v in at)


def _g(value: float) -> str:
    return f"{value:.4g}"


def _to(low: float, high: float) -> str:
    return f"{low:.4g} to {high:.4g}"
