"""A random network, its labels, and message passing through its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import MultiLayerGLM

DAMPINGS = (0.0, 0.3, 0.6, 0.85)


def realize(law: MultiLayerGLM, n: int, key: Key) -> dict[str, Any]:
    """Overlap and squared error of every layer, in one network of n inputs."""
    from ....algorithms.amp.multi_layer import multi_layer_amp
    from ....algorithms.checks import NotSolved

    rng = generator(key)
    x, matrices, channels = [law.prior.signal(n, rng)], [], [channel for _, channel in law.layers]
    for ratio, channel in law.layers:
        width = len(x[-1])
        matrices.append(rng.standard_normal((whole(ratio * width, rng), width)) / np.sqrt(width))
        x.append(channel.sample(matrices[-1] @ x[-1], rng))
    *truth, y = x
    informed = truth if law.start == "informative" else None
    for damping in DAMPINGS:
        try:
            found = multi_layer_amp(matrices, y, law.prior, channels, damping=damping, informed=informed)
            break
        except NotSolved:
            if damping == DAMPINGS[-1]:
                raise
    means = _signs(law, [mean for mean, _ in found], truth)
    return {
        "overlap": np.array([a @ b / len(b) for a, b in zip(means, truth, strict=True)]),
        "mse": np.array([np.mean((a - b) ** 2) for a, b in zip(means, truth, strict=True)]),
    }


def _signs(law: MultiLayerGLM, means: list[np.ndarray], truth: list[np.ndarray]) -> list[np.ndarray]:
    """The estimates, with the sign that cannot be learned where all layers are odd and the last is even."""
    if not (law.layers[-1][1].even() and law.prior.symmetric and all(c.symmetric for _, c in law.layers[:-1])):
        return means
    sign = 1.0 if means[-1] @ truth[-1] >= 0 else -1.0
    return [sign * m for m in means]
