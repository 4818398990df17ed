"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import RandomFeatures

_FRESH = 5_000


def realize(law: RandomFeatures, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.erm.fit import fit
    from ....algorithms.generalisation import error
    from ....numerics.gaussian import expectation

    rng = generator(key)
    samples, p = (whole(share * n, rng) for share in (law.alpha, law.features))
    star = rng.standard_normal(n)
    star /= np.linalg.norm(star)
    F = rng.standard_normal((p, n))
    F /= np.linalg.norm(F, axis=1, keepdims=True)
    mean = expectation(law.activation, breaks=law.activation.breaks())

    def seen(x: np.ndarray) -> np.ndarray:
        return (np.asarray(law.activation(x @ F.T), float) - mean) / np.sqrt(p)

    X = rng.standard_normal((samples, n))
    y = law.teacher.sample(X @ star, rng)
    features = seen(X)
    a = fit(features, y, law.loss, law.ridge).w
    z, fresh = features @ a, rng.standard_normal((_FRESH, n))
    return {
        "test_error": error(law.teacher.noiseless().sample(fresh @ star, rng), seen(fresh) @ a, law.teacher.binary),
        "train_loss": float(np.mean(law.loss(y, z))),
    }
