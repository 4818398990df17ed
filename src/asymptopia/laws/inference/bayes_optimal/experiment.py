"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import BayesOptimal

CERTAIN = 1e-4


def realize(law: BayesOptimal, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.amp.gamp import gamp

    rng = generator(key)
    samples = whole(law.alpha * n, rng)
    signal = law.prior.signal(n, rng)
    X = rng.standard_normal((samples, n)) / np.sqrt(n)
    y = law.channel.sample(X @ signal, rng)
    informed = (signal, CERTAIN * float(law.prior.second_moment)) if law.start == "informative" else None
    estimate = gamp(X, y, law.prior, law.channel, start=informed)
    means, variance = estimate.means, float(np.mean(estimate.variances))
    if law.prior.symmetric and law.channel.even():
        means = means * (1.0 if means @ signal >= 0 else -1.0)
    return {
        "overlap": means @ signal / n,
        "mse": np.mean((means - signal) ** 2),
        "test_error": _measured_error(law, means, variance, signal, rng),
    }


def _measured_error(
    law: BayesOptimal, w: np.ndarray, variance: float, signal: np.ndarray, rng: np.random.Generator
) -> float:
    """The error on new samples, of which only the fields of signal and estimate matter, jointly normal."""
    from ....algorithms.generalisation import fresh_fields

    clean = law.channel.noiseless()
    estimate, field = fresh_fields(w, signal, 100_000 if not clean.continuous else 10_000, rng)
    guess = law.channel.guess(estimate, max(variance, 1e-200), rng)
    y = clean.sample(field, rng)
    return float(np.mean((y - guess) ** 2) if clean.continuous else np.mean(y != guess))
