"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import Hopfield


def realize(law: Hopfield, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.spins.glauber import glauber

    rng, bias = generator(key), float(law.pattern_bias)
    patterns = np.where(rng.random((whole(law.alpha * n, rng), n)) < (1 + bias) / 2, 1.0, -1.0)
    centred = patterns - bias
    J = centred.T @ centred / n
    J = (J + J.T) / 2
    np.fill_diagonal(J, 0.0)
    burn = 50 + 20 * math.ceil(math.log2(n))
    path = glauber(J, 0.0, float(law.temperature), patterns[0], 3 * burn, rng, burn=burn)
    return {"overlap": path.means @ centred[0] / (n * (1 - bias**2)), "energy": path.energy}
