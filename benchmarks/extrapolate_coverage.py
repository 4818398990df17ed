"""How often the 90 % intervals of `extrapolate` contain a run 10 and 100 times larger than the largest of the ladder.

    python benchmarks/extrapolate_coverage.py [LADDERS]

Ladders come from four laws with realistic noise (0.2 to 1 % of the loss): power laws with and without floor, broken
power laws with the break inside the ladder, and Chinchilla's law in parameters and tokens. Beside the model average
stands what a least-squares fit of one power law with floor gives, with the interval of its linearisation, as is done by
hand with SciPy: public tools give a point without an interval.
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.optimize import curve_fit
from scipy.stats import t as student

from asymptopia.extrapolate.fit import fitted
from asymptopia.extrapolate.ladder import Ladder
from asymptopia.extrapolate.mixture import Mixture

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
    return Ladder(sizes[order], y[order], ("x", "y")), large, runs


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


def main(ladders: int) -> None:
    kinds = ("power", "floor", "broken", "chinchilla")
    inside, width = {k: [] for k in kinds}, {k: [] for k in kinds}
    hand: list[np.ndarray] = []
    for seed in range(ladders):
        rng = np.random.default_rng(seed)
        kind = kinds[seed % len(kinds)]
        ladder, large, runs = drawn(kind, rng)
        low, high = Mixture.of(fitted(ladder, tested=False)).runs(large, 0.9)
        inside[kind].append((low <= runs) & (runs <= high))
        width[kind].append((high - low) / runs)
        if kind != "chinchilla":
            a, b = by_hand(ladder, large)
            hand.append((a <= runs) & (runs <= b))
    for kind in kinds:
        share, wide = np.mean(inside[kind], axis=0), np.median(width[kind], axis=0)
        print(
            f"{kind:12} {len(inside[kind])} ladders: inside {share.round(3)}, median width {wide.round(3)}", flush=True
        )
    print("all         ", np.mean(np.concatenate([*inside.values()]), axis=0).round(3))
    print("by hand     ", np.mean(hand, axis=0).round(3), "(one variable)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
