"""Learning curves of a data set, predicted before training and measured, and what follows from them in practice.

    plan = forecast("digits", target="odd", loss=Logistic())
    found = plan.confront()
    print(plan.summary(found))

The prediction is the law `GaussianCovariate` of the data, swept along alpha; the measurement is its experiment,
students trained on random subsets and tested on the rest. Their confrontation says whether the prediction holds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..contract.shown import Shown
from ..contract.sweep import Sweep, sweep
from .answers import Answer, listed
from .curve import LearningCurve, learning_curve, missed
from .ridges import FOLDS, RIDGES, cross_validated, ridge_row

if TYPE_CHECKING:
    import xarray as xr

    from ..laws.inference.gaussian_covariate import GaussianCovariate
    from ..parts.data import Data
    from ..parts.loss import Loss
    from ..verdict.confront import Confrontation

__all__ = ["Answer", "Forecast", "LearningCurve", "cross_validated", "forecast"]

SEEDS, FEWEST_SEEDS = 64, 16
_MANY_VALUES = 10**6
_POINTS = 8
_LARGEST = 5000
_TRIALS, _FIRST_TRIAL = 6, 10**6
_TRUST = {
    "agrees": "Yes: predicted and measured test errors agree to {:.2g}.",
    "disagrees": "No: predicted and measured test errors differ by more than {:.2g}.",
    "inconclusive": "Undecided: the measurement is not precise enough to tell a difference of {:.2g}.",
}


@dataclasses.dataclass(frozen=True)
class Forecast(Shown):
    """A plan: the statement to be confronted with experiment, and how many random subsets of each size to try."""

    statement: Sweep
    seeds: int = SEEDS

    @property
    def law(self) -> GaussianCovariate:
        """The law at the smallest number of samples."""
        return self.statement.law  # type: ignore[return-value]

    @property
    def data(self) -> Data:
        """The data set."""
        return self.law.data  # type: ignore[return-value]

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the table or encoded, and which columns give the target away."""
        return self.data.samples(self.law.features).notes

    def warnings(self) -> list[str]:
        """Why the theory may be wrong for these data, each reason once, with the numbers of samples where it may."""
        warned: dict[str, list[int]] = {}
        for point, n in zip(self.statement.points(), self.samples, strict=True):
            reason = point.valid()
            if reason is not None:
                warned.setdefault(reason, []).append(n)
        return [f"{reason} (At {listed(where)} samples.)" for reason, where in warned.items()]

    @property
    def samples(self) -> tuple[int, ...]:
        """The numbers of training samples."""
        return tuple(p.samples_drawn(p.dimension()) for p in self.statement.points())  # type: ignore[attr-defined]

    def confront(
        self, experiment: xr.Dataset | None = None, level: float = 0.01, resolution: float | None = None
    ) -> Confrontation:
        """Prediction against measurement; the experiment is run here if not given."""
        from ..verdict.confront import confront

        return confront(self.statement, experiment, seeds=self.seeds, level=level, resolution=resolution)

    def answers(
        self, confrontation: Confrontation, errors: Sequence[float] = (), seeds: int | None = None
    ) -> tuple[Answer, ...]:
        """Whether the theory holds, how many samples some test errors need, and which ridge is best at each size."""
        return self.trusted(confrontation), self.samples_needed(errors, confrontation), self.ridges(seeds)

    def trusted(self, confrontation: Confrontation) -> Answer:
        """At which numbers of samples the predicted test error is what is measured, and what would settle it."""
        judgement = confrontation["test_error"]
        columns = (judgement.table[k].values for k in ("limit", "estimate", "error"))
        rows = [
            (n, *map(float, numbers), str(verdict))
            for n, *numbers, verdict in zip(self.samples, *columns, judgement.verdicts, strict=True)
        ]
        holds = [n for n, *_, verdict in rows if verdict == "agrees"]
        fails = [n for n, *_, verdict in rows if verdict == "disagrees"]
        untold = judgement.verdict == "inconclusive" and not judgement.advice
        text = "Undecided:" if untold else _TRUST[judgement.verdict].format(judgement.wanted)
        if fails:
            text += f" It is off at {listed(fails)} samples" + (f", and holds at {listed(holds)}." if holds else ".")
        if judgement.verdict == "inconclusive":
            text += f" {judgement.advice or judgement.reason}"
            text += (
                " Give more random subsets with --seeds, or ask for less with --resolution." if judgement.advice else ""
            )
        names: tuple[str, ...] = ("samples", "predicted test error", "measured", "standard error", "verdict")
        unit = self.data.samples(self.law.features).unit if self._regression else 0.0
        if unit:
            names = (*names[:3], "measured, in units of the target", *names[3:])
            rows = [(*row[:3], unit * float(np.sqrt(max(row[2], 0.0))), *row[3:]) for row in rows]
        return Answer("Does the theory hold for these data?", f"{text} {self.baseline()}", names, tuple(rows))

    @property
    def _regression(self) -> bool:
        return self.data.samples(self.law.features).kind == "regression"

    def baseline(self) -> str:
        """What it takes to be better than no learning at all, in words."""
        data = self.data.samples(self.law.features)
        if data.kind == "regression":
            return (
                f"The mean alone has test error 1, in units of the target's variance, {data.unit**2:.3g}; in its own "
                f"units an error e is {data.unit:.3g} sqrt(e)."
            )
        share = 1 - max(np.unique(data.y, return_counts=True)[1]) / len(data.y)
        return f"Always guessing the more frequent class has test error {share:.3g}."

    def samples_needed(self, errors: Sequence[float] = (), confrontation: Confrontation | None = None) -> Answer:
        """How many samples the theory asks for until the test error is as small as each of `errors`."""
        curve, size = self.curve(confrontation), len(self.data.samples(self.law.features).y)
        if not errors:
            least = 1e-12 if self.data.samples(self.law.features).kind == "regression" else 0.5 / size
            first, last = (max(curve.at(n)[0], least) for n in (self.samples[0], self.samples[-1]))
            errors = sorted({float(f"{e:.2g}") for e in np.geomspace(first, last, 5)[1:]}, reverse=True)
        rows = tuple((float(e), curve.samples_for(e), *curve.band_for(e)) for e in errors)
        text = (
            f"Predicted by theory, with a band for what {size} rows leave open, which grows beyond them, and for what "
            "theory misses of what was measured; a dash where a million samples are not enough."
        )
        columns = ("test error", "samples needed", "at least", "at most")
        return Answer("How many samples until the test error is X?", text, columns, rows)

    def samples_for(self, error: float) -> int | None:
        """The smallest number of samples, from 4 up, whose predicted test error is at most `error`.

        None if a million are not enough.
        """
        if not error > 0:
            raise StatementError(f"`error` must be > 0, but is {error}.")
        return _curve(self).samples_for(error)

    def curve(self, confrontation: Confrontation | None = None) -> LearningCurve:
        """The predicted test error from 4 samples to a million, with its band; see also `curve_of_rows`.

        The band is wider where theory misses what the confrontation measured; without one, six random subsets of each
        size are trained on to see that.
        """
        if confrontation is None:
            return _curve(self).widened(self.samples, _missed_in_trials(self))
        table = confrontation["test_error"].table
        columns = (np.asarray(table[k].values, float) for k in ("limit", "estimate", "error"))
        return _curve(self).widened(self.samples, missed(*columns))

    def curve_of_rows(self) -> LearningCurve:
        """The same with a band for what the rows leave open, and none for what theory misses."""
        return _curve(self)

    def theory(self, n: float) -> dict[str, float]:
        """The predictions for n training samples, which may be more than there are."""
        return _predicted(self.law.replace(alpha=n / self.law.dimension()))  # type: ignore[operator]

    def ridges(self, seeds: int | None = None) -> Answer:
        """The ridge that minimises the theory at each size, against cross-validation, with the test errors of both.

        seeds: training sets of each size; by default four, and one where a training set has more than 10^6 values.
        Raises `StatementError` if there are none.
        """
        if seeds is None:
            seeds = 1 if self.samples[-1] * self.law.dimension() > _MANY_VALUES else 4  # type: ignore[operator]
        if seeds < 1:
            raise StatementError(f"`seeds` must be at least 1, but is {seeds}.")
        points = [p.replace(ridge="auto") for p in self.statement.points()]
        points = points[:: 1 + (len(points) - 1) // 4] if len(points) > 5 else points
        rows = tuple(ridge_row(p, seeds) for p in points)  # type: ignore[arg-type]
        sets = f"{seeds} random training sets" if seeds > 1 else "random training set"
        text = (
            f"Both on the same {sets}; cross-validation with {FOLDS} folds of each, "
            f"over ridges {RIDGES[0]:g} to {RIDGES[-1]:g}."
        )
        columns = ("samples", "ridge by theory", "its test error", "ridge by cross-validation", "its test error")
        return Answer("Which ridge is best?", text, columns, rows)

    def summary(self, found: Confrontation, errors: Sequence[float] = ()) -> str:
        """The answers as text."""
        data = self.data.samples(self.law.features)
        head = (
            f"{self.data.short()}: {data.meaning}, {data.shape[0]} samples in {data.shape[1]} dimensions, {data.kind}"
        )
        return "\n\n".join([head, *map(str, self.answers(found, errors))])


def forecast(
    data: Data | str,
    loss: Loss | type[Loss] | Callable[[Any, Any], Any] | None = None,
    ridge: float | str = "auto",
    features: str | None = None,
    *,
    target: str | None = None,
    samples: Sequence[int] | None = None,
    seeds: int | None = None,
) -> Forecast:
    """The learning curve of a data set: what to confront, and the questions that it answers.

    data:     a part such as `Bundled("digits")`, or the name of one with its `target`: digits, breast_cancer, wine,
              diabetes, patches, or a CSV, NPZ, NPY, Parquet or JSON lines file.
    loss:     by default logistic for two classes, softmax for several and square for numbers; with Logistic() or
              Square() each of several classes is learned against the rest.
    ridge:    a number, or "auto" for the one that minimises the theory at each number of samples.
    features: "none", "relu:P" for P random features, or "ntk:DEPTH" for the machine with a network's tangent kernel.
    samples:  numbers of training samples; by default eight, up to three quarters of the data.
    seeds:    random subsets of each size; by default 64, and fewer, down to 16, where a training set has more than 10^6
              values, as errors then vary less and training takes longer.

    Raises `StatementError` if the data cannot be read or used, before anything else is done.
    """
    from ..laws.inference.gaussian_covariate import GaussianCovariate
    from ..parts.classes import Softmax
    from ..parts.data import Data, named_data
    from ..parts.loss import Logistic, Square

    if isinstance(data, str):
        data = named_data(data, target)
    elif target is not None:
        raise StatementError(f"`target` goes with the name of a data set, but the data are {data!r}.")
    if not isinstance(data, Data):
        raise StatementError(f"`data` must be a data set or its name, but is {data!r}.")
    data = data.pinned()
    features = features or "none"
    found = data.samples(features)
    usual = {"regression": Square(), "classification": Logistic(), "classes": Softmax()}
    loss = loss if loss is not None else usual[found.kind]
    N, d = found.shape
    law = GaussianCovariate(alpha=1.0, data=data, loss=loss, ridge=ridge, features=features)  # type: ignore[arg-type]
    chosen = _grid(N, d) if samples is None else _checked(samples)
    statement = sweep(law, alpha=[n / d for n in chosen])
    statement.admit()
    return Forecast(statement, _usual_seeds(chosen[-1] * d) if seeds is None else seeds)


@lru_cache(maxsize=512)
def _predicted(law: GaussianCovariate) -> dict[str, float]:
    return law.predict()


@lru_cache(maxsize=32)
def _curve(plan: Forecast) -> LearningCurve:
    data = plan.data.samples(plan.law.features)
    classes, fourth = data.kind != "regression", float(np.mean(data.y**4))

    def deviation(error: float) -> float:
        return float(np.sqrt(error * max(1 - error, 0.0))) if classes else float(error * np.sqrt(max(fourth - 1, 2.0)))

    return learning_curve(
        lambda n: plan.theory(n)["test_error"], plan.samples, len(data.y), deviation, plan.law.ridge == "auto"
    )


@lru_cache(maxsize=32)
def _missed_in_trials(plan: Forecast) -> np.ndarray:
    """How far theory is, at each number of samples, from a few students trained on other seeds than an experiment's."""
    from ..contract.batching import seed_keys

    rows = []
    for point, n in zip(plan.statement.points(), plan.samples, strict=True):
        keys = seed_keys(point.dimension(), range(_FIRST_TRIAL, _FIRST_TRIAL + _TRIALS))  # type: ignore[attr-defined]
        errors = [point.realize(point.dimension(), key)["test_error"] for key in keys]  # type: ignore[attr-defined]
        rows.append((plan.theory(n)["test_error"], np.mean(errors), np.std(errors, ddof=1) / np.sqrt(_TRIALS)))
    return missed(*np.array(rows, float).T)


def _checked(samples: Sequence[int]) -> list[int]:
    wrong = [n for n in samples if n != int(n) or n < 2]
    if wrong or not len(samples):
        raise StatementError(f"`samples` must be whole numbers >= 2, but is {list(samples)}.")
    return sorted({int(n) for n in samples})


def _usual_seeds(values: int) -> int:
    """How many random subsets are trained on, of so many values the largest."""
    return int(min(max(SEEDS * _MANY_VALUES / values, FEWEST_SEEDS), SEEDS))


def _grid(N: int, d: int) -> list[int]:
    top = min(int(0.75 * N), max(_LARGEST, 4 * d))
    low = max(min(20, top // 2), min(3 * d // 2, top // 8), 2)
    return sorted({round(float(n)) for n in np.geomspace(low, top, _POINTS)})
