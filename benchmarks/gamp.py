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

import argparse
import time

import numpy as np

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


def seconds(start: float) -> float:
    """Process CPU time since then."""
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--dimension", type=int, default=4000)
    parser.add_argument("--large", type=int, default=10_000)
    options = parser.parse_args()
    sparse, noisy = GaussBernoulli(rho=0.2), Linear(noise=1e-4)
    cases: tuple[tuple[str, Prior, Channel, float, int, bool], ...] = (
        ("sparse signal", sparse, noisy, 0.5, options.dimension, True),
        ("perceptron, Gaussian", Gaussian(), Sign(), 1.5, options.dimension, True),
        ("perceptron, Gaussian", Gaussian(), Sign(), 1.5, options.large, False),
        ("perceptron, +-1", Rademacher(), Sign(), 2.0, options.large, False),
    )
    print(f"{'problem':24}{'N':>7}{'alpha':>7}{'steps':>7}{'ours s':>9}{'peer s':>9}{'ratio':>8}{'overlap':>10}")
    for name, prior, channel, alpha, d, against in cases:
        X, y, w = problem(prior, channel, alpha, d)
        double = X.astype(float) if against else X
        times = []
        for _ in range(options.repeats if against else 1):
            start = time.process_time()
            found = gamp(X, y, prior, channel, tolerance=TOLERANCE)
            ours, theirs = seconds(start), np.nan
            if against:
                start = time.process_time()
                means, _ = plain(double, y, prior, channel)
                theirs = seconds(start)
                if abs(means @ w - found.means @ w) > 0.01 * d:
                    raise SystemExit(f"{name}: the two do not agree")
            times.append((ours, theirs))
        ours, theirs = np.median(times, axis=0)
        steps, overlap = found.iterations, found.means @ w / d
        print(
            f"{name:24}{d:7d}{alpha:7g}{steps:7d}{ours:9.2f}{theirs:9.2f}{theirs / ours:8.1f}{overlap:10.4f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
