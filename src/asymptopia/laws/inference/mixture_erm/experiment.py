"""Finite systems of Gaussian clusters: samples, training, and the error on new samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ....contract.batching import generator, whole
from ....numerics.arrays import Key
from ....parts.loss import Logistic, Loss, Square

if TYPE_CHECKING:
    from . import MixtureERM

_CONSTANT = 30.0
_FRESH = 20_000
_STATIONARY = 1e-6


def realize(law: MixtureERM, n: int, key: Key) -> dict[str, float]:
    """The observables of one training set in dimension n."""
    d, rng = n, generator(key)
    K = law.clusters
    n = whole(law.alpha * d, rng)
    corners = _simplex(K)
    frame = np.linalg.qr(rng.standard_normal((d, K - 1)))[0]
    share = np.append(law.balance, np.ones(K - 1)) / (law.balance + K - 1)
    label = rng.choice(K, n, p=share)
    X = law.separation * (corners @ frame.T)[label] + rng.standard_normal((n, d))
    W, b = (_two if K == 2 else _many)(X / np.sqrt(d), label, law.loss, law.ridge, K)
    new = rng.choice(K, _FRESH, p=share)
    deviation = np.linalg.cholesky(W @ W.T / d + 1e-14 * np.trace(W @ W.T / d) * np.eye(len(W)))
    means = law.separation * corners @ (W @ frame / np.sqrt(d)).T
    fields = means[new] + rng.standard_normal((_FRESH, len(W))) @ deviation.T + b
    inside = X @ W.T / np.sqrt(d) + b
    if K == 2:
        y = 1.0 - 2.0 * label
        wrong, loss = (fields[:, 0] > 0) != (new == 0), law.loss(y, inside[:, 0])
        overlap = W[0] @ frame[:, 0] * np.sign(corners[0, 0]) / np.sqrt(d)
    else:
        wrong, loss = fields.argmax(axis=1) != new, _losses(law.loss, inside, label)
        overlap = np.sum(W * (corners @ frame.T)) / np.sqrt(d * K * (K - 1))
    return {"test_error": float(np.mean(wrong)), "train_loss": float(np.mean(loss)), "overlap": float(overlap)}


def _simplex(K: int) -> np.ndarray:
    """The corners (K, K-1) of a regular simplex of circumradius one."""
    left = np.linalg.svd(np.eye(K) - 1 / K)[0][:, : K - 1]
    return left * np.sqrt(K / (K - 1))


def _two(X: np.ndarray, label: np.ndarray, loss: Loss, ridge: float, K: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (1, d) and intercept, which is the weight of a large constant input and hardly penalised."""
    from ....algorithms.erm.fit import fit

    constant = _CONSTANT * np.sqrt(1 + ridge)
    w = fit(np.column_stack([X, np.full(len(X), constant)]), 1.0 - 2.0 * label, loss, ridge).w
    return w[None, :-1], np.array([w[-1] * constant])


def _many(X: np.ndarray, label: np.ndarray, loss: Loss, ridge: float, K: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights (K, d) and intercepts (K,); certified by the gradient."""
    if isinstance(loss, Square):
        from sklearn.linear_model import Ridge

        model = Ridge(alpha=ridge, solver="cholesky").fit(X, np.eye(K)[label])
        W, b = model.coef_, model.intercept_
    else:
        W, b = _multinomial(X, label, ridge, K)
    residual = _slopes(loss, X @ W.T + b, label)
    gradient = np.concatenate([(residual.T @ X + ridge * W).ravel(), residual.sum(axis=0)])
    if not np.linalg.norm(gradient) <= _STATIONARY * np.sqrt(len(X)):
        from ....algorithms.checks import NotSolved

        raise NotSolved(f"The gradient of the multinomial problem is still {np.linalg.norm(gradient):.1e}.")
    return W, b


def _multinomial(X: np.ndarray, label: np.ndarray, ridge: float, K: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.optimize import minimize

    n, d = X.shape
    A = np.column_stack([X, np.ones(n)])
    penalty = np.append(np.full(d, ridge), 0.0)

    def objective(x: np.ndarray) -> tuple[float, np.ndarray]:
        W = x.reshape(K, d + 1)
        fields = A @ W.T
        value = _losses(Logistic(), fields, label).sum() + np.sum(penalty * W**2) / 2
        return float(value), (_slopes(Logistic(), fields, label).T @ A + penalty * W).ravel()

    def curve(x: np.ndarray, v: np.ndarray) -> np.ndarray:
        p, V = _chances(A @ x.reshape(K, d + 1).T), v.reshape(K, d + 1)
        t = A @ V.T
        return (((p * t - p * np.sum(p * t, axis=1, keepdims=True)).T @ A) + penalty * V).ravel()

    options = {"xtol": 1e-12, "maxiter": 200}
    x = minimize(objective, np.zeros(K * (d + 1)), jac=True, hessp=curve, method="Newton-CG", options=options).x
    return x.reshape(K, d + 1)[:, :-1], x.reshape(K, d + 1)[:, -1]


def _chances(fields: np.ndarray) -> np.ndarray:
    from scipy.special import softmax

    return softmax(fields, axis=1)


def _losses(loss: Loss, fields: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The multinomial loss of each sample, or half the squared distance to the indicator of its cluster."""
    from scipy.special import logsumexp

    if isinstance(loss, Square):
        return np.sum(_slopes(loss, fields, label) ** 2, axis=1) / 2
    return logsumexp(fields, axis=1) - fields[np.arange(len(label)), label]


def _slopes(loss: Loss, fields: np.ndarray, label: np.ndarray) -> np.ndarray:
    """The derivatives of the losses in the fields, (n, K)."""
    return (fields if isinstance(loss, Square) else _chances(fields)) - np.eye(fields.shape[1])[label]
