"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.record import StatementError
from ....numerics.arrays import Key
from ....numerics.memory import available, largest
from ....parts.channel import Linear
from ....parts.mixture import Mixture

if TYPE_CHECKING:
    from . import SGDDynamics

FRESH = 20_000


def realize_all(law: SGDDynamics, n: int, keys: Key) -> dict[str, Any]:
    """The observables of a system of size n for each key, as one batch."""
    from ....algorithms.erm.sgd import Schedule, descend

    check_room(law, n, len(keys))
    rngs = [generator(key) for key in keys]
    X, y, star, start = (np.stack(a) for a in zip(*(_draw(law, n, rng) for rng in rngs), strict=True))
    schedule = Schedule(law.steps, law.rate, law.batch, law.ridge, law.persistence, law.temperature)
    weights, loss = descend(X, y, start, law.loss, schedule, rngs)
    m = np.einsum("rti,ri->rt", weights, star) / n
    C = np.einsum("rti,rsi->rts", weights, weights, optimize=True) / n
    q = np.diagonal(C, axis1=1, axis2=2)
    errors = [_measured_error(law, m[r], weights[r], star[r], rng) for r, rng in enumerate(rngs)]
    return {"train_loss": loss, "test_error": np.stack(errors), "norm": q, "overlap": m, "correlation": C}


def _draw(law: SGDDynamics, n: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Inputs over sqrt(n), labels, teacher and start; rows of zeros fill up to the largest number of samples."""
    count = whole(law.alpha * n, rng)
    star = rng.standard_normal(n)
    star *= np.sqrt(n) / np.linalg.norm(star)
    X = np.zeros((max(1, int(np.ceil(law.alpha * n))), n))
    X[:count] = rng.standard_normal((count, n)) / np.sqrt(n)
    if isinstance(law.teacher, Mixture):
        y = law.teacher.sample(len(X), rng)
        X[:count] += law.teacher.separation * y[:count, None] * star / n
    else:
        y = law.teacher.sample(X @ star, rng)
    start = law.start_overlap * star + np.sqrt(law.start_variance) * rng.standard_normal(n)
    return X, y, star, start


def _measured_error(
    law: SGDDynamics, m: np.ndarray, weights: np.ndarray, star: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The error on fresh samples at each step: only the fields of teacher and student matter."""
    from ....algorithms.generalisation import error

    a, b = rng.standard_normal((2, FRESH))
    across = np.linalg.norm(weights - np.outer(m, star), axis=1)[:, None] / np.sqrt(len(star))
    if isinstance(law.teacher, Mixture):
        y = law.teacher.sample(FRESH, rng)
        return error(y, m[:, None] * (law.teacher.separation * y + a) + across * b, binary=True)
    teacher = law.teacher.noiseless()
    if isinstance(teacher, Linear):
        return (1 - m) ** 2 + across[:, 0] ** 2
    y, z = teacher.sample(a, rng), m[:, None] * a + across * b
    if teacher.binary:
        return error(y, z, binary=True)
    return np.mean((y - (z if law.loss.location else teacher.function(z))) ** 2, axis=1)


def check_room(law: SGDDynamics, n: int, runs: int) -> None:
    """Raise `StatementError`, with the dimension that would do, if so many systems need more memory than there is."""

    def needed(d: int) -> float:
        T = law.steps + 1
        return 8.0 * runs * (3 * law.alpha * d * d + 3 * T * (d + law.alpha * d + T))

    there = available()
    if needed(n) > there:
        raise StatementError(
            f"{runs} systems of dimension {n} take about {needed(n) / 1e9:.3g} GB, but {there / 1e9:.3g} GB are free: "
            f"dimension {largest(n, lambda d: needed(d) <= there)} would fit."
        )
