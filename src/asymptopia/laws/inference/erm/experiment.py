"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key

if TYPE_CHECKING:
    from . import ERM

FRESH = 100_000


def realize(law: ERM, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.erm.descent import lowest_minimum
    from ....algorithms.erm.fit import fit
    from ....algorithms.generalisation import error, fresh_fields, scores
    from ....parts.loss import Logistic, Square

    rng = generator(key)
    samples = whole(law.alpha * n, rng)
    star = law.prior.sample(n, rng)
    power = float(law.prior.second_moment)
    star *= np.sqrt(power * n / np.maximum(star @ star, 1e-300))
    X = rng.standard_normal((samples, n)) / np.sqrt(n)
    y = law.teacher.sample(X @ star, rng)
    through = law.ridge == law.l1 == 0 and samples < n and not law.loss.margin
    if through:
        w = fit(X, y, Square()).w  # all losses have one interpolator
    elif law.loss.convex():
        w = fit(X, y, law.loss, law.ridge, law.l1).w
    else:
        w = lowest_minimum(X, y, law.loss, law.ridge, rng)
    z = X @ w
    z0, fresh = fresh_fields(star, w, FRESH, rng)
    teacher = law.teacher if law.noisy_test else law.teacher.noiseless()
    values = {
        "overlap": w @ star / n,
        "norm": w @ w / n,
        "test_error": error(teacher.sample(z0, rng), fresh, teacher.binary),
        "train_loss": np.mean(law.loss(y, z)),
        "train_error": error(y, z, teacher.binary),
    }
    return values | (scores(law.teacher.sample(z0, rng), fresh) if isinstance(law.loss, Logistic) else {})
