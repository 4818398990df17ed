"""Information that noisy observations carry about a hidden unit's weights, for Gaussian mixture priors."""

from __future__ import annotations

from typing import Any

import numpy as np

from .....contract.law import NoLimit
from .....parts.prior import Prior
from .fields import ball

MOST = 8
LEAST, FINEST = 1e-200, 8.0
SPAN, STEP, NARROW = 7.0, 0.25, 0.45


def learnt(prior: Prior, A: np.ndarray, K: int = 2) -> tuple[np.ndarray, np.ndarray, float]:
    """q, V and the free entropy of weights of which the modes are observed with precisions A, (K,).

    With K > 2, only for a centred Gaussian, A is that of the sum and of each of K - 1 differences.
    q: mean square of the posterior mean of each mode; V: posterior variance; and E log of the partition function
    E exp(B.w - w.A w / 2), with B = A w + sqrt(A) z.
    """
    weights, means, variances = (np.asarray(v, float) for v in mixture(prior))
    if len(weights) == 1 and means[0] == 0:
        v = variances[0]
        count = np.array([1.0, K - 1.0][: len(A)])
        return v * v * A / (1 + A * v), v / (1 + A * v), float((count * (A * v - np.log1p(A * v))).sum() / 2)
    w, m, S = _units(weights, means, variances, len(A))
    root = np.sqrt(A)
    spread = np.eye(len(A)) + root[:, None] * S * root
    inverse = np.linalg.inv(spread)
    gain = S @ (root[:, None] * inverse)
    rest = S - gain @ (root[:, None] * S)
    offset = np.log(w) - np.linalg.slogdet(spread)[1] / 2
    q, V, free = np.zeros(len(A)), np.zeros(len(A)), 0.0
    for c in range(len(w)):
        widths, axes = np.linalg.eigh(spread[c])
        t, mass = ball(tuple(_step(v) for v in widths), SPAN)
        x = (t * np.sqrt(widths)) @ axes.T + root * m[c]
        away = x - (root * m)[:, None]
        log_share = offset[:, None] - ((away @ inverse) * away).sum(axis=-1) / 2
        top = log_share.max(axis=0)
        share = np.exp(log_share - top)
        total = share.sum(axis=0)
        share = (share / total)[..., None]
        each = m[:, None] + away @ gain.swapaxes(1, 2)
        mean = (share * each).sum(axis=0)
        square = (share * ((each - mean) ** 2 + np.einsum("cii->ci", rest)[:, None])).sum(axis=0)
        q += w[c] * (mass @ mean**2)
        V += w[c] * (mass @ square)
        free += w[c] * (mass @ (top + np.log(total) + (x**2).sum(axis=1) / 2))
    q[A == 0] = (w @ m)[A == 0] ** 2
    return q, np.maximum(V, LEAST), float(free)


def _step(variance: float) -> float:
    """A step that resolves features as wide as the noise, for a normal distribution of this variance."""
    finer = np.clip(np.sqrt(variance) * STEP / NARROW, 1.0, FINEST)
    return float(STEP / 2 ** (np.ceil(2 * np.log2(finer)) / 2))


def mixture(prior: Prior) -> tuple[Any, Any, Any]:
    """The components of a prior; `NoLimit` if it is not a mixture of at most `MOST` Gaussians."""
    components = prior.components()
    if components is None or len(components[0]) > MOST:
        count = "none" if components is None else f"a mixture of {len(components[0])}"
        raise NoLimit(f"`prior` of Committee must be a mixture of at most {MOST} Gaussians, but {prior!r} is {count}.")
    return components


def _units(w: np.ndarray, m: np.ndarray, v: np.ndarray, K: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The components of K independent units in modes: weights (C,), means (C, K) and covariances (C, K, K)."""
    if K == 1:
        return w, m[:, None], v[:, None, None]
    turn = np.array([[1.0, 1.0], [1.0, -1.0]]) / np.sqrt(2)
    i, j = (a.ravel() for a in np.meshgrid(np.arange(len(w)), np.arange(len(w)), indexing="ij"))
    own = np.zeros((len(i), 2, 2))
    own[:, 0, 0], own[:, 1, 1] = v[i], v[j]
    return w[i] * w[j], np.stack([m[i], m[j]], axis=-1) @ turn, turn @ own @ turn
