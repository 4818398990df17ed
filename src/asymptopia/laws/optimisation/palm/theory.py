"""The linear rate of alternating proximal gradient steps at the minimum of a regularised factorisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.law import NoLimit

if TYPE_CHECKING:
    from . import PALM


def rate(s: np.ndarray, r: int, ridge: float, inertia: float, factor: float) -> float:
    """Spectral radius of the linearised step, in the bases of singular vectors, without the rotations.

    There X is the diagonal matrix of its singular values s, and the minimum W = H' = diag(sqrt(s_i - ridge)).
    """
    d = len(s)
    W = np.eye(d, r) * np.sqrt(s[:r] - ridge)
    R = W @ W.T - np.diag(s)
    top = float(s[0] - ridge)
    tau = factor * max(top, _inertial(top, inertia))

    def gradient(dW: np.ndarray, dH: np.ndarray) -> np.ndarray:
        """The derivative of (W H - X) H' along both differences; for H, transposed, it is the same map."""
        return (dW @ W.T + W @ dH) @ W + R @ dH.T

    def step(state: np.ndarray) -> np.ndarray:
        a, a0, b, b0 = state.reshape(4, d, r)  # differences of W and H', now and before
        y, z = a + inertia * (a - a0), b + inertia * (b - b0)
        new = (tau * y - gradient(y, b.T)) / (tau + ridge)
        other = (tau * z - gradient(z, new.T)) / (tau + ridge)
        return np.array([new, a, other, b]).ravel()

    M = np.array([step(e) for e in np.eye(4 * d * r)]).T
    values = sorted(np.linalg.eigvals(M), key=abs, reverse=True)
    turns = r * (r - 1) // 2
    if any(abs(v - 1) > 1e-6 for v in values[:turns]) or abs(values[turns]) >= 1 - 1e-9:
        raise NoLimit("The linearised step does not contract: neighbouring singular values are too close.")
    return float(abs(values[turns]))


def _inertial(L: float, inertia: float) -> float:
    """Pock and Sabach's constant for convex penalties with epsilon = (1 - inertia) / 2; 0 without inertia."""
    if inertia == 0:
        return 0.0
    epsilon = (1 - inertia) / 2
    delta = 3 * inertia * L / (2 * (1 - epsilon - inertia))
    return ((1 + epsilon) * delta + (1 + inertia) * L) / (2 - inertia)


def predict(law: PALM) -> dict[str, Any]:
    """The observables in the limit."""

    s, r, ridge = law.decay ** np.arange(law.dimension), int(law.rank), float(law.ridge)
    value = float(np.sum(ridge * s[:r] - ridge**2 / 2) + np.sum(s[r:] ** 2) / 2)
    return {"decrease": 0.0, "value": value, "distance": rate(s, r, ridge, float(law.inertia), float(law.factor))}
