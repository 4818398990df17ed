"""How often the 90 % intervals of `extrapolate` contain a run 10 and 100 times larger than the largest of the ladder.

    python benchmarks/extrapolate_coverage.py [LADDERS]

Ladders come from four laws with realistic noise (0.2 to 1 % of the loss): power laws with and without floor, broken
power laws with the break inside the ladder, and Chinchilla's law in parameters and tokens. Intervals are those that
users get, with departures, checks and what these widen. Beside them stand those of the averaged laws alone, and what a
least-squares fit of one power law with floor gives, with the interval of its linearisation, as is done by hand with
SciPy: public tools give a point without an interval.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.optimize import curve_fit
from scipy.stats import t as student

from asymptopia import extrapolate
from asymptopia.extrapolate.ladder import Ladder

FACTORS = (10.0, 100.0)


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


def by_hand(ladder: Ladder, large: np.ndarray) -> np.ndarray:
    """The 90 % intervals (2, M) of one power law with floor, fitted by least squares and linearised."""

    def law(x: np.ndarray, E: float, log_A: float, b: float) -> np.ndarray:
        return E + np.exp(log_A - b * np.log(x))

    x, y = ladder.x.prod(axis=1), ladder.y
    try:
        best, covariance = curve_fit(law, x, y, p0=(0.5 * y.min(), np.log(y.max()), 0.2), maxfev=20000)
    except RuntimeError:
        return np.full((2, len(large)), np.nan)
    z = large.prod(axis=1)
    steps = 1e-6 * np.maximum(np.abs(best), 1e-3)
    slopes = np.column_stack([(law(z, *(best + s)) - law(z, *(best - s))) / (2 * s.sum()) for s in np.diag(steps)])
    left = ((y - law(x, *best)) ** 2).sum() / (len(y) - 3)
    width = student.ppf(0.95, len(y) - 3) * np.sqrt((slopes @ covariance * slopes).sum(axis=1) + left)
    return law(z, *best) + np.array([-1, 1])[:, None] * width


def intervals(ladder: Ladder, large: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool, bool]:
    """The 90 % intervals (2, M) of `extrapolate` and of its laws alone; whether it learned a departure, and widened."""
    *sizes, reached = ladder.names
    runs = pd.DataFrame({**dict(zip(sizes, ladder.x.T, strict=True)), reached: ladder.y})
    answer = extrapolate(runs, sizes, reached, large)
    said = np.array([(p.low, p.high) for p in answer.predictions]).T
    return said, np.array(answer.mixture.runs(large, 0.9)), answer.departing is not None, answer.widened > 1


def main(ladders: int) -> None:
    kinds = ("power", "floor", "broken", "chinchilla")
    inside, alone, width, changed, hand = ({k: [] for k in kinds} for _ in range(5))
    for seed in range(ladders):
        rng = np.random.default_rng(seed)
        kind = kinds[seed % len(kinds)]
        ladder, large, runs = drawn(kind, rng)
        said, laws, departs, widened = intervals(ladder, large)
        held = [(low <= runs) & (runs <= high) for low, high in (said, laws, by_hand(ladder, large))]
        for shares, values in zip((inside, alone, hand), held, strict=True):
            shares[kind].append(values)
        width[kind].append((said[1] - said[0]) / runs)
        changed[kind].append((departs, widened))
    for kind in kinds:
        count, (departures, wider) = len(inside[kind]), np.sum(changed[kind], axis=0)
        print(f"{kind:12} {count} ladders: inside {_mean(inside[kind])}, laws alone {_mean(alone[kind])},", end=" ")
        print(
            f"median width {np.median(width[kind], axis=0).round(3)}, {departures} depart, {wider} widened", flush=True
        )
    print("all         ", *(_mean([v for k in kinds for v in shares[k]]) for shares in (inside, alone)))
    print("by hand     ", _mean([v for k in kinds[:3] for v in hand[k]]), "(one variable)")


def _mean(inside: list[np.ndarray]) -> np.ndarray:
    return np.mean(inside, axis=0).round(3)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
