"""The share of random problems in which `asymptopia.algorithms.amp.gamp` finds a fixed point, and by what method.

Each instance draws a prior, a channel, samples per dimension in [0.7, 3] and a matrix: independent entries, or
uniformly distributed singular vectors with singular values in geometric progression and condition number 10 or 100.
A fixed point is one where undamped residuals are below 1e-6 of the signal.
Run: python benchmarks/gamp_convergence.py [--instances 1000] [--dimension 200] [--failures 1]
"""

# ruff: noqa: E402 (threads are pinned before NumPy is imported)
from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import time
from collections import Counter

import numpy as np
from timing import options, row

from asymptopia.algorithms.amp import gamp
from asymptopia.algorithms.checks import NotSolved
from asymptopia.parts.channel import Abs, Channel, Door, Linear, Logit, Probit, ReLU, Sign
from asymptopia.parts.prior import GaussBernoulli, Gaussian, Laplace, Prior, Rademacher, SparseRademacher

PRIORS: tuple[Prior, ...] = (Gaussian(), Rademacher(), GaussBernoulli(rho=0.2), SparseRademacher(rho=0.2), Laplace())
CHANNELS: tuple[Channel, ...] = (
    *(Linear(noise=0.1), Linear(noise=1e-4), Linear(noise=0.0), Sign(), Sign(flip=0.1), Logit(scale=2.0)),
    *(Probit(noise=0.2), Abs(), ReLU(), Door()),
)
CONDITIONS = (1.0, 10.0, 100.0)


def matrix(n: int, d: int, condition: float, rng: np.random.Generator) -> np.ndarray:
    """Entries of mean square 1/d; a condition number of 1 stands for independent entries."""
    X = rng.standard_normal((n, d))
    if condition > 1:
        U, _, V = np.linalg.svd(X, full_matrices=False)
        X = U * condition ** -np.linspace(0, 1, min(n, d)) @ V
    return np.asarray(X / np.sqrt(np.mean(X**2) * d))


def main() -> None:
    given = options(__doc__, instances=(1000, 20), dimension=(200, 100), failures=(0, 0))
    d = given.dimension
    found: Counter[tuple[float, str]] = Counter()
    start = time.process_time()
    for k in range(given.instances):
        rng = np.random.default_rng(k)
        prior, channel = PRIORS[rng.integers(len(PRIORS))], CHANNELS[rng.integers(len(CHANNELS))]
        condition = CONDITIONS[k % len(CONDITIONS)]
        n = round(rng.uniform(0.7, 3.0) * d)
        X, signal = matrix(n, d, condition, rng), prior.sample(d, rng)
        y = channel.sample(X @ signal, rng)
        try:
            result = gamp(X, y, prior, channel)
            method = result.method if np.all(np.isfinite(result.means)) else "nan"
        except NotSolved as failed:
            method = "failed"
            if given.failures:
                print(f"{k}: {prior.short()} {channel.short()} n={n} condition {condition:g}\n{failed}\n", flush=True)
        found[condition, method] += 1
    methods = sorted({m for _, m in found}, key=lambda m: (m == "failed", m))
    for c in CONDITIONS:
        row(f"condition number {c:g}", note=", ".join(f"{found[c, m]} {m}" for m in methods))
    lost = sum(v for (_, m), v in found.items() if m in ("failed", "nan"))
    row("all", time.process_time() - start, note=f"{1 - lost / given.instances:.1%} of {given.instances} converge")


if __name__ == "__main__":
    main()
