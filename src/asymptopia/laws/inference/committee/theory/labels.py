"""Information that a committee's label carries about its hidden fields: Fisher, entropy, errors.

With K = 2 the modes are the sum and the difference of the units over sqrt(2); with K = 1 there is one. Of a mode's
field, `q` is the variance of its posterior mean and `V` its posterior variance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .....numerics.bivariate import quadrant
from .....numerics.gaussian import density, nodes
from .....numerics.tails import hazard

Information = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]]

ORDER = 6
NEAR = np.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0])
FEW = np.array([-3.0, -1.0, 0.0, 1.0, 3.0])
NEGLIGIBLE = 1e-13


def vote(q: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, float]:
    """For the sign of the sum of signs: the information E (d log Z / d omega)**2 on each mode, and E log Z."""
    return _one_vote(float(q[0]), float(V[0])) if len(q) == 1 else _two_votes(q, V)


def vote_error(q: np.ndarray, V: np.ndarray) -> float:
    """The probability that the likeliest label given the posterior is not the label."""
    if len(q) == 1:
        return float(np.arctan2(np.sqrt(V[0]), np.sqrt(q[0])) / np.pi)
    omega, weight = _plane(q, V, True)
    return float(1 - weight @ np.max(_votes(omega, V)[0], axis=0))


def _one_vote(q: float, V: float) -> tuple[np.ndarray, float]:
    from scipy.special import log_ndtr, ndtr

    if q == 0:
        return np.array([2 / (np.pi * V)]), -float(np.log(2))
    x, w = nodes(np.sqrt(V) * NEAR, 0.0, np.sqrt(q))
    t = x / np.sqrt(V)
    p = ndtr(t)
    return np.array([2 * float(w @ (p * hazard(t)[0] ** 2)) / V]), 2 * float(w @ (p * log_ndtr(t)))


def _two_votes(q: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, float]:
    omega, weight = _plane(q, V)
    Z, first, second = _votes(omega, V)
    usable = NEGLIGIBLE < Z
    safe = np.where(usable, Z, 1.0)
    share = np.where(usable, 0.5 / safe, 0.0) * weight
    information = np.array([((first + second) ** 2 * share).sum(), ((first - second) ** 2 * share).sum()])
    information[1] *= q[1] > 0
    return information, float(weight @ (safe * np.log(safe)).sum(axis=0))


def _votes(omega: tuple[np.ndarray, np.ndarray], V: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities of the labels 1, 0, -1, (3, N), and their derivatives in the two units' mean fields."""
    from scipy.special import ndtr

    total = V.sum()
    width, r, s = np.sqrt(total / 2), (V[0] - V[1]) / total, 2 * np.sqrt(V[0]) * np.sqrt(V[1]) / total
    h, k = omega[0] / width, omega[1] / width
    both = quadrant(h, k, r, s)
    neither = np.maximum(both + ndtr(-h) - ndtr(k), 0.0)
    one, other = density(h) / width, density(k) / width
    up, across = ndtr((k - r * h) / s), ndtr((h - r * k) / s)
    Z = np.stack([both, np.maximum(1 - both - neither, 0.0), neither])
    first = one * np.stack([up, 1 - 2 * up, up - 1])
    second = other * np.stack([across, 1 - 2 * across, across - 1])
    return Z, first, second


def _plane(q: np.ndarray, V: np.ndarray, decided: bool = False) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """Nodes and weights of the mean fields of two units, (N,) each: half the plane, the other follows by symmetry.

    Panels end about the lines where a unit's field, their sum and their difference vanish and, if `decided`, where the
    likeliest label changes. Where the units are not told apart, q[1] = 0, their mean fields are one.
    """
    if q[0] == 0:
        return (np.zeros(1), np.zeros(1)), np.ones(1)
    own, left = q.sum() / 2, np.sqrt(2 * q[0] * q[1] / q.sum())
    width, around = np.sqrt(V.sum() / 2), np.sqrt(2 * V)
    ends = [width * NEAR, around[0] * FEW, around[1] * FEW]
    if decided:
        ends.append(_decision(V, None) + left * NEAR)
    x, w = nodes(np.concatenate(ends), 0.0, np.sqrt(own), ORDER)
    x, w = x[x > 0], 2 * w[x > 0]
    if left == 0:
        return (x, x), w
    cuts = [np.broadcast_to(width * NEAR, (len(x), len(NEAR)))]
    cuts += [-x[:, None] + around[0] * FEW, x[:, None] + around[1] * FEW]
    if decided:
        cuts.append(_decision(V, x)[:, None])
    centre = x * (q[0] - q[1]) / (2 * own)
    y, v = nodes(np.concatenate(cuts, axis=1), centre, np.full(len(x), left), ORDER)
    return (np.repeat(x, y.shape[1]), y.ravel()), (w[:, None] * v).ravel()


def _decision(V: np.ndarray, x: np.ndarray | None) -> np.ndarray:
    """For fields x > 0 of one unit that of the other at which 1 becomes the likeliest label; of both if x is None."""
    low = np.zeros(1) if x is None else -9 - x
    high = np.full(1, 9.0) if x is None else 9 + x
    for _ in range(50):
        middle = (low + high) / 2
        Z = _votes((middle if x is None else x, middle), V)[0]
        above = Z[0] > np.maximum(Z[1], Z[2])
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    return np.asarray((low + high) / 2)
