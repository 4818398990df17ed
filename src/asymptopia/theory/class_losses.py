"""The proximal map of a student with a field for each of K classes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..parts.classes import Softmax, signs, stated
from ..parts.loss import Loss

if TYPE_CHECKING:
    from jaxtyping import Float

_STEPS = 60
_SOLVED, _FALL = 1e-9, 0.1


@dataclasses.dataclass(frozen=True)
class Pull:
    """f = -gradient of the loss at the proximal points z = omega + V f, (N, K), and -df / d omega, (N, K, K) for the
    softmax, and its diagonals (N, K) for losses against the rest, whose V is diagonal."""

    f: Float[np.ndarray, "N K"]
    slopes: Float[np.ndarray, "N ..."]

    def mean_slope(self, weights: Float[np.ndarray, " N"]) -> Float[np.ndarray, "K K"]:
        """The mean of -df / d omega with weights (N,)."""
        mean = np.tensordot(weights, self.slopes, axes=1)
        return np.diag(mean) if mean.ndim == 1 else np.asarray((mean + mean.T) / 2)


def pulled(
    loss: Loss,
    y: Float[np.ndarray, " N"],
    omega: Float[np.ndarray, "N K"],
    V: Float[np.ndarray, "K K"],
    start: Pull | None = None,
) -> Pull:
    """The pull of the labels y (N,) on fields omega (N, K), for a loss and V (K, K); `start` is one nearby.

    With (1 + H V)^-1 = 1 - S V, where S is the slope, the one of the start gives steps that cost no linear system; as
    long as they make the residual ten times smaller they are taken, and Newton's otherwise.

    Raises `ArithmeticError` where Newton's method does not reach the proximal point of the softmax.
    """
    K = omega.shape[1]
    if not isinstance(loss, Softmax):
        v, labels = np.diag(V), signs(y, K)
        z = loss.proximal(labels, omega, np.broadcast_to(v, omega.shape))
        h = np.asarray(loss.curvature(labels, z))
        return Pull(-np.asarray(loss.gradient(labels, z)), h / (1 + v * h))
    hot = (signs(y, K) + 1) / 2
    f = np.zeros_like(omega) if start is None else start.f
    slopes, before, kept = None if start is None else start.slopes, np.inf, None
    for _ in range(_STEPS):
        p = stated(loss, omega + f @ V)
        assert p is not None
        off = f - (hot - p)
        size = float(np.abs(off).max())
        if size < _SOLVED:
            return Pull(f, _slopes(p, V))
        if kept is not None and size > before:
            f, slopes, kept = kept, None, None
        elif slopes is not None and size <= _FALL * before:
            f, before, kept = f - _stepped(off, slopes, V), size, f
        else:
            slopes, before, kept = _slopes(p, V), size, None
            f = _descended(f, _stepped(off, slopes, V), omega, V, hot, off)
    raise ArithmeticError("The proximal map of the softmax was not solved.")


def _stepped(
    off: Float[np.ndarray, "N K"], slopes: Float[np.ndarray, "N K K"], V: Float[np.ndarray, "K K"]
) -> Float[np.ndarray, "N K"]:
    """(1 + H V)^-1 off, from the slopes (1 + H V)^-1 H."""
    return np.asarray(off - np.matmul(slopes, (off @ V)[:, :, None])[:, :, 0])


def _slopes(p: Float[np.ndarray, "N K"], V: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "N K K"]:
    """(1 + H V)^-1 H, (N, K, K), with H = diag(p) - p p' at probabilities p (N, K)."""
    H = -p[:, :, None] * p[:, None, :]
    diagonal = np.arange(len(V))
    H[:, diagonal, diagonal] += p
    A = H @ V
    A[:, diagonal, diagonal] += 1
    return np.linalg.solve(A, H)


def _descended(
    f: Float[np.ndarray, "N K"],
    step: Float[np.ndarray, "N K"],
    omega: Float[np.ndarray, "N K"],
    V: Float[np.ndarray, "K K"],
    hot: Float[np.ndarray, "N K"],
    off: Float[np.ndarray, "N K"],
) -> Float[np.ndarray, "N K"]:
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
