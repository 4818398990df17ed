"""The proximal map of a student with a field for each of K classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..parts.classes import Softmax, signs, stated
from ..parts.loss import Loss

if TYPE_CHECKING:
    from jaxtyping import Float

_STEPS = 60
_SOLVED = 1e-8


def pulled(
    loss: Loss,
    y: Float[np.ndarray, " N"],
    omega: Float[np.ndarray, "N K"],
    V: Float[np.ndarray, "K K"],
    weights: Float[np.ndarray, " N"],
    start: Float[np.ndarray, "N K"] | None = None,
) -> tuple[Float[np.ndarray, "N K"], Float[np.ndarray, "K K"]]:
    """f = -gradient of the loss at the proximal point z = omega + V f, (N, K), and -E[df / d omega], (K, K).

    V is (K, K); diagonal for losses against the rest. weights (N,) are of the mean. `start` is an f nearby.

    Raises `ArithmeticError` where Newton's method does not reach the proximal point of the softmax.
    """
    K = omega.shape[1]
    if not isinstance(loss, Softmax):
        v, labels = np.diag(V), signs(y, K)
        z = loss.proximal(labels, omega, np.broadcast_to(v, omega.shape))
        h = np.asarray(loss.curvature(labels, z))
        return -np.asarray(loss.gradient(labels, z)), np.diag(weights @ (h / (1 + v * h)))
    hot = (signs(y, K) + 1) / 2
    f = np.zeros_like(omega) if start is None else start
    for _ in range(_STEPS):
        p = stated(loss, omega + f @ V)
        assert p is not None
        off = f - (hot - p)
        H = p[:, :, None] * (np.eye(K) - p[:, None, :])
        A = np.eye(K) + H @ V
        if np.abs(off).max() < _SOLVED:
            slopes = np.linalg.solve(A, H)
            mean = np.tensordot(weights, slopes, axes=1)
            return f, (mean + mean.T) / 2
        f = _descended(f, np.linalg.solve(A, off[:, :, None])[:, :, 0], omega, V, hot, off)
    raise ArithmeticError("The proximal map of the softmax was not solved.")


def _descended(
    f: np.ndarray, step: np.ndarray, omega: np.ndarray, V: np.ndarray, hot: np.ndarray, off: np.ndarray
) -> np.ndarray:
    """A Newton step on f = hot - softmax(omega + V f), halved for each sample until the convex function falls whose
    gradient is V times the residual."""

    def height(f: np.ndarray) -> np.ndarray:
        z = omega + f @ V
        top = z.max(axis=1)
        pull = ((0.5 * f - hot) * (f @ V)).sum(axis=1)
        return np.asarray(pull + top + np.log(np.exp(z - top[:, None]).sum(axis=1)))

    before, share = height(f), np.ones(len(f))
    slope = ((off @ V) * step).sum(axis=1)
    for _ in range(30):
        high = height(f - share[:, None] * step) > before - 1e-4 * share * slope + 1e-13 * (1 + np.abs(before))
        if not high.any():
            break
        share = np.where(high, share / 2, share)
    return np.asarray(f - share[:, None] * step)
