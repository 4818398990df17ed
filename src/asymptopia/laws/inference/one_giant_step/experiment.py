"""A network, one step of gradient descent on its first layer, and ridge regression on its features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole

if TYPE_CHECKING:
    import jax

    from . import OneGiantStep

FRESH = 2_000


def realize(law: OneGiantStep, n: int, key: jax.Array) -> dict[str, Any]:
    """The errors of one network with n inputs."""
    rng, d = generator(key), n
    units, first, second = (whole(share * d, rng) for share in (law.features, law.alpha0, law.alpha))
    star = _directions(1, d, rng)[0]
    W = _directions(units, d, rng)
    X = rng.standard_normal((first, d))
    y = law.teacher.sample(X @ star / np.sqrt(d), rng)
    pull = _pull(law, W, X, y)
    W = W + law.step * pull
    X, fresh = rng.standard_normal((second, d)), rng.standard_normal((FRESH, d))
    y = law.teacher.sample(X @ star / np.sqrt(d), rng)
    seen = _features(law, W, X)
    a = _ridge(seen, y, law.ridge)
    guess, truth = _features(law, W, fresh) @ a, fresh @ star / np.sqrt(d)
    common = pull.mean(axis=0)
    return {
        "test_error": np.mean(np.sign(guess) != np.sign(truth)),
        "test_loss": np.mean((law.teacher.sample(truth, rng) - guess) ** 2) / 2,
        "train_loss": np.mean((y - seen @ a) ** 2) / 2,
        "norm": np.mean(a**2),
        "spike_overlap": common @ star / (np.linalg.norm(common) * np.sqrt(d)),
    }


def _directions(count: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """Vectors uniform on the sphere of radius sqrt(d), shape (count, d)."""
    w = rng.standard_normal((count, d))
    return np.asarray(w * np.sqrt(d) / np.linalg.norm(w, axis=1, keepdims=True))


def _pull(law: OneGiantStep, W: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """p d times the descent direction of half the mean squared error, where the mean of the units is the output."""
    h = X @ W.T / np.sqrt(X.shape[1])
    residual = y - np.mean(law.activation(h), axis=1)
    slope = np.asarray(law.activation.derivative(h), float)
    return np.asarray(np.sqrt(X.shape[1]) / len(X) * (residual[:, None] * slope).T @ X)


def _features(law: OneGiantStep, W: np.ndarray, X: np.ndarray) -> np.ndarray:
    return np.asarray(law.activation(X @ W.T / np.sqrt(X.shape[1])), float) / np.sqrt(len(W))


def _ridge(features: np.ndarray, y: np.ndarray, ridge: float) -> np.ndarray:
    """The a of least |y - features a|^2 + ridge |a|^2."""
    n, p = features.shape
    if p <= n:
        return np.asarray(np.linalg.solve(features.T @ features + ridge * np.eye(p), features.T @ y))
    return np.asarray(features.T @ np.linalg.solve(features @ features.T + ridge * np.eye(n), y))
