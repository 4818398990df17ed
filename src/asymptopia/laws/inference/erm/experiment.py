"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole

if TYPE_CHECKING:
    from . import ERM


def realize(law: ERM, n: int, key: Any) -> dict[str, Any]:
    """The observables of one random system of size n."""
    from ....algorithms.erm.fit import fit

    rng = generator(key)
    samples = whole(law.alpha * n, rng)
    star = law.prior.sample(n, rng)
    power = float(law.prior.second_moment)
    star *= np.sqrt(power * n / np.maximum(star @ star, 1e-300))
    X = rng.standard_normal((samples, n)) / np.sqrt(n)
    y = law.teacher.sample(X @ star, rng)
    w = fit(X, y, law.loss, law.ridge, law.l1).w
    z = X @ w
    wrong = _wrong(y, z) if law.teacher.binary else np.mean((y - z) ** 2)
    return {
        "overlap": w @ star / n,
        "norm": w @ w / n,
        "test_error": _measured_error(law, w, star, rng),
        "train_loss": np.mean(law.loss(y, z)),
        "train_error": wrong,
    }


def _measured_error(law: ERM, w: np.ndarray, star: np.ndarray, rng: np.random.Generator) -> float:
    """The error on fresh samples: only the fields of teacher and student matter, which are jointly normal."""
    n, fresh = len(w), 100_000
    a, b = rng.standard_normal((2, fresh))
    length = np.linalg.norm(star)
    along = w @ star / length
    across = np.sqrt(max(w @ w - along**2, 0.0))
    z0, z = a * length / np.sqrt(n), (along * a + across * b) / np.sqrt(n)
    y = (law.teacher if law.noisy_test else law.teacher.noiseless()).sample(z0, rng)
    return float(_wrong(y, z) if law.teacher.binary else np.mean((y - z) ** 2))


def _wrong(y: np.ndarray, z: np.ndarray) -> float:
    """The share of fields with the wrong sign; a field of zero, which has none, is wrong by half."""
    return float(np.mean((1 - np.sign(y * z)) / 2))
