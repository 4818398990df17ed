"""Loss curves continued under a schedule of the learning rate: what is read, predicted and checked."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..tables import Reading, numbers_in, read_table
from .curves import CurveFit, fit_curves, thinned
from .result import AGREES, DISAGREES, ENOUGH, INCONCLUSIVE, REFUTED, SURE, Shown, shown
from .schedules import SCHEDULE_FORMS, Run

if TYPE_CHECKING:
    import pandas as pd

    from ..report import Chart

_FEWEST, _SHOWN, _GRID, _LAST, _MOST = 12, 6, 80, 1 / 3, 400
_ENDS = 3


@dataclasses.dataclass(frozen=True)
class Continued:
    """What a run will log at rows without a loss: steps (m,), medians and the ends of intervals (m,)."""

    run: str
    step: np.ndarray
    median: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """A run, or the last third of the only one, predicted from the rest: how many of its points are inside their
    intervals, its last loss and the interval of that, and by what factor intervals would have to be wider."""

    run: str
    points: int
    inside: int
    measured: float
    low: float
    high: float
    deviation: float


@dataclasses.dataclass(frozen=True)
class FormOfSchedule:
    """What became of a law: its probability, verdict, and constants as (name, median, low, high)."""

    name: str
    formula: str
    probability: float
    verdict: str
    constants: tuple[tuple[str, float, float, float], ...]


@dataclasses.dataclass(frozen=True)
class Continuation:
    """The answer of `continue_runs`.

    widened: the factor by which intervals are wider than the laws alone say, because curves held out were missed.
    verdict: "agrees" if curves held out are where the others say, "disagrees" if not, "inconclusive" without such.
    """

    names: tuple[str, str, str]
    runs: tuple[Run, ...]
    share: float
    predictions: tuple[Continued, ...]
    forms: tuple[FormOfSchedule, ...]
    held_out: tuple[HeldOut, ...]
    widened: float
    verdict: str
    reason: str
    notes: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        predictions = [
            {"run": p.run} | {k: getattr(p, k).tolist() for k in ("step", "median", "low", "high")}
            for p in self.predictions
        ]
        return {
            "step": self.names[0], "y": self.names[1], "lr": self.names[2], "share": self.share,
            "verdict": self.verdict, "reason": self.reason, "widened": self.widened, "predictions": predictions,
            "forms": [dataclasses.asdict(f) for f in self.forms],
            "held_out": [dataclasses.asdict(h) for h in self.held_out], "notes": list(self.notes),
        }  # fmt: skip

    def tables(self) -> list[Shown]:
        """Title, columns and rows of each table of the answer, as text."""
        percent = f"{100 * self.share:g} % intervals"
        rows = []
        for p in self.predictions:
            for k in np.unique(np.linspace(0, len(p.step) - 1, _SHOWN).round().astype(int)):
                rows.append((p.run, f"{p.step[k]:.6g}", f"{p.median[k]:.4g}", f"{p.low[k]:.4g} to {p.high[k]:.4g}"))
        forms = [(f.name, f.formula, f"{f.probability:.2g}", f.verdict) for f in self.forms]
        constants = [(f.name, n, f"{m:.3g}", f"{a:.3g} to {b:.3g}") for f in self.forms for n, m, a, b in f.constants
                     if f.verdict != DISAGREES]  # fmt: skip
        checks = [(h.run, f"{h.inside} of {h.points}", f"{h.measured:.4g}", f"{h.low:.4g} to {h.high:.4g}")
                  for h in self.held_out]  # fmt: skip
        step, loss, _ = self.names
        tables: list[Shown] = [
            (f"What will be logged ({percent})", ("run", step, loss, "within"), rows),
            ("Which law", ("form", "formula", "probability", "verdict"), forms),
            (f"Constants ({percent})", ("form", "constant", "median", "within"), constants),
        ]
        if checks:
            columns = ("held out", "inside the interval", f"last {loss}", "predicted within")
            tables.append(("Curves predicted from the others", columns, checks))
        return tables

    def __str__(self) -> str:
        return shown(self.tables(), f"verdict: {self.verdict}. {self.reason}")

    def chart(self) -> Chart:
        """Losses logged and predicted, with their intervals, against steps."""
        from ..report import Curve, Measured, curve_figure

        curves, (step, loss, _) = [], self.names
        for p in self.predictions:
            run = next(r for r in self.runs if r.name == p.run)
            rows, means, _ = thinned(run)
            rows, means = rows[:: 1 + len(rows) // _GRID], means[:: 1 + len(means) // _GRID]
            measured = (Measured("logged", run.step[rows], means),) if len(rows) else ()
            curves.append(Curve(p.run or "run", p.step, p.median, (p.high - p.low) / 2, measured=measured))
        return curve_figure(
            curves, name="continuation", title=f"{loss} under the schedules asked for", xlabel=step, ylabel=loss,
            line="average over laws", caption=f"The bands hold {100 * self.share:g} % of what will be logged.",
        )  # fmt: skip


def continue_runs(
    table: str | Path | pd.DataFrame,
    step: str,
    loss: str,
    lr: str,
    *,
    run: str | None = None,
    share: float = 0.9,
    encoding: str = "",
) -> Continuation:
    """What loss curves will be under a schedule of the learning rate, from curves that were logged under others.

    table: a CSV, NPZ or Parquet file, or a pandas DataFrame, with one row a logged step; rows without a loss are
           predicted: the rest of a run, or a whole run under another schedule. In the warm-up, until the learning
           rate is largest, none are; of a run at most 400, evenly spread, are.
    step, loss, lr: the columns of steps, losses > 0 and learning rates >= 0, for the rows to be predicted as planned.
    run:   the column that names runs, if there are several; without, all rows are one run.
    share: of logged losses that intervals are to hold.
    encoding: of a text file, as in `asymptopia.tables.read_table`.

    The laws are in `asymptopia.extrapolate.schedules`: the loss as a power of the sum of learning rates, with a term
    for what lower rates gain. The prediction averages over them. Each run is predicted from the others, or the last
    third of the only one from the rest; where that fails, intervals are widened by as much. What differs from run to
    run at the same schedule is not in the intervals.

    Raises `StatementError` with everything that is wrong with the table, and if nothing is to be predicted.
    """
    if not 0 < share < 1:
        raise StatementError(f"`share` must be > 0 and < 1, but is {share!r}.")
    runs, notes = _read(table, step, loss, lr, run, encoding)
    measured = [r for r in runs if np.isfinite(r.loss).any()]
    fits, weights = _fitted(measured)
    checks = _held_out(measured, share)
    missed = any(h.inside < ENOUGH * share * h.points for h in checks)
    widened = max(1.0, *(h.deviation for h in checks)) if missed else 1.0
    predictions = tuple(_continued(r, fits, weights, share, widened) for r in runs if len(_asked(r)))
    verdict, reason = INCONCLUSIVE, "There is no curve to hold out and predict from the others."
    if checks:
        verdict, reason = AGREES, "Curves held out are where the others say."
    if missed:
        verdict = DISAGREES
        reason = f"Curves held out are not where the others say. Intervals are {widened:.2g} times wider for that."
    forms = _said(fits, weights, share)
    return Continuation(
        (step, loss, lr), tuple(runs), share, predictions, forms, checks, widened, verdict, reason, notes
    )


def _read(
    table: str | Path | pd.DataFrame, step: str, loss: str, lr: str, run: str | None, encoding: str
) -> tuple[list[Run], tuple[str, ...]]:
    import pandas as pd

    reading = (
        read_table(table, encoding=encoding)
        if isinstance(table, (str, Path))
        else Reading(pd.DataFrame(table), "given")
    )
    numbers = numbers_in(reading, [step, loss, lr])
    if run is not None and run not in map(str, reading.table.columns):
        known = ", ".join(map(str, reading.table.columns))
        raise StatementError(f"The file {reading.name} has no column {run!r}. Known: {known}.")
    if not len(numbers[step]):
        raise StatementError(f"The file {reading.name} has no rows below the names of its columns.")
    if run is not None and (unnamed := int(reading.table[run].isna().sum())):
        raise StatementError(
            f"The file {reading.name} must name the run of every row, but {run} is empty in {unnamed}."
        )
    names = np.full(len(numbers[step]), "") if run is None else reading.table[run].astype(str).to_numpy()
    runs = []
    for name in dict.fromkeys(names):
        rows = np.flatnonzero(names == name)
        rows = rows[np.argsort(numbers[step][rows], kind="stable")]
        runs.append(Run(str(name), numbers[step][rows], numbers[lr][rows], numbers[loss][rows]))
        _check(runs[-1], reading.name)
    if not any(len(_asked(r)) for r in runs):
        raise StatementError(
            f"Every row after warm-up in the file {reading.name} has a loss, so nothing is to be predicted; add rows "
            f"with {step} and {lr} as planned and an empty {loss}."
        )
    if not any(r.shows_a_change() for r in runs) and any(len(r.knots()) for r in runs):
        raise StatementError(
            f"In the file {reading.name} no loss was logged after a change of {lr}, so what a change does cannot be "
            "known; add a run with another schedule."
        )
    return runs, reading.notes


def _check(run: Run, name: str) -> None:
    which, logged = f" of the run {run.name}" if run.name else "", np.isfinite(run.loss)
    if not (np.isfinite(run.step).all() and np.isfinite(run.rate).all()):
        raise StatementError(f"The file {name} must give the step and the learning rate of every row{which}.")
    if (np.diff(run.step) <= 0).any() or run.step[0] < 0:
        raise StatementError(f"The steps{which} in the file {name} must be >= 0 and differ; name runs with `run`.")
    if (run.rate < 0).any() or run.rate.max() == 0:
        raise StatementError(f"The learning rates{which} in the file {name} must be >= 0, and not all 0.")
    if (run.loss[logged] <= 0).any():
        raise StatementError(f"The losses{which} in the file {name} must be > 0.")
    means = thinned(run)[1]
    if len(means) >= _FEWEST and np.median(means[-_ENDS:]) > np.median(means[:_ENDS]):
        raise StatementError(
            f"The loss{which} in the file {name} ends at {np.median(means[-_ENDS:]):.4g}, above where it began after "
            f"warm-up, {np.median(means[:_ENDS]):.4g}: a run that diverges follows no law; leave it out."
        )
    if logged.any() and len(means) < _FEWEST:
        raise StatementError(
            f"At least {_FEWEST} losses after warm-up are needed{which} in the file {name}; warm-up ends where the "
            f"learning rate is largest, at step {run.step[run.warm]:g}."
        )


def _fitted(runs: list[Run]) -> tuple[list[CurveFit], np.ndarray]:
    """The fits and their probabilities; before the curves are seen, all laws are equally likely."""
    if not runs:
        raise StatementError("No run has losses to learn from.")
    forms = SCHEDULE_FORMS if any(len(r.knots()) for r in runs) else SCHEDULE_FORMS[:1]
    tried = [fit_curves(f, runs, np.random.default_rng(5)) for f in forms]
    fits = [f for f in tried if f is not None]
    if not fits:
        raise StatementError(
            "No law of schedules goes through these curves: in each the loss falls as learning rates add up. Leave out "
            "runs that diverge, and rows before the loss begins to fall."
        )
    logs = np.array([f.log_evidence for f in fits])
    weights = np.exp(logs - logs.max())
    return fits, weights / weights.sum()


def _results(run: Run, rows: np.ndarray, fits: list[CurveFit], weights: np.ndarray, averaged: np.ndarray) -> np.ndarray:
    """Draws (K, m) of what is logged at rows of a run, where so many (m,) neighbours are averaged."""
    rng, draws = np.random.default_rng(6), []
    for fit, weight in zip(fits, weights, strict=True):
        count = round(2000 * weight)
        if count:
            chosen = rng.integers(0, len(fit.places), count)
            values = dataclasses.replace(
                fit, places=fit.places[chosen], linear=fit.linear[chosen], spread=fit.spread[chosen]
            ).curve(run, rows)
            noise = rng.standard_normal(values.shape) * fit.spread[chosen][:, None] / np.sqrt(averaged)
            draws.append(values * (1 + noise))
    return np.concatenate(draws)


def _interval(results: np.ndarray, share: float) -> tuple[np.ndarray, ...]:
    """The low end, median and high end (m,) of the intervals of draws (K, m)."""
    return tuple(np.quantile(results, [(1 - share) / 2, 0.5, (1 + share) / 2], axis=0))


def _asked(run: Run) -> np.ndarray:
    """Rows after warm-up without a loss."""
    return np.flatnonzero(np.isnan(run.loss) & (run.summed > 0) & (np.arange(len(run.loss)) >= run.warm))


def _continued(run: Run, fits: list[CurveFit], weights: np.ndarray, share: float, widened: float) -> Continued:
    rows = _asked(run)
    if len(rows) > _MOST:
        rows = rows[np.linspace(0, len(rows) - 1, _MOST).round().astype(int)]
    results = _results(run, rows, fits, weights, np.ones(len(rows)))
    low, median, high = _interval(results, share)
    low, high = median - widened * (median - low), median + widened * (high - median)
    return Continued(run.name, run.step[rows], median, low, high)


def _held_out(runs: list[Run], share: float) -> tuple[HeldOut, ...]:
    """Each run predicted from the others, where these know what a change of rate does; or the last third of one."""
    checks = []
    for k, run in enumerate(runs):
        others = [r for j, r in enumerate(runs) if j != k]
        first = 0
        if not others:
            rows = np.flatnonzero(np.isfinite(run.loss))
            first = int(rows[int(len(rows) * (1 - _LAST))])
            others = [dataclasses.replace(run, loss=np.where(np.arange(len(run.loss)) < first, run.loss, np.nan))]
        known = any(r.shows_a_change() for r in others)
        if (len(run.knots()) and not known) or len(thinned(others[0])[0]) < _FEWEST:
            continue
        checks.append(_check_of(run, first, *_fitted(others), share))
    return tuple(checks)


def _check_of(run: Run, first: int, fits: list[CurveFit], weights: np.ndarray, share: float) -> HeldOut:
    thin = thinned(run)
    rows, losses, counts = (v[thin[0] >= first] for v in thin)
    low, median, high = _interval(_results(run, rows, fits, weights, counts), share)
    half = np.where(losses > median, high - median, median - low)
    deviation = float(np.quantile(np.abs(losses - median) / np.maximum(half, 1e-300), share))
    inside = int(((low <= losses) & (losses <= high)).sum())
    return HeldOut(run.name, len(rows), inside, float(losses[-1]), float(low[-1]), float(high[-1]), deviation)


def _said(fits: list[CurveFit], weights: np.ndarray, share: float) -> tuple[FormOfSchedule, ...]:
    ends, forms = [0.5, (1 - share) / 2, (1 + share) / 2], []
    for fit, probability in zip(fits, weights, strict=True):
        worse = probability < REFUTED * weights.max()
        verdict = DISAGREES if worse else AGREES if probability >= SURE else INCONCLUSIVE
        constants = tuple((n, *map(float, np.quantile(v, ends))) for n, v in fit.constants().items())
        forms.append(FormOfSchedule(fit.form.name, fit.form.formula, float(probability), verdict, constants))  # type: ignore[arg-type]
    return tuple(forms)
