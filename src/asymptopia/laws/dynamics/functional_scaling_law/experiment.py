"""One pass of SGD over samples whose every feature comes in n copies, many runs at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator

if TYPE_CHECKING:
    import jax

    from . import FunctionalScalingLaw

PART, TAIL = 64, 10_000


def realize_all(law: FunctionalScalingLaw, n: int, keys: Sequence[jax.Array]) -> dict[str, Any]:
    """The risk at the times of one run for each key, with n copies of every feature."""
    rngs = [generator(key) for key in keys]
    j = np.arange(1, law.width + 1.0)
    lam = j**-law.spectrum_exponent
    power = 1 + law.target_exponent * law.spectrum_exponent
    rest = tail(power, law.width + 1)
    deviation = np.repeat(np.sqrt(lam / n), n)
    error = np.tile(-np.repeat(np.sqrt(j**-power / lam), n), (len(keys), 1))
    ends = [round(t * n) for t in law.times]
    rates = law.rate * np.asarray(law.schedule((np.arange(ends[-1]) + 0.5) / ends[-1]), float)
    seen, at = [], 0
    for end in ends:
        while at < end:
            count = min(PART, end - at)
            shape = (count, law.batch, len(lam) * n)
            inputs = np.stack([rng.standard_normal(shape) for rng in rngs]) * deviation
            unlearned = np.stack([rng.standard_normal(shape[:2]) for rng in rngs]) * np.sqrt(rest + law.noise)
            for k in range(count):
                x = inputs[:, k]
                residual = np.einsum("rbd,rd->rb", x, error) - unlearned[:, k]
                error -= rates[at + k] / law.batch * np.einsum("rb,rbd->rd", residual, x)
            at += count
        seen.append(np.sum((deviation * error) ** 2, axis=1) + rest)
    return {"test_error": np.stack(seen, axis=1)}


def tail(power: float, start: int) -> float:
    """The sum of j**-power over j >= start: a partial sum, and the Euler-Maclaurin formula for what is left."""
    end = start + TAIL
    j = np.arange(start, end, dtype=float)
    rest = end ** (1 - power) / (power - 1) + 0.5 * end**-power + power / 12 * end ** (-power - 1)
    return math.fsum([*(j**-power).tolist(), rest])
