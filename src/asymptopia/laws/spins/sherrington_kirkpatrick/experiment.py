"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import SherringtonKirkpatrick


def realize(law: SherringtonKirkpatrick, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.spins import spin_tempering

    rng = generator(key)
    J = np.triu(rng.standard_normal((n, n)), 1) / math.sqrt(n)
    run = spin_tempering(J + J.T, float(law.h), ladder(n, 1 / float(law.beta)), 20 * n, rng)
    return {"energy": run.energy[0], "squared_overlap": run.overlap_moment(2)[0]}


def ladder(n: int, temperature: float, highest: float = 1.5) -> np.ndarray:
    """Temperatures between which about half the exchanges are made, if the heat capacity is at most T or 1/2 a spin."""
    T = [temperature]
    while len(T) < 2 or T[-1] < highest:
        T.append(T[-1] * (1 + 1.4 / math.sqrt(n * min(T[-1], 0.5))))
    return np.array(T)
