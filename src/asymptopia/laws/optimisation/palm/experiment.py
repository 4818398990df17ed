"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import PALM


def realize(law: PALM, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.optimisers.palm import Block, palm

    rng, d, r, ridge = generator(key), int(law.dimension), int(law.rank), float(law.ridge)
    U, V = (np.linalg.qr(rng.standard_normal((d, d)))[0] for _ in range(2))
    X = (U * law.decay ** np.arange(d)) @ V.T

    def smooth(x: Any) -> float:
        return float(np.sum((x[0] @ x[1] - X) ** 2) / 2)

    def shrunk(v: np.ndarray, t: float) -> np.ndarray:
        return v / (1 + ridge * t)

    def penalty(v: np.ndarray) -> float:
        return ridge / 2 * float(np.sum(v * v))

    def top(A: np.ndarray) -> float:
        return float(np.linalg.norm(A, 2)) ** 2

    blocks = [
        Block(lambda x: (x[0] @ x[1] - X) @ x[1].T, lambda x: top(x[1]), shrunk, penalty, True),
        Block(lambda x: x[0].T @ (x[0] @ x[1] - X), lambda x: top(x[0]), shrunk, penalty, True),
    ]
    start = [rng.standard_normal((d, r)), rng.standard_normal((r, d))]
    trail = palm(smooth, blocks, start, n, float(law.factor), float(law.inertia))
    short = trail.guaranteed + np.diff(trail.values)
    window = n // 4
    return {
        "decrease": short.max() / trail.values[0],
        "value": trail.values[-1],
        "distance": (trail.moves[-1] / trail.moves[-1 - window]) ** (1 / window),
    }
