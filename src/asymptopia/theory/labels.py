"""Quadrature over the labels of a field, and over normal fields with breaks."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..numerics.arrays import ArrayLike
from ..numerics.breaks import resolve
from ..numerics.gaussian import legendre
from ..parts.channel import Channel

if TYPE_CHECKING:
    from jaxtyping import Float, Real

ORDER = 10
GRID = np.array([-8.5, -6.0, -4.0, -2.2, -0.8, 0.8, 2.2, 4.0, 6.0, 8.5])
SPREAD = np.array([-7.0, -3.5, -1.4, 0.0, 1.4, 3.5, 7.0])
DRAWS = 256


def normal_nodes(
    breaks: Float[np.ndarray, "... B"], mean: Real[ArrayLike, "..."], deviation: Real[ArrayLike, "..."]
) -> tuple[Float[np.ndarray, "... N"], Float[np.ndarray, "... N"]]:
    """Nodes and weights (..., N) for N(mean, deviation**2), on panels that end at `breaks` (..., B)."""
    mean, deviation = np.asarray(mean)[..., None], np.asarray(deviation)[..., None]
    grid = mean + deviation * GRID
    inside = np.clip(breaks, grid[..., :1], grid[..., -1:])
    ends = np.sort(np.concatenate([grid, np.broadcast_to(inside, (*grid.shape[:-1], inside.shape[-1]))], -1), -1)
    t, w = legendre(ORDER)
    length = np.diff(ends)[..., None]
    x = (ends[..., :-1, None] + length * t).reshape(*ends.shape[:-1], -1)
    bell = np.exp(-(((x - mean) / deviation) ** 2) / 2) / (np.sqrt(2 * np.pi) * deviation)
    return x, (length * w).reshape(x.shape) * bell


def label_nodes(
    channel: Channel, omega: Float[np.ndarray, "K M"], v: Float[np.ndarray, "K one"]
) -> tuple[Float[np.ndarray, "K M N"], Float[np.ndarray, "K M N"]]:
    """Labels and their weights, (K, M, N) each, for fields N(omega, v) with omega (K, M) and v (K, 1).

    For any channel. Labels that are a function of the field without noise come from nodes of the field; for others
    their density is integrated, on panels that follow a sample of labels and end where the density jumps.
    """
    if not channel.continuous:
        y = np.array(channel.labels)
        p = channel.partition(y, omega[..., None], v[..., None])
        return np.broadcast_to(y, p.shape), p
    deviation = np.broadcast_to(np.sqrt(v), omega.shape)
    if type(channel).function is not Channel.function and not getattr(channel, "noise", 0.0):
        z, w = normal_nodes(np.asarray(channel.breaks()[0], float), omega, deviation)
        return np.asarray(channel.function(z), float), w
    rng = np.random.default_rng(0)
    y = np.sort(channel.sample(omega[..., None] + deviation[..., None] * rng.standard_normal(DRAWS), rng), axis=-1)
    low, high = y[..., :1], y[..., -1:]
    beyond = (high - low + 1e-300) * np.array([1e-4, 1e-2, 0.1, 0.3, 0.7, 1.5])
    inside = y[..., [DRAWS // 40, DRAWS // 8, DRAWS // 4, DRAWS // 2, -DRAWS // 4, -DRAWS // 8, -DRAWS // 40]]
    jumps = np.broadcast_to(_jumps(channel), (*omega.shape, len(_jumps(channel))))
    ends = np.concatenate([low - beyond[..., ::-1], low, inside, high, high + beyond], axis=-1)
    ends = np.sort(np.concatenate([ends, np.clip(jumps, ends[..., :1], ends[..., -1:])], axis=-1), axis=-1)
    t, w = legendre(ORDER)
    length = np.diff(ends)[..., None]
    at = (ends[..., :-1, None] + length * t).reshape(*omega.shape, -1)
    with np.errstate(all="ignore"):
        p = channel.partition(at, omega[..., None], v[..., None])
    rows, weights = [at], [(length * w).reshape(at.shape) * np.where(np.isfinite(p), p, 0.0)]
    for atom in channel.labels:
        rows.append(np.full((*omega.shape, 1), atom))
        weights.append(channel.partition(atom, omega, v)[..., None])
    return np.concatenate(rows, axis=-1), np.concatenate(weights, axis=-1)


@lru_cache(maxsize=64)
def _jumps(channel: Channel) -> Float[np.ndarray, " jumps"]:
    """Labels at which the density of the labels jumps or is kinked."""

    def chance(y: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return channel.partition(y, 0.3, 1.0)

    return resolve(chance, 3)[0]
