"""The training loss of two tokens' attention as a function of two fields, and its proximal map."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

CLOSE = 1e-11  # of a proximal point, relative to the largest field
NEAR = 1e-6  # so close Newton's steps are taken whatever the rounded values say
SAFE = 0.1  # curvature of a step where the function curves down, over that of the quadratic term


def shares(h: np.ndarray) -> np.ndarray:
    """The attention that each of two tokens with fields h, shape (N, 2), pays to itself: softmax(h h^T), diagonal."""
    return np.asarray(expit(h * (h - h[:, ::-1])))


def curvature(h: np.ndarray, target: np.ndarray, scale: float) -> np.ndarray:
    """The Hessian of scale * |target - shares(h)|^2, shape (N, 2, 2)."""
    return _derivatives(h, target, scale)[1]


def nearest(fields: np.ndarray, V: float, target: np.ndarray, scale: float, steps: int = 400) -> np.ndarray:
    """The h of least |h - fields|^2/2V + scale |target - shares(h)|^2, by damped Newton from the fields, (N, 2).

    Raises `ArithmeticError` if a point is not found, as at fields or a V that are no numbers.
    """
    h, left = fields.copy(), np.arange(len(fields))
    damping = np.zeros(len(fields))
    for _ in range(steps):
        x, w, t = h[left], fields[left], target[left]
        slope, bend = _derivatives(x, t, scale)
        slope = slope + (x - w) / V
        away = np.max(np.abs(slope), axis=1) * V / (1 + np.max(np.abs(w), axis=1))
        if np.max(away) <= CLOSE:
            return h
        if np.isnan(away).any():
            break
        left, x, w, t, slope, bend, away = (a[away > CLOSE] for a in (left, x, w, t, slope, bend, away))
        proposed = x - _solved(bend, slope, 1 / V, damping[left])
        before, after = (np.sum((y - w) ** 2, axis=1) / (2 * V) + _loss(y, t, scale) for y in (x, proposed))
        better = (after <= before) | (away < NEAR)
        h[left[better]] = proposed[better]
        damping[left] = np.where(better, 0.1 * damping[left], np.maximum(10 * damping[left], SAFE / V))
        damping[damping < 1e-3 * SAFE / V] = 0.0
    raise ArithmeticError(f"The proximal map of attention did not converge at {len(left)} of {len(fields)} points.")


def _loss(h: np.ndarray, target: np.ndarray, scale: float) -> np.ndarray:
    return np.asarray(scale * np.sum((target - shares(h)) ** 2, axis=1))


def _derivatives(h: np.ndarray, target: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """Gradient (N, 2) and Hessian (N, 2, 2) of scale * |target - shares(h)|^2."""
    s = shares(h)
    first = 2 * scale * (s - target) * s * (1 - s)
    second = 2 * scale * (s * (1 - s)) ** 2 + first * (1 - 2 * s)
    own, other = 2 * h - h[:, ::-1], -h  # derivatives of a token's score by its field and by the other's
    gradient = first * own + (first * other)[:, ::-1]
    hessian = np.empty((len(h), 2, 2))
    for a, b in ((0, 1), (1, 0)):
        hessian[:, a, a] = second[:, a] * own[:, a] ** 2 + 2 * first[:, a] + second[:, b] * other[:, b] ** 2
    cross = np.sum(second * own * other - first, axis=1)
    hessian[:, 0, 1] = hessian[:, 1, 0] = cross
    return gradient, hessian


def _solved(bend: np.ndarray, slope: np.ndarray, stiffness: float, damping: np.ndarray) -> np.ndarray:
    """The Newton step with the Hessian made positive, shape (N, 2)."""
    a, b, c = bend[:, 0, 0] + stiffness, bend[:, 0, 1], bend[:, 1, 1] + stiffness
    least = (a + c) / 2 - np.hypot((a - c) / 2, b)
    lift = np.where(least > 0, 0.0, SAFE * stiffness - least) + damping
    a, c = a + lift, c + lift
    x, y = slope.T
    return np.stack([c * x - b * y, a * y - b * x], axis=1) / (a * c - b**2)[:, None]
