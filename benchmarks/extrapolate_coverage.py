"""How often the 90 % intervals of `extrapolate` contain a run 10 and 100 times larger than the largest of the ladder.

    python benchmarks/extrapolate_coverage.py [LADDERS] [--peers]

Ladders come from four laws with realistic noise (0.2 to 1 % of the loss): power laws with and without floor, broken
power laws with the break inside the ladder, and Chinchilla's law in parameters and tokens. Intervals are those that
users get, with departures, checks and what these widen. Beside them stand those of the averaged laws alone, and what is
done by hand with SciPy, as public tools give a point without an interval: one power law with floor (in two variables
Chinchilla's law) by least squares, with the interval of its linearisation, and with that of 60 resamplings of the runs.
All are intervals of a run, with its noise: as large at all sizes, as least squares has it, and for the resamplings also
as a share of the loss. `--peers` leaves out ours, which take nearly all of the time.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.optimize import OptimizeWarning, curve_fit
from scipy.stats import t as student

from asymptopia import extrapolate
from asymptopia.extrapolate.ladder import Ladder

FACTORS, RESAMPLED = (10.0, 100.0), 60


def drawn(kind: str, rng: np.random.Generator) -> tuple[Ladder, np.ndarray, np.ndarray]:
    """A ladder of a kind of law with random constants, larger sizes, and what runs of these reach."""
    n, noise = int(rng.integers(8, 15)), np.exp(rng.uniform(np.log(0.002), np.log(0.01)))
    x = np.geomspace(1.0, 10 ** rng.uniform(2.5, 3.5), n)
    if kind == "chinchilla":
        N, D = (np.exp(rng.uniform(0, np.log(x[-1]), 3 * n)) for _ in range(2))
        a, b, A, B = *rng.uniform(0.2, 0.5, 2), *rng.uniform(0.5, 2.0, 2)
        floor = rng.uniform(0.3, 2.0)
        sizes, law = np.column_stack([N, D]), lambda s: floor + A * s[:, 0] ** -a + B * s[:, 1] ** -b
        large = sizes.max(axis=0) * np.sqrt(FACTORS)[:, None]
    else:
        sizes, b = x[:, None], np.exp(rng.uniform(np.log(0.05), np.log(0.5)))
        floor = 0.0 if kind == "power" else rng.uniform(0.2, 1.5)
        if kind == "broken":
            floor, place, c = 0.0, x[-1] ** rng.uniform(0.3, 0.6), b * rng.uniform(1.5, 3.0)
            law = lambda s: 2 * s[:, 0] ** -b * (1 + (s[:, 0] / place) ** 2) ** ((b - c) / 2)  # noqa: E731
        else:
            law = lambda s: floor + 2 * s[:, 0] ** -b  # noqa: E731
        large = sizes.max() * np.array(FACTORS)[:, None]
    y, runs = (law(s) * np.exp(noise * rng.standard_normal(len(s))) for s in (sizes, large))
    order = np.argsort(np.log(sizes).sum(axis=1))
    names = ("x", "y") if sizes.shape[1] == 1 else ("N", "D", "y")
    return Ladder(sizes[order], y[order], names), large, runs


def one_law(x: np.ndarray, E: float, *constants: float) -> np.ndarray:
    """E + A x^-b, or in two variables E + A N^-a + B D^-b; the constants are log A, b, ..."""
    logs = np.log(x.reshape(len(x), -1))
    return E + sum(np.exp(c - b * z) for c, b, z in zip(constants[::2], constants[1::2], logs.T, strict=True))


def floored(x: np.ndarray, E: float, *constants: float) -> np.ndarray:
    """The same with a floor that is not negative."""
    return one_law(x, abs(E), *constants)


def fitted(
    x: np.ndarray, y: np.ndarray, law: Callable[..., np.ndarray] = one_law, start: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The constants of a law by least squares, and their covariance; nan where they are not found."""
    longest = 20000 if start is None else 500
    start = np.array([0.5 * y.min(), *[np.log(y.max()), 0.2] * x.shape[1]]) if start is None else start
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)
            return curve_fit(law, x, y, p0=start, maxfev=longest)
    except RuntimeError:
        return np.full(len(start), np.nan), np.full((len(start),) * 2, np.nan)


def by_hand(ladder: Ladder, large: np.ndarray) -> np.ndarray:
    """The 90 % intervals (2, M) of one law, fitted by least squares and linearised."""
    x, y = ladder.x, ladder.y
    best, covariance = fitted(x, y)
    steps = 1e-6 * np.maximum(np.abs(best), 1e-3)
    moved = [one_law(large, *(best + s)) - one_law(large, *(best - s)) for s in np.diag(steps)]
    slopes, free = np.column_stack(moved) / (2 * steps), len(y) - len(best)
    left = ((y - one_law(x, *best)) ** 2).sum() / free
    width = student.ppf(0.95, free) * np.sqrt((slopes @ covariance * slopes).sum(axis=1) + left)
    return one_law(large, *best) + np.array([-1, 1])[:, None] * width


def resampled(ladder: Ladder, large: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The 90 % intervals (2, M) of a run by one law fitted to runs drawn again with replacement. To what each fit
    reaches is added a residual, drawn again too and enlarged by what the constants of the fit take of it: as it is, and
    as a share of what is reached."""
    x, y = ladder.x, ladder.y
    draws = rng.integers(len(y), size=(RESAMPLED, len(y)))
    best = fitted(x, y, floored)[0]
    if np.isnan(best).any():
        return np.full((2, len(large)), np.nan), np.full((2, len(large)), np.nan)
    reached = np.array([floored(large, *fitted(x[rows], y[rows], floored, best)[0]) for rows in draws])
    law, enlarged = floored(x, *best), np.sqrt(len(y) / (len(y) - len(best)))
    left = enlarged * (y - law)
    rows = rng.integers(len(y), size=reached.shape)
    noisy = reached + left[rows], reached * (1 + (left / law)[rows])
    return np.nanquantile(noisy[0], [0.05, 0.95], axis=0), np.nanquantile(noisy[1], [0.05, 0.95], axis=0)


def intervals(ladder: Ladder, large: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool, bool]:
    """The 90 % intervals (2, M) of `extrapolate` and of its laws alone; whether it learned a departure, and widened."""
    *sizes, reached = ladder.names
    runs = pd.DataFrame({**dict(zip(sizes, ladder.x.T, strict=True)), reached: ladder.y})
    answer = extrapolate(runs, sizes, reached, large)
    said = np.array([(p.low, p.high) for p in answer.predictions]).T
    return said, np.array(answer.mixture.runs(large, 0.9)), answer.departing is not None, answer.widened > 1


def main(ladders: int, ours: bool = True) -> None:
    kinds = ("power", "floor", "broken", "chinchilla")
    names = (*(("inside", "laws alone") if ours else ()), "by hand", "resampled", "resampled shares")
    inside, width = ({name: {k: [] for k in kinds} for name in names} for _ in range(2))
    changed = {k: [] for k in kinds}
    for seed in range(ladders):
        kind = kinds[seed % len(kinds)]
        ladder, large, runs = drawn(kind, np.random.default_rng(seed))
        said = [by_hand(ladder, large), *resampled(ladder, large, np.random.default_rng(seed))]
        if ours:
            *own, departs, widened = intervals(ladder, large)
            said = [*own, *said]
            changed[kind].append((departs, widened))
        for name, (low, high) in zip(names, said, strict=True):
            inside[name][kind].append((low <= runs) & (runs <= high))
            width[name][kind].append((high - low) / runs)
    for kind in kinds[:ladders]:
        departures, wider = np.sum(changed[kind], axis=0) if ours else (0, 0)
        print(f"{kind}, {len(width[names[0]][kind])} ladders: {departures} depart, {wider} widened")
        for name in names:
            print(f"  {name:18} {_mean(inside[name][kind])}, median width {_middle(width[name][kind])}")
    print(f"all, {ladders} ladders:")
    for name in names:
        holds, widths = ([v for k in kinds for v in each[name][k]] for each in (inside, width))
        print(f"  {name:18} {_mean(holds)}, median width {_middle(widths)}")


def _middle(widths: list[np.ndarray]) -> np.ndarray:
    return np.nanmedian(widths, axis=0).round(3)


def _mean(inside: list[np.ndarray]) -> np.ndarray:
    return np.mean(inside, axis=0).round(3)


if __name__ == "__main__":
    counts = [int(word) for word in sys.argv[1:] if word != "--peers"]
    main(counts[0] if counts else 200, ours="--peers" not in sys.argv)
