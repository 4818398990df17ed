"""One random design, its labels, and vector message passing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key
from ....parts.channel import Linear

if TYPE_CHECKING:
    from . import RotationInvariantBayes

CERTAIN = 1e-4


def realize(law: RotationInvariantBayes, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of dimension n."""
    from ....algorithms.amp.vamp import vamp

    rng = generator(key)
    X = law.singular_values.design(whole(law.alpha * n, rng), n, rng)
    signal = law.prior.signal(n, rng)
    y = X @ signal + np.sqrt(law.noise) * rng.standard_normal(len(X))
    informed = (signal, CERTAIN * float(law.prior.second_moment)) if law.start == "informative" else None
    means = vamp(X, y, law.prior, Linear(noise=law.noise), start=informed).means
    return {
        "overlap": means @ signal / n,
        "mse": np.mean((means - signal) ** 2),
        "field_error": np.mean((X @ (means - signal)) ** 2),
    }
