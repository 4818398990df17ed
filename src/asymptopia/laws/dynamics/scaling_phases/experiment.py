"""One-pass SGD on random features of power-law data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator

if TYPE_CHECKING:
    import jax

    from . import ScalingPhases

PART = 256


def realize(law: ScalingPhases, n: int, key: jax.Array) -> dict[str, Any]:
    """The risk at the times, a mean over n runs, each with features and samples of its own."""
    rng = generator(key)
    return {"test_error": np.mean([_run(law, rng) for _ in range(n)], axis=0)}


def _run(law: ScalingPhases, rng: np.random.Generator) -> np.ndarray:
    """Of the data SGD sees features and label alone, jointly Gaussian: they are drawn without the data."""
    d, v = law.width, round(law.ratio * law.width)
    j = np.arange(1, v + 1.0)
    deviation = j**-law.alpha
    W = deviation[:, None] * rng.standard_normal((v, d)) / np.sqrt(d)
    target = deviation * j**-law.beta
    mixing = np.linalg.qr(np.column_stack([W, target]), mode="r")
    rate = law.rate / np.sum(deviation**2) / law.batch
    theta, seen, at = np.zeros(d), [], 0
    for end in law.times:
        while at < end:
            count = min(PART, end - at)
            both = rng.standard_normal((count, law.batch, len(mixing))) @ mixing
            features, labels = both[..., :d], both[..., d]
            for k in range(count):
                theta -= rate * features[k].T @ (features[k] @ theta - labels[k])
            at += count
        seen.append(np.sum((W @ theta - target) ** 2))
    return np.array(seen)
