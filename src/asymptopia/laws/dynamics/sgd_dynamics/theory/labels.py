"""Labels in the theory of SGD: points of their distribution, second moments, and the error on new ones."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .....numerics.gaussian import nodes
from .....parts.channel import Channel, Linear, Probit, Sign
from .....parts.loss import Loss
from .....parts.mixture import Mixture

SPREAD = np.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0])
TINY = 1e-300


class Average(NamedTuple):
    """The averages over a typical sample at time t.

    signal: E f(t) star, with the field star of the teacher's direction.
    forces: E f(t) f(s) for s <= t; shape (t + 1,).
    memory: E d f(t) / d kappa(s) for s <= t; shape (t + 1,).
    loss:   E loss(y, z(t)).
    """

    signal: float
    forces: np.ndarray
    memory: np.ndarray
    loss: float


def points(teacher: Channel | Mixture, normal: np.ndarray, uniform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The field of w_star and the label, from independent N(0, 1) and uniform numbers of the same shape."""
    from scipy.special import ndtri

    if isinstance(teacher, Mixture):
        y = np.where(uniform < teacher.balance, 1.0, -1.0)
        return normal + teacher.separation * y, y
    if teacher.binary:
        return normal, np.where(uniform < _chance(teacher, normal), 1.0, -1.0)
    noise = float(getattr(teacher, "noise", 0.0))
    return normal, np.asarray(teacher.function(normal), float) + np.sqrt(noise) * ndtri(uniform)


def second_moments(teacher: Channel | Mixture) -> tuple[float, float, float]:
    """E of star^2, star y and y^2, for the field star of w_star and the label y."""
    if isinstance(teacher, Mixture):
        return 1 + teacher.separation**2, teacher.separation, 1.0
    if isinstance(teacher, Linear):
        return 1.0, 1.0, 1.0 + teacher.noise
    places, width = teacher.breaks()
    z, w = nodes(np.concatenate([np.ravel(p) + float(np.max(width)) * SPREAD for p in places] or [np.zeros(1)]))
    if teacher.binary:
        return 1.0, float(w @ (z * (2 * _chance(teacher, z) - 1))), 1.0
    g = np.asarray(teacher.function(z), float)
    return 1.0, float(w @ (z * g)), float(w @ g**2) + float(getattr(teacher, "noise", 0.0))


def test_error(teacher: Channel | Mixture, loss: Loss, m: float, q: float) -> float:
    """The error of a student of overlap m and squared norm q on new labels without flips or added noise."""
    from scipy.special import ndtr

    if isinstance(teacher, Mixture):
        return float(ndtr(-teacher.separation * m / np.sqrt(max(q, TINY))))
    clean = teacher.noiseless()
    if clean.binary:
        return _wrong_sign(clean, m, q)
    if isinstance(clean, Linear):
        return 1 - 2 * m + q
    return _squared_error(clean, loss, m, q)


def _wrong_sign(teacher: Channel, m: float, q: float) -> float:
    from scipy.special import ndtr

    if q <= 0:
        return 0.5
    left = max(q - m**2, 0.0)
    if isinstance(teacher, Sign):
        return float(np.arctan2(np.sqrt(left), m) / np.pi)
    if isinstance(teacher, Probit):
        return float(np.arctan2(np.sqrt(left + teacher.noise * q), m) / np.pi)
    places, width = teacher.breaks()
    own = float(np.sqrt(left)) / max(abs(m), 1e-12) * SPREAD
    z, w = nodes(np.concatenate([own, *(np.ravel(p) + float(np.max(width)) * SPREAD for p in places)]))
    p = _chance(teacher, z)
    positive = ndtr(m * z / max(np.sqrt(left), TINY))
    return float(w @ (p * (1 - positive) + (1 - p) * positive))


def _squared_error(teacher: Channel, loss: Loss, m: float, q: float) -> float:
    places, _ = teacher.breaks()
    z, w = nodes(np.asarray(places, float))
    y = np.asarray(teacher.function(z), float)
    if loss.location:
        return float(w @ (y**2 - 2 * m * z * y)) + q
    left = np.sqrt(max(q - m**2, 0.0))
    if left == 0:
        guess = np.asarray(teacher.function(m * z), float)
        return float(w @ (y - guess) ** 2)
    inside = np.asarray(places, float)
    student, v = nodes(np.broadcast_to(inside, (len(z), len(inside))), m * z, np.full(len(z), left))
    guess = np.asarray(teacher.function(student), float)
    return float(w @ (v * (y[:, None] - guess) ** 2).sum(axis=1))


def _chance(teacher: Channel, z: np.ndarray) -> np.ndarray:
    """The probability of the label 1 at the field z."""
    return np.asarray(teacher.partition(1.0, z, np.full_like(z, TINY)))
