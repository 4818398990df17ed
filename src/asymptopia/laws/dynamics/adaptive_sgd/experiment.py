"""One pass of an optimiser over samples of least squares, many runs at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from . import SGD, AdaGradNorm, Adam, ClippedSGD, SignSGD

if TYPE_CHECKING:
    import jax

    from . import AdaptiveSGD, OnlineOptimiser

PART = 64
Step = Callable[[np.ndarray, np.ndarray], np.ndarray]  # of inputs (runs, d) and residuals (runs, 1)


def realize_all(law: AdaptiveSGD, n: int, keys: Sequence[jax.Array]) -> dict[str, Any]:
    """The errors at the times of one run for each key, in dimension n."""
    rngs = [generator(key) for key in keys]
    drawn = [law.data.ensemble(n, rng) for rng in rngs]
    factor = np.stack([d.factor for d in drawn])
    star = np.stack([d.direction * np.sqrt(n) / d.factor for d in drawn])
    ends = [round(t * n) for t in law.times]
    w, update = np.zeros((len(keys), n)), _update(law.optimiser, len(keys), n)
    seen, at = [], 0
    for end in ends:
        while at < end:
            count = min(PART, end - at)
            inputs = np.stack([rng.standard_normal((count, n)) for rng in rngs]) * factor[:, None]
            noise = np.sqrt(law.noise) * np.stack([rng.standard_normal(count) for rng in rngs])
            for k in range(count):
                x = inputs[:, k]
                r = np.einsum("rd,rd->r", w - star, x) / np.sqrt(n) - noise[:, k]
                w -= update(x, r[:, None]) / np.sqrt(n)
            at += count
        seen.append(np.mean((factor * (w - star)) ** 2, axis=1))
    return {"test_error": np.stack(seen, axis=1)}


def _update(optimiser: OnlineOptimiser, runs: int, d: int) -> Step:
    """rate * u, with what the optimiser remembers from step to step."""
    rate = getattr(optimiser, "rate", 0.0)
    if isinstance(optimiser, SGD):
        return lambda x, r: rate * x * r
    if isinstance(optimiser, SignSGD):
        return lambda x, r: rate * np.sign(x) * np.sign(r)
    if isinstance(optimiser, ClippedSGD):
        return lambda x, r: rate * x * np.clip(r, -optimiser.clip, optimiser.clip)
    if isinstance(optimiser, AdaGradNorm):
        return _adagrad(rate, np.full((runs, 1), optimiser.start**2), d)
    assert isinstance(optimiser, Adam)
    return _adam(rate, np.exp(-1 / (optimiser.memory * d)), np.zeros((runs, d)))


def _adagrad(rate: float, b2: np.ndarray, d: int) -> Step:
    def update(x: np.ndarray, r: np.ndarray) -> np.ndarray:
        b2[:] += r**2 * np.sum(x**2, axis=1, keepdims=True) / d**2
        return rate * x * r / np.sqrt(b2)

    return update


def _adam(rate: float, kept: float, v: np.ndarray) -> Step:
    left = np.ones(1)

    def update(x: np.ndarray, r: np.ndarray) -> np.ndarray:
        left[:] *= kept
        v[:] = kept * v + (1 - kept) * (x * r) ** 2
        return rate * x * r / np.sqrt(v / (1 - left))

    return update
