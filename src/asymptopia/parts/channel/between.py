"""A channel as a hidden layer: its output is not observed itself, but through Gaussian noise."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...numerics.tails import hazard
from .channel import Channel
from .real import Abs, Linear, ReLU

PIECES: dict[type[Channel], tuple[tuple[float, int], ...]] = {
    Linear: ((1.0, 0),),
    ReLU: ((0.0, -1), (1.0, 1)),
    Abs: ((-1.0, -1), (1.0, 1)),
}
"""Slopes of functions that are straight on half-lines, and the sign of the half-line, 0 for all fields."""


class Between(NamedTuple):
    """The posterior of a layer's field z and of its output x; arrays of one shape.

    log_partition:  log E exp(B x - A x**2 / 2) over z ~ N(omega, V).
    mean, variance: of x under the distribution that this exponential tilts.
    score, slope:   first and second derivative of the log-partition in omega.
    """

    log_partition: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    score: np.ndarray
    slope: np.ndarray


def checked_layer(channel: Channel) -> None:
    """Raise `StatementError` unless the channel can be a hidden layer: a binary one, Linear, ReLU or Abs."""
    if not channel.binary and type(channel) not in PIECES:
        raise StatementError(
            f"A hidden layer must have a channel with labels +-1, Linear, ReLU or Abs, but has {channel!r}."
        )


def between(channel: Channel, omega: ArrayLike, V: ArrayLike, A: ArrayLike, B: ArrayLike) -> Between:
    """The posterior of a hidden layer: its field is N(omega, V), and its output x is seen as B / A = x + N(0, 1 / A).

    Arrays of shapes that broadcast, V > 0, A >= 0. Raises `StatementError` for channels that cannot be a hidden layer.
    """
    checked_layer(channel)
    omega, V, A, B = np.broadcast_arrays(*(np.asarray(a, float) for a in (omega, V, A, B)))
    if channel.binary:
        return _binary(channel, omega, V, A, B)
    return _straight(PIECES[type(channel)], float(getattr(channel, "noise", 0.0)), omega, V, A, B)


def _binary(channel: Channel, omega: np.ndarray, V: np.ndarray, A: np.ndarray, B: np.ndarray) -> Between:
    rows = [(a, channel.log_chance(a, omega, V) + a * B, *channel.score(a, omega, V)) for a in channel.labels]
    labels, logs, scores, slopes = (np.array([row[k] for row in rows]) for k in range(4))
    log_z = np.logaddexp(*logs)
    share = np.exp(logs - log_z)
    mean, score = np.tensordot(labels, share, 1), (share * scores).sum(axis=0)
    curved = (share * (slopes + scores**2)).sum(axis=0)
    return Between(log_z - A / 2, mean, 4 * share[0] * share[1], score, curved - score**2)


def _straight(
    pieces: tuple[tuple[float, int], ...], noise: float, omega: np.ndarray, V: np.ndarray, A: np.ndarray, B: np.ndarray
) -> Between:
    """On each piece z is normal, cut at 0; noise of the output is integrated first."""
    from scipy.special import log_ndtr

    seen = 1 + A * noise
    a, b = A / seen, B / seen
    logs, means, variances, scores = [], [], [], []
    for s, side in pieces:
        D = 1 + V * a * s**2
        center, width = (omega + V * s * b) / D, np.sqrt(V / D)
        log_z = (omega * s * b - a * s**2 * omega**2 / 2 + V * s**2 * b**2 / 2) / D - np.log(D) / 2
        shift = np.zeros_like(center)
        variance = width**2
        if side:
            t = side * center / width
            r, _, cut = hazard(t)
            log_z, shift, variance = log_z + log_ndtr(t), side * width * r, width**2 * cut
        logs.append(log_z)
        means.append(center + shift)
        variances.append(variance)
        scores.append((s * b - a * s**2 * omega) / D + shift / V)
    total = np.logaddexp.reduce(logs, axis=0)
    share = np.exp(np.array(logs) - total)
    slopes = np.array([s for s, _ in pieces]).reshape(-1, *(1,) * omega.ndim)
    z, var, g = np.array(means), np.array(variances), np.array(scores)
    x, score = (share * slopes * z).sum(axis=0), (share * g).sum(axis=0)
    spread = (share * (slopes**2 * var + (slopes * z - x) ** 2)).sum(axis=0)
    curved = (share * (var / V**2 + (g - score) ** 2)).sum(axis=0) - 1 / V
    full = total - np.log(seen) / 2 + noise * B**2 / (2 * seen)
    return Between(full, (noise * B + x) / seen, noise / seen + spread / seen**2, score, curved)
