"""Information that a label carries about a Gaussian field behind a channel, on average."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.adaptive import adaptive
from ..numerics.arrays import ArrayLike
from ..numerics.roots import bracketed_roots
from ..numerics.tails import log_density
from ..parts.channel import Channel, Linear
from .labels import GRID, SPREAD, label_nodes, normal_nodes

if TYPE_CHECKING:
    from jaxtyping import Float, Real

CHUNK = 24  # problems at once where the integral is a double one
BETWEEN = np.array([-20.0, -8.0, -3.0, 0.0, 3.0, 8.0, 20.0])
LEAST_SHARE = 1e-20
LEAST = -600.0  # log-probability below which a label counts for nothing


@dataclasses.dataclass(frozen=True)
class Label:
    """Averages for a label y of a field z ~ N(omega, v), with a known omega ~ N(0, q); arrays (K,).

    information:    E (d log P(y | omega) / d omega)**2.
    log_likelihood: E log P(y | omega): its derivative in q, at q + v fixed, is information / 2.
    """

    information: Float[np.ndarray, " K"]
    log_likelihood: Float[np.ndarray, " K"]


def label(channel: Channel, q: Real[ArrayLike, "..."], v: Real[ArrayLike, "..."]) -> Label:
    """The information of a label about its field, for q >= 0 and v > 0, (K,); accurate also where v is tiny.

    Raises `StatementError` if the probabilities of the labels do not sum to one.
    """
    q, v = (np.atleast_1d(a) for a in np.broadcast_arrays(*(np.asarray(a, float) for a in (q, v))))
    if isinstance(channel, Linear):
        width = v + channel.noise
        return Label(1 / width, -0.5 * np.log(2 * np.pi * math.e * width))
    averages = _over_labels(channel, q, v, lambda y, omega, left: _moments(channel, y, omega, left))
    return Label(averages[0], averages[1])


def label_error(channel: Channel, q: Real[ArrayLike, "..."], v: Real[ArrayLike, "..."]) -> Float[np.ndarray, " K"]:
    """The least error of a guess of the label from omega, for q >= 0 and v > 0; (K,).

    The label is taken without noise where that can be removed. The error is the probability of a wrong label if labels
    are discrete, else the mean squared error.
    """
    q, v = (np.atleast_1d(a) for a in np.broadcast_arrays(*(np.asarray(a, float) for a in (q, v))))
    clean = channel.noiseless()
    if isinstance(clean, Linear):
        return v + clean.noise
    if not clean.continuous:
        return _misses(clean, q, v)
    v = np.maximum(v, LEAST_SHARE * (q + v))
    return _over_omega(clean, q, v, lambda omega, left: _label_variance(clean, omega, left))[0]


def _moments(
    channel: Channel, y: Real[ArrayLike, "..."], omega: Float[np.ndarray, "..."], v: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    with np.errstate(all="ignore"):
        log_p = channel.log_chance(y, omega, v)
        g = channel.score(y, omega, v)[0]
        moments = np.stack(np.broadcast_arrays(np.square(g), log_p))
    return np.where(log_p > LEAST, moments, 0.0)


def _misses(channel: Channel, q: Float[np.ndarray, " K"], v: Float[np.ndarray, " K"]) -> Float[np.ndarray, " K"]:
    """E min over labels of the probability of all others; panels end where the guess changes."""
    if not channel.binary:

        def miss(omega: np.ndarray, left: np.ndarray) -> np.ndarray:
            return 1 - np.max([channel.partition(y, omega, left) for y in channel.labels], axis=0)[None]

        return _over_omega(channel, q, v, miss)[0]
    omega, _ = _omegas(channel, q, v, np.zeros((len(q), 1)))

    def lead(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return channel.partition(1.0, x, v[rows]) - channel.partition(-1.0, x, v[rows])

    ahead = channel.partition(1.0, omega, v[:, None]) > channel.partition(-1.0, omega, v[:, None])
    rows, at = np.nonzero(ahead[:, 1:] != ahead[:, :-1])
    roots = bracketed_roots(lambda x, k: lead(x, rows[k]), omega[rows, at], omega[rows, at + 1])
    breaks = np.zeros((len(q), max(np.bincount(rows, minlength=1).max(initial=0), 1)))
    for row in set(rows):
        breaks[row, : np.sum(rows == row)] = roots[rows == row]
    omega, w = _omegas(channel, q, v, breaks)
    p = [channel.partition(y, omega, v[:, None]) for y in (1.0, -1.0)]
    return np.asarray((w * np.minimum(*p)).sum(axis=1))


def _omegas(
    channel: Channel, q: Float[np.ndarray, " K"], v: Float[np.ndarray, " K"], more: Any = None
) -> tuple[Float[np.ndarray, "K M"], Float[np.ndarray, "K M"]]:
    """Nodes and weights (K, M) for omega, graded around the fields where the distribution of the label changes."""
    places, width = channel.breaks()
    variance = (v + np.square(width))[:, None]
    breaks = [place + np.sqrt(variance) * SPREAD for place in places] + ([] if more is None else [more])
    for a, b in itertools.pairwise(sorted(places)):
        breaks.append((a + b) / 2 + variance / (b - a) * BETWEEN)
    every = np.concatenate(breaks, axis=1) if breaks else np.zeros((len(q), 0))
    omega, w = normal_nodes(every, np.zeros_like(q), np.sqrt(np.maximum(q, 1e-300)))
    mirrored = np.allclose(np.sort(places), -np.sort(places)[::-1], atol=1e-9)
    if more is None and mirrored and channel.even():
        half = omega.shape[1] // 2
        return omega[:, half:], 2 * w[:, half:]
    return omega, w


def _over_omega(
    channel: Channel, q: Float[np.ndarray, " K"], v: Float[np.ndarray, " K"], function: Callable[..., Any]
) -> Float[np.ndarray, "C K"]:
    """E function(omega, v) over omega, (C, K), for function values (C, N, M) at omega (N, M) and v (N, 1)."""
    rows = []
    for k in _chunks(len(q)):
        if channel.continuous and type(channel).breaks is Channel.breaks:
            left, scale = v[k], np.sqrt(np.maximum(q[k], 1e-300))

            def weighted(x: np.ndarray, owner: np.ndarray, left: Any = left, scale: Any = scale) -> np.ndarray:
                bell = np.exp(log_density(x / scale[owner, None])) / scale[owner, None]
                return np.asarray(function(x, left[owner, None]) * bell)

            rows.append(adaptive(weighted, scale[:, None] * GRID, tolerance=1e-9))
            continue
        omega, w = _omegas(channel, q[k], v[k])
        rows.append((w * function(omega, v[k, None])).sum(axis=-1))
    return np.concatenate(rows, axis=-1)


def _over_labels(
    channel: Channel, q: Float[np.ndarray, " K"], v: Float[np.ndarray, " K"], function: Callable[..., np.ndarray]
) -> Float[np.ndarray, "C K"]:
    """E function(y, omega, v) over omega and its label, (C, K), for function values (C, ...)."""

    def at(omega: np.ndarray, left: np.ndarray) -> np.ndarray:
        if channel.continuous:
            y, inner = label_nodes(channel, omega, left)
            averages = (function(y, omega[..., None], left[..., None]) * inner).sum(axis=-1)
            return np.concatenate([averages, inner.sum(axis=-1)[None]])
        total: Any = 0.0
        for atom in channel.labels[1:] if channel.symmetric else channel.labels:
            p = channel.partition(atom, omega, left) * (2 if channel.symmetric else 1)
            total = total + np.concatenate([function(atom, omega, left), np.ones((1, *omega.shape))]) * p
        return np.asarray(total)

    *averages, mass = _over_omega(channel, q, v, at)
    worst = float(mass[np.argmax(np.abs(mass - 1))])
    if not abs(worst - 1) < 1e-5:
        raise StatementError(f"The probabilities of the labels of {channel!r} must sum to 1, but sum to {worst:.9g}.")
    return np.stack(averages)


def _label_variance(
    channel: Channel, omega: Float[np.ndarray, "..."], v: Float[np.ndarray, "..."]
) -> Float[np.ndarray, "..."]:
    y, w = label_nodes(channel, omega, v)
    mean = (y * w).sum(axis=-1, keepdims=True) / w.sum(axis=-1, keepdims=True)
    return np.asarray((w * (y - mean) ** 2).sum(axis=-1))[None]


def _chunks(count: int) -> Iterator[slice]:
    return (slice(k, k + CHUNK) for k in range(0, count, CHUNK))
