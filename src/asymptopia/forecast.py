"""Learning curves of a data set, predicted before training and measured, and what follows from them in practice.

    plan = forecast("digits", target="odd", loss=Logistic())
    found = plan.confront()
    print(plan.summary(found))

The prediction is the law `GaussianCovariate` of the data, swept along alpha; the measurement is its experiment,
students trained on random subsets and tested on the rest. Their confrontation says whether the prediction holds.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from .contract.record import StatementError
from .contract.sweep import Sweep, sweep
from .numerics.arrays import ArrayLike

if TYPE_CHECKING:
    import xarray as xr

    from .laws.inference.gaussian_covariate import GaussianCovariate
    from .parts.data import Data
    from .parts.loss import Loss
    from .verdict.confront import Confrontation

SEEDS = 64
_POINTS = 8
_LARGEST = 5000
_RIDGES = 10.0 ** np.arange(-3.0, 3.0)
_FOLDS = 5
_TRUST = {
    "agrees": "Yes: predicted and measured test errors agree to {:.2g}.",
    "disagrees": "No: predicted and measured test errors differ by more than {:.2g}.",
    "inconclusive": "Undecided: the measurement is not precise enough to tell a difference of {:.2g}.",
}
_FEWEST = 4
_ENDLESS = 1e6


@dataclasses.dataclass(frozen=True)
class Answer:
    """The answer to one practical question: a sentence, and a table with the names and rows of its columns."""

    title: str
    text: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def plain(self) -> dict[str, Any]:
        """As a dictionary of plain values, for JSON."""
        return {
            "title": self.title,
            "text": self.text,
            "columns": list(self.columns),
            "rows": [list(r) for r in self.rows],
        }

    def __str__(self) -> str:
        cells = [list(self.columns), *([_shown(v) for v in row] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(c.rjust(w) for c, w in zip(row, widths, strict=True)) for row in cells]
        return "\n".join([self.title, self.text, *(f"  {line}" for line in lines if self.rows)])


@dataclasses.dataclass(frozen=True)
class Forecast:
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

    @property
    def samples(self) -> tuple[int, ...]:
        """The numbers of training samples."""
        return tuple(p.samples_drawn(p.dimension()) for p in self.statement.points())  # type: ignore[attr-defined]

    def confront(
        self, experiment: xr.Dataset | None = None, level: float = 0.01, resolution: float | None = None
    ) -> Confrontation:
        """Prediction against measurement; the experiment is run here if not given."""
        from .verdict.confront import confront

        return confront(self.statement, experiment, seeds=self.seeds, level=level, resolution=resolution)

    def answers(self, found: Confrontation, errors: Sequence[float] = (), seeds: int = 4) -> tuple[Answer, ...]:
        """Whether the theory holds, how many samples some test errors need, and which ridge is best at each size."""
        return self.trusted(found), self.samples_needed(errors), self.ridges(seeds)

    def trusted(self, found: Confrontation) -> Answer:
        """At which numbers of samples the predicted test error holds."""
        judgement = found["test_error"]
        table = judgement.table
        wanted = _wanted(found)
        rows = []
        for n, limit, value, error, critical in zip(
            self.samples, *(table[k].values for k in ("limit", "estimate", "error", "critical")), strict=True
        ):
            rows.append(
                (n, float(limit), float(value), float(error), _verdict(abs(value - limit), critical * error, wanted))
            )
        holds = [n for n, *_, verdict in rows if verdict == "agrees"]
        fails = [n for n, *_, verdict in rows if verdict == "disagrees"]
        text = _TRUST[judgement.verdict].format(wanted)
        if fails:
            text += f" It is off at {_listed(fails)} samples" + (f", and holds at {_listed(holds)}." if holds else ".")
        columns = ("samples", "predicted test error", "measured", "standard error", "verdict")
        return Answer("Does the theory hold for these data?", text, columns, tuple(rows))

    def samples_needed(self, errors: Sequence[float] = ()) -> Answer:
        """How many samples the theory asks for until the test error is as small as each of `errors`."""
        if not errors:
            ends = [self.theory(n)["test_error"] for n in (self.samples[0], self.samples[-1])]
            errors = sorted({float(f"{e:.2g}") for e in np.geomspace(ends[0], ends[1], 5)[1:]}, reverse=True)
        rows = tuple((float(e), self.samples_for(e)) for e in errors)
        size = len(self.data.samples(self.law.features).y)
        text = (
            f"Predicted by theory, also beyond the {size} samples at hand; a dash where no number of samples is enough."
        )
        return Answer("How many samples until the test error is X?", text, ("test error", "samples needed"), rows)

    def samples_for(self, error: float) -> int | None:
        """The smallest number of samples, from 4 up, whose predicted test error is at most `error`.

        None if a million are not enough.
        """
        if not error > 0:
            raise StatementError(f"`error` must be > 0, but is {error}.")
        from scipy.optimize import brentq

        def excess(log_n: float) -> float:
            return float(np.log(max(self.theory(float(np.exp(log_n)))["test_error"], 1e-12) / error))

        if excess(np.log(_ENDLESS)) > 0:
            return None
        grid = np.log(
            np.append(np.arange(_FEWEST, self.samples[0], self.samples[0]), np.geomspace(self.samples[0], _ENDLESS, 12))
        )
        above = next(k for k, x in enumerate(grid) if excess(x) <= 0)
        if above == 0:
            return math.ceil(np.exp(grid[0]) - 1e-9)
        return math.ceil(np.exp(brentq(excess, grid[above - 1], grid[above], xtol=2e-3)))

    def theory(self, n: float) -> dict[str, float]:
        """The predictions for n training samples, which may be more than there are."""
        return _predicted(self.law.replace(alpha=n / self.law.dimension()))  # type: ignore[operator]

    def ridges(self, seeds: int = 4) -> Answer:
        """The ridge that minimises the theory at each size, against cross-validation, with the test errors of both."""
        points = [p.replace(ridge="auto") for p in self.statement.points()]
        points = points[:: 1 + (len(points) - 1) // 4] if len(points) > 5 else points
        rows = tuple(_ridge_row(p, seeds) for p in points)  # type: ignore[arg-type]
        text = (
            f"Both on the same {seeds} random training sets; cross-validation with {_FOLDS} folds of each, "
            f"over ridges {_RIDGES[0]:g} to {_RIDGES[-1]:g}."
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
    seeds: int = SEEDS,
) -> Forecast:
    """The learning curve of a data set: what to confront, and the questions that it answers.

    data:     a part such as `Bundled("digits")`, or the name of one with its `target`: digits, breast_cancer, wine,
              diabetes, patches, or a CSV, NPZ or Parquet file.
    loss:     by default logistic for classes and square for numbers.
    ridge:    a number, or "auto" for the one that minimises the theory at each number of samples.
    features: "none", "relu:P" for P random features, or "ntk:DEPTH" for the machine with a network's tangent kernel.
    samples:  numbers of training samples; by default eight, up to three quarters of the data.

    Raises `StatementError` if the data cannot be read or used, before anything else is done.
    """
    from .laws.inference.gaussian_covariate import GaussianCovariate
    from .parts.data import Data, named_data
    from .parts.loss import Logistic, Square

    if isinstance(data, str):
        data = named_data(data, target)
    elif target is not None:
        raise StatementError(f"`target` goes with the name of a data set, but the data are {data!r}.")
    if not isinstance(data, Data):
        raise StatementError(f"`data` must be a data set or its name, but is {data!r}.")
    data = data.pinned()
    features = features or "none"
    found = data.samples(features)
    loss = loss if loss is not None else Square() if found.kind == "regression" else Logistic()
    N, d = found.shape
    law = GaussianCovariate(alpha=1.0, data=data, loss=loss, ridge=ridge, features=features)  # type: ignore[arg-type, call-arg]
    chosen = _grid(N, d) if samples is None else _checked(samples)
    statement = sweep(law, alpha=[n / d for n in chosen])
    statement.admit()
    return Forecast(statement, seeds)


@lru_cache(maxsize=512)
def _predicted(law: GaussianCovariate) -> dict[str, float]:
    return law.predict()


def _checked(samples: Sequence[int]) -> list[int]:
    wrong = [n for n in samples if n != int(n) or n < 2]
    if wrong or not len(samples):
        raise StatementError(f"`samples` must be whole numbers >= 2, but is {list(samples)}.")
    return sorted({int(n) for n in samples})


def _grid(N: int, d: int) -> list[int]:
    top = min(int(0.75 * N), max(_LARGEST, 4 * d))
    low = max(min(20, top // 2), min(3 * d // 2, top // 8), 2)
    return sorted({round(float(n)) for n in np.geomspace(low, top, _POINTS)})


def _wanted(found: Confrontation) -> float:
    from .verdict.judge import resolution_of

    judgement = found["test_error"]
    return resolution_of(found.statement.law.observables["test_error"], None) * float(
        judgement.table["scale"].values.max()
    )


def _verdict(difference: float, spread: float, wanted: float) -> str:
    if difference - spread > wanted:
        return "disagrees"
    return "agrees" if difference + spread <= wanted else "inconclusive"


def _ridge_row(law: GaussianCovariate, seeds: int) -> tuple[Any, ...]:
    """Samples, ridge and test error by theory, and by cross-validation."""
    from .contract.batching import generator, seed_keys
    from .laws.inference.gaussian_covariate.experiment import trained_errors

    data = law.data.samples(law.features)  # type: ignore[attr-defined]
    classes, d = data.kind == "classification", data.shape[1]
    by_theory, chosen, errors = law.chosen_ridge(), [], []
    for seed in range(seeds):
        rng = generator(seed_keys(d, [seed])[0])
        train, test = np.split(rng.permutation(len(data.y)), [law.samples_drawn(d)])
        chosen.append(cross_validated(data.X[train], data.y[train], law.loss, classes, rng))
        errors.append(
            [
                trained_errors(data.X, data.y, train, test, law.loss, r, classes)["test_error"]
                for r in (by_theory, chosen[-1])
            ]
        )
    first, second = np.mean(errors, axis=0)
    return (law.samples_drawn(d), by_theory, float(first), float(np.exp(np.mean(np.log(chosen)))), float(second))


def cross_validated(X: np.ndarray, y: np.ndarray, loss: Loss, classes: bool, rng: np.random.Generator) -> float:
    """The ridge of least mean validation error over five folds; among equals, the one in their middle."""
    from .laws.inference.gaussian_covariate.experiment import trained_errors

    folds = np.array_split(rng.permutation(len(y)), min(_FOLDS, len(y)))
    totals = np.zeros(len(_RIDGES))
    for k, test in enumerate(folds):
        train = np.concatenate([f for j, f in enumerate(folds) if j != k])
        totals += [len(test) * trained_errors(X, y, train, test, loss, r, classes)["test_error"] for r in _RIDGES]
    best = np.flatnonzero(totals <= totals.min() * (1 + 1e-12))
    return float(_RIDGES[best[len(best) // 2]])


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _shown(value: ArrayLike) -> str:
    return "-" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
