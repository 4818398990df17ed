"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key
from ....parts.channel import Linear

if TYPE_CHECKING:
    from . import AMP


def realize(law: AMP, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.amp import SoftThreshold, iterates

    rng = generator(key)
    samples = whole(law.alpha * n, rng)
    signal = law.prior.signal(n, rng)
    X = rng.standard_normal((samples, n), dtype=np.float32)
    X /= np.float32(np.sqrt(n))
    y = law.channel.sample(np.asarray(X @ signal.astype(np.float32), float), rng)
    known = law.snr * signal + np.sqrt(law.snr) * rng.standard_normal(n)
    start = law.prior.posterior(law.snr, known)
    if law.l1 is None:
        steps = iterates(X, y, law.prior, law.channel, start=start)
    else:
        steps = iterates(X, y, SoftThreshold(law.l1), Linear(noise=1.0), start=start)
    path = [now.means for now in itertools.islice(steps, law.iterations)]
    return {
        "overlap": np.array([w @ signal / n for w in path]),
        "mse": np.array([np.mean((w - signal) ** 2) for w in path]),
    }
