"""CPU time of `asymptopia.algorithms.amp.gamp` against plain message passing with all variances, as ratios.

The peer stores the squares of X, in double precision, and takes one variance for every field and coordinate, as the
algorithm is published; both run to the same residual. Both must reach the same overlap with the signal.
Run: python benchmarks/gamp.py [--repeats 3] [--dimension 4000] [--large 10000]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"


import numpy as np
from timing import options, row, seconds

from asymptopia.algorithms.amp import gamp
from asymptopia.parts.channel import Channel, Linear, Sign
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Prior, Rademacher

TOLERANCE = 1e-5


def problem(prior: Prior, channel: Channel, alpha: float, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """X in single precision, labels and signal."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((round(alpha * d), d), dtype=np.float32) / np.float32(np.sqrt(d))
    w = prior.sample(d, rng)
    return X, channel.sample(np.asarray(X @ w.astype(np.float32), float), rng), w


def plain(X: np.ndarray, y: np.ndarray, prior: Prior, channel: Channel) -> tuple[np.ndarray, int]:
    """Means and iterations of generalised approximate message passing as published (Rangan 2011, algorithm 1)."""
    S = X * X
    means, variances = np.zeros(X.shape[1]), np.full(X.shape[1], float(prior.second_moment))
    power, g = float(prior.second_moment), np.zeros(len(y))
    for k in range(1, 501):
        V = np.maximum(S @ variances, 1e-14)
        g, slope = channel.score(y, X @ means - V * g, V)
        A = S.T @ np.broadcast_to(-slope, y.shape)
        new, variances = prior.posterior(A, X.T @ g + A * means)
        change = np.sqrt(np.mean((new - means) ** 2) / power)
        means = new
        if change < TOLERANCE:
            return means, k
    raise SystemExit("the peer did not converge")


def main() -> None:
    given = options(__doc__, repeats=(3, 1), dimension=(4000, 1000), large=(10_000, 1000))
    sparse, noisy = GaussBernoulli(rho=0.2), Linear(noise=1e-4)
    cases: tuple[tuple[str, Prior, Channel, float, int, bool], ...] = (
        ("sparse signal", sparse, noisy, 0.5, given.dimension, True),
        ("perceptron, Gaussian", Gaussian(), Sign(), 1.5, given.dimension, True),
        ("perceptron, Gaussian", Gaussian(), Sign(), 1.5, given.large, False),
        ("perceptron, +-1", Rademacher(), Sign(), 2.0, given.large, False),
    )
    for name, prior, channel, alpha, d, against in cases:
        X, y, w = problem(prior, channel, alpha, d)
        double = X.astype(float) if against else X
        times = []
        for _ in range(given.repeats if against else 1):
            ours, found = seconds(lambda: gamp(X, y, prior, channel, tolerance=TOLERANCE))
            theirs = np.nan
            if against:
                theirs, (means, _) = seconds(lambda: plain(double, y, prior, channel))
                if abs(means @ w - found.means @ w) > 0.01 * d:
                    raise SystemExit(f"{name}: the two do not agree")
            times.append((ours, theirs))
        ours, theirs = np.median(times, axis=0)
        note = f"{found.iterations} steps, overlap {found.means @ w / d:.4f}"
        peer = (theirs, "as published, in NumPy") if against else (None, "")
        row(f"{name}, N = {d}, alpha = {alpha:g}", ours, *peer, note=note)


if __name__ == "__main__":
    main()
