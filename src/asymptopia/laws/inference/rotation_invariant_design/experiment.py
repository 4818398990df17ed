"""One random design, its labels, and the exact minimiser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key
from ....parts.loss import Square

if TYPE_CHECKING:
    from . import RotationInvariantDesign


def realize(law: RotationInvariantDesign, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of dimension n."""
    from ....algorithms.erm.fit import fit

    rng = generator(key)
    X = law.singular_values.design(whole(law.alpha * n, rng), n, rng)
    signal = law.prior.signal(n, rng)
    y = X @ signal + np.sqrt(law.noise) * rng.standard_normal(len(X))
    w = fit(X, y, Square(), law.ridge, law.l1).w
    return {
        "overlap": w @ signal / n,
        "norm": w @ w / n,
        "mse": np.mean((w - signal) ** 2),
        "active": np.mean(w != 0),
        "train_loss": np.mean((y - X @ w) ** 2) / 2,
    }
