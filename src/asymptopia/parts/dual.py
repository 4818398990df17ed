"""Averages of an activation over two correlated normal preactivations, of which kernels of wide networks are made.

A pair is given by its two variances and the variance of its difference, rather than by its covariance: of nearly equal
inputs the covariance keeps too few digits.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from ..contract.record import StatementError
from ..numerics.gaussian import nodes
from .activation import Activation, Erf, Identity, Relu, Sign

CHUNK, FEW = 64, 12
WIDE = 4.0  # beyond this variance a transition of unit width is narrow, and panels end at PIECES
PIECES = np.array([-18.0, -9.0, -4.5, -1.5, 1.5, 4.5, 9.0, 18.0])
CLOSE = np.array([1e-4, 1e-8])
NEAR = np.array([-8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0])
FAR = np.array([[18.0, 24.0], [-18.0, -24.0]])
_NO_MOMENT = "{!r} has no second moment under a normal distribution, which a wide network needs."
Dual = tuple[np.ndarray, np.ndarray, np.ndarray]


@singledispatch
def dual(activation: Activation, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    """$E\\phi(x)\\phi(y)$, $E\\phi'(x)\\phi'(y)$ and $E(\\phi(x)-\\phi(y))^2$ for centred normal x and y.

    u, v: the variances of x and y; apart: the variance of x - y; arrays of one shape. Closed forms for `Relu`, `Erf`,
    `Identity` and `Sign`; quadrature on panels that end at the activation's breaks for any other, to about 1e-12. Where
    the derivative is not bounded near a break, as that of a jump or of a root, its average is nan.
    """
    shape = np.shape(apart)
    flat = [np.broadcast_to(a, shape).ravel() for a in (u, v, apart)]
    many = CHUNK if max(np.max(u, initial=0.0), np.max(v, initial=0.0)) <= WIDE else FEW
    parts = [_quadrature(activation, *(a[i : i + many] for a in flat)) for i in range(0, max(len(flat[0]), 1), many)]
    first, second, third = (np.concatenate(p).reshape(shape) for p in zip(*parts, strict=True))
    return first, second, third


def _quadrature(activation: Activation, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    _check_second_moment(activation, float(max(np.max(u, initial=0.0), np.max(v, initial=0.0))))
    x, y, weight = pair_nodes(activation, u, v, apart)
    at_x, at_y = np.asarray(activation(x)), np.asarray(activation(y))
    slopes = np.asarray(activation.derivative(x)) * np.asarray(activation.derivative(y))
    first, second, third = ((weight * f).sum(axis=(1, 2)) for f in (at_x * at_y, slopes, np.square(at_x - at_y)))
    if _unbounded(activation):
        second = np.full_like(first, np.nan)
    if not (np.isfinite(first) & np.isfinite(third)).all():
        raise StatementError(_NO_MOMENT.format(activation))
    return first, second, third


def _unbounded(activation: Activation) -> bool:
    """Whether the derivative grows without bound towards a break."""
    for at in activation.breaks():
        for side in (-1.0, 1.0):
            with np.errstate(all="ignore"):
                far, near = np.abs(np.asarray(activation.derivative(at + side * CLOSE), float))
            if near > 2 * max(far, 1e-3):
                return True
    return False


def _check_second_moment(activation: Activation, variance: float) -> None:
    """Raise `StatementError` unless the square of the activation falls, times the normal density, in its far tails."""
    with np.errstate(all="ignore"):
        tails = 2 * np.log(np.abs(np.asarray(activation(np.sqrt(variance) * FAR)))) - FAR**2 / 2
    if not (tails[:, 1] < np.maximum(tails[:, 0], -(FAR[0, 0] ** 2))).all():
        raise StatementError(_NO_MOMENT.format(activation))


def field_nodes(activation: Activation, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes x (K, N) and weights of averages over N(0, u_k), for variances u (K,), with panels split at the breaks."""
    deviation = np.sqrt(u)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        z, w = nodes(np.nan_to_num(np.append(activation.breaks(), PIECES) / deviation))
    return deviation * z, w


def pair_nodes(
    activation: Activation, u: np.ndarray, v: np.ndarray, apart: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes x (K, N, 1), y (K, N, M) and weights of averages over K pairs of fields, split at the activation's breaks.

    u, v, apart: variances of x, y and x - y, each (K,).
    """
    breaks = np.asarray(activation.breaks(), float)
    slope, left = conditional(u, v, apart)
    with np.errstate(divide="ignore", invalid="ignore"):
        # where the mean of y given x is within a few deviations of a break, averages over y change fast with x
        width = np.minimum(np.sqrt(left) / np.abs(slope), 10 * np.sqrt(u))
        around = (breaks / slope[:, None])[..., None] + width[:, None, None] * NEAR
        cuts = np.concatenate([np.broadcast_to(breaks, (len(u), len(breaks))), around.reshape(len(u), -1)], axis=1)
        if max(np.max(u, initial=0.0), np.max(v, initial=0.0)) > WIDE:
            cuts = np.concatenate(
                [cuts, np.broadcast_to(PIECES, (len(u), len(PIECES))), PIECES / slope[:, None]], axis=1
            )
            breaks = np.append(breaks, PIECES)
        z, w = nodes(np.nan_to_num(cuts / np.sqrt(u)[:, None]))
        x = np.sqrt(u)[:, None] * z
        centre = slope[:, None] * x
        cuts = np.nan_to_num((breaks - centre[..., None]) / np.sqrt(left)[:, None, None])
    t, g = nodes(cuts)
    return x[..., None], centre[..., None] + np.sqrt(left)[:, None, None] * t, w[..., None] * g


def conditional(u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distribution of y given x: the coefficient of x in its mean, and its variance."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(u > 0, (u + v - apart) / (2 * u), 0.0)
        close = apart - np.square(np.sqrt(u) - np.sqrt(v))
        left = np.where(u > 0, close * (np.square(np.sqrt(u) + np.sqrt(v)) - apart) / (4 * u), v)
    return slope, np.maximum(left, 0.0)


def _half(u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The squared difference and the product of the standard deviations, and sin(angle / 2)**2 of the angle whose
    cosine is the correlation, 1/2 where a variance is 0."""
    unequal = np.asarray(np.square(np.sqrt(u) - np.sqrt(v)) + np.zeros_like(apart))
    scale = np.sqrt(u * v) + np.zeros_like(apart)
    half = np.subtract(apart, unequal)
    with np.errstate(divide="ignore", invalid="ignore"):
        half /= 4 * scale
    if not scale.all():
        half = np.where(scale > 0, half, 0.5)
    return unequal, scale, np.clip(half, 0.0, 1.0)


def _angle(u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The product of the standard deviations, and the angle whose cosine is the correlation."""
    _, scale, half = _half(u, v, apart)
    return scale, 2 * np.arcsin(np.sqrt(half))


@dual.register
def _(activation: Relu, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    """Cho and Saul, NeurIPS 22 (2009), equations 6 and 7, in s = sin(angle / 2)**2 of the angle between the fields.

    With g = s + (angle cos(angle) - sin(angle)) / 2 pi the two averages are scale (1/2 - g), and what it lacks.
    """
    unequal, scale, half = _half(u, v, apart)
    angle = np.arcsin(np.sqrt(half))
    angle *= 2
    sine = np.sqrt(half * (1 - half))
    sine *= 2
    bend = (1 - 2 * half) * angle
    bend -= sine
    small = angle < 0.02
    if small.any():  # there the two nearly cancel
        bend[small] = _bend(angle[small])
    bend *= 1 / (2 * np.pi)
    bend += half
    distance = bend * scale
    product = 0.5 * scale
    product -= distance
    distance *= 2
    unequal *= 0.5
    distance += unequal
    angle *= -1 / (2 * np.pi)
    angle += 0.5
    return product, angle, distance


def _bend(angle: np.ndarray) -> np.ndarray:
    """angle cos(angle) - sin(angle) for small angles."""
    return -(angle**3) / 3 * (1 - angle**2 / 10 + angle**4 / 280)


@dual.register
def _(activation: Erf, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    """Williams, Neural Computation 10 (1998) 1203, equation 11."""
    a = 2 * activation.scale**2
    inner = a * (u + v - apart) / 2
    across = (1 + a * u) * (1 + a * v)
    product = 2 / np.pi * np.arcsin(inner / np.sqrt(across))
    alone = (2 / np.pi * np.arcsin(a * s / (1 + a * s)) for s in (u, v))
    slopes = 2 * a / np.pi / np.sqrt(across - inner**2)
    return product, slopes, np.maximum(sum(alone) - 2 * product, 0.0)


@dual.register
def _(activation: Identity, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    return (u + v - apart) / 2, np.ones_like(apart), apart


@dual.register
def _(activation: Sign, u: np.ndarray, v: np.ndarray, apart: np.ndarray) -> Dual:
    _, angle = _angle(u, v, apart)
    return 1 - 2 * angle / np.pi, np.full_like(angle, np.nan), 4 * angle / np.pi
