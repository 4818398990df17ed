"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.arrays import Key
from ....numerics.harmonics import harmonic
from ....parts.data import Data
from ....parts.kernel import Kernel

if TYPE_CHECKING:
    from . import KernelRegression


FRESH = 1000


def realize(law: KernelRegression, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....contract.batching import generator

    rng = generator(key)
    if law.data is None:
        return _on_sphere(law, n, rng)
    samples = law.data.samples()
    order = rng.permutation(len(samples.y))
    train, test = np.split(order, [law.samples_drawn(n)])
    K, y = _matrix(law.data.pinned(), law.kernel), samples.y
    return _errors(law, K[np.ix_(train, train)], K[np.ix_(test, train)], y[train], y[test])


def _on_sphere(law: KernelRegression, d: int, rng: np.random.Generator) -> dict[str, float]:
    n = law.samples_drawn(d)
    x = rng.standard_normal((n + FRESH, d))
    x *= np.sqrt(d / np.square(x).sum(axis=1, keepdims=True))
    f = np.zeros(len(x))
    for k, variance in enumerate(law.target):
        direction = rng.standard_normal(d)
        cosine = x @ direction / (np.linalg.norm(direction) * np.sqrt(d))
        f += np.sqrt(variance) * harmonic(k, d, cosine)
    y = f[:n] + np.sqrt(law.noise) * rng.standard_normal(n)
    K = law.kernel.between(x, x[:n])
    return _errors(law, K[:n], K[n:], y, f[n:])


def _errors(
    law: KernelRegression, K: np.ndarray, across: np.ndarray, y: np.ndarray, fresh: np.ndarray
) -> dict[str, float]:
    """Errors of the regression on K (n, n), tested by `across` (m, n)."""
    from scipy.linalg import solve

    dual = solve(K + law.ridge * np.eye(len(y)), y, assume_a="pos")
    return {
        "test_error": float(np.mean((fresh - across @ dual) ** 2)),
        "train_loss": float(np.mean((law.ridge * dual) ** 2)) / 2,
    }


@lru_cache(maxsize=2)
def _matrix(data: Data, kernel: Kernel) -> np.ndarray:
    return kernel.matrix(data.samples().X)
