"""Whether measured learning curves are inside the bands of forecasts, on five data sets and six made-up ones.

    python studies/bands.py [NAME ...]

The band is that of `Forecast.curve()`, which knows six random training sets of each size; the curve is measured on
others. "alone" counts the points inside the band of the rows only, before what theory missed of those six widens it.
`samples_for` is asked for 50 errors: of each the curve must be that small there, and not one sample before.

The output is `bands.txt` beside this file: 94 of 96 points are inside. The two that are not are the smallest training
sets of two made-up regressions, one within the error of its measurement.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from asymptopia.forecast import Forecast, forecast
from asymptopia.forecast.curve import FEWEST

SEEDS, TARGETS = 24, 50
BUNDLED = {
    "breast_cancer": ("breast_cancer", None), "wine": ("wine", "cultivar"), "diabetes": ("diabetes", None),
}  # fmt: skip
LARGE = {"patches": ("patches", None), "digits, odd": ("digits", "odd"), "digits, all ten": ("digits", "digit")}

Rows = tuple[np.ndarray, np.ndarray]


def gaussian_classes(rng: np.random.Generator) -> Rows:
    """300 rows, two classes."""
    X = rng.standard_normal((300, 10))
    return X, (X @ rng.standard_normal(10) + 1.5 * rng.standard_normal(300) > 0).astype(int)


def gaussian_numbers(rng: np.random.Generator) -> Rows:
    """20,000 rows, a regression with a falling spectrum."""
    X = rng.standard_normal((20000, 40)) * np.arange(1, 41) ** -0.5
    return X, X @ rng.standard_normal(40) + rng.standard_normal(20000)


def three_clusters(rng: np.random.Generator) -> Rows:
    """1,500 rows, three classes with a centre each."""
    y = rng.integers(0, 3, 1500)
    return 0.5 * rng.standard_normal((3, 20))[y] + rng.standard_normal((1500, 20)), y


def rare_positives(rng: np.random.Generator) -> Rows:
    """3,000 rows, 2 % positives."""
    X = rng.standard_normal((3000, 15))
    score = X @ rng.standard_normal(15) / np.sqrt(15) + 0.3 * rng.standard_normal(3000)
    return X, (score > np.quantile(score, 0.98)).astype(int)


def heavy_tails(rng: np.random.Generator) -> Rows:
    """2,000 rows, each with a radius of its own: not like Gaussian inputs."""
    X = np.where(rng.random(2000) < 0.1, 3.0, 0.33)[:, None] * rng.standard_normal((2000, 20))
    return X, (X.sum(axis=1) + 0.3 * rng.standard_normal(2000) > 0).astype(int)


def skewed_numbers(rng: np.random.Generator) -> Rows:
    """5,000 rows of exponential inputs and a target that is not linear in them."""
    X = rng.exponential(size=(5000, 25)) - 1
    u = X @ rng.standard_normal(25) / 5
    return X, u + np.abs(u) + 0.5 * rng.standard_normal(5000)


MADE: tuple[Callable[[np.random.Generator], Rows], ...] = (
    gaussian_classes, gaussian_numbers, three_clusters, rare_positives, heavy_tails, skewed_numbers,
)  # fmt: skip


def plans(folder: Path, asked: list[str]) -> dict[str, Callable[[], Forecast]]:
    """The forecasts asked for by the beginnings of their names; all without any."""
    known: dict[str, Callable[[], Forecast]] = {k: lambda v=v: forecast(v[0], target=v[1]) for k, v in BUNDLED.items()}
    for k, made in enumerate(MADE):
        X, y = made(np.random.default_rng(k))
        path = folder / f"{made.__name__}.npz"
        np.savez(path, X=X, y=y)
        known[made.__name__] = lambda path=path: forecast(str(path), target="y")
    known |= {k: lambda v=v: forecast(v[0], target=v[1]) for k, v in LARGE.items()}
    return {name: plan for name, plan in known.items() if not asked or name.startswith(tuple(asked))}


def consistent(plan: Forecast) -> int:
    """For how many of 50 errors `samples_for` says where the curve is first that small."""
    curve, right = plan.curve(), 0
    for error in np.geomspace(max(curve.error.max(), 1e-6), max(0.8 * curve.error.min(), 1e-7), TARGETS):
        n = plan.samples_for(float(error))
        if n is None:
            right += bool((curve.error > error).all())
        else:
            right += curve.at(n)[0] <= error * (1 + 1e-9) and (n <= FEWEST or curve.at(n - 1)[0] > error * (1 - 1e-9))
    return right


def main(asked: list[str]) -> None:
    points = inside = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, made in plans(Path(folder), asked).items():
            start = time.process_time()
            plan = made()
            curve, alone = plan.curve(), plan.curve_of_rows()
            result = plan.confront(plan.statement.experiment(seeds=SEEDS))
            measured = result["test_error"].table["estimate"].values
            bands = [[c.at(n)[1:] for n in plan.samples] for c in (curve, alone)]
            held = [sum(a <= m <= b for (a, b), m in zip(band, measured, strict=True)) for band in bands]
            points, inside = points + len(measured), inside + held[0]
            print(
                f"{name:18} inside {held[0]} of {len(measured)}, alone {held[1]}, {result['test_error'].verdict:12} "
                f"samples_for {consistent(plan)} of {TARGETS}, {time.process_time() - start:.0f} CPU s", flush=True,
            )  # fmt: skip
    print(f"{'all':18} inside {inside} of {points}")


if __name__ == "__main__":
    main(sys.argv[1:])
