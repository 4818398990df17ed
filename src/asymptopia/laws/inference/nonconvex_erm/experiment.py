"""The experiment: one random system and the lowest minimum that many descents reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import NonconvexERM

FRESH = 20_000
STARTS = 20  # descents for each dimension


def realize(law: NonconvexERM, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.erm.restarts import lowest_of_many
    from ....algorithms.generalisation import fresh_fields

    rng = generator(key)
    samples = whole(law.alpha * n, rng)
    star = rng.standard_normal(n)
    star *= np.sqrt(n / (star @ star))
    X = rng.standard_normal((samples, n)) / np.sqrt(n)
    y = law.teacher.sample(X @ star, rng)
    w = lowest_of_many(X, y, law.loss, law.ridge, rng, starts=STARTS * n)
    loss = np.sum(law.loss(y, X @ w))
    z0, fresh = fresh_fields(star, w, FRESH, rng)
    cosine = w @ star / np.sqrt((w @ w) * (star @ star)) if w.any() else 0.0
    return {
        "least_loss": (loss + law.ridge / 2 * w @ w) / samples,
        "test_loss": np.mean(law.loss(law.teacher.sample(z0, rng), fresh)),
        "cosine": abs(cosine) if law.even() else cosine,
        "norm": w @ w / n,
    }
