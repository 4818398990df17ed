"""Votes of three or more hidden units: probabilities and derivatives, by a sum over what makes their fields depend.

Fields N(mean, V) are mean + B u + sqrt(lambda) xi, with lambda the smallest eigenvalue of V, B B^T = V - lambda, and u
(K - 1) and xi (K) independent and standard normal. Given u the units are independent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

STEP, SPAN, CHUNK = 1.1, 4.8, 1_000_000


class Given(NamedTuple):
    """What is known of units given u: probabilities of either sign and densities at 0, (K, n, U), and variance."""

    positive: np.ndarray
    negative: np.ndarray
    density: np.ndarray
    slope: np.ndarray


def labels_of(units: int) -> np.ndarray:
    """The labels of votes in decreasing order: 1, 0 where units can be undecided, -1."""
    return np.array([1.0, 0.0, -1.0] if units % 2 == 0 else [1.0, -1.0])


def shares(mean: np.ndarray, V: np.ndarray) -> np.ndarray:
    """Probabilities (n, L) of the labels, in the order of `labels_of`."""
    nodes, mass, lam = _dependence(V)
    parts = np.array_split(mean, max(1, len(mean) * len(mass) // CHUNK))
    label = _label_of_counts(len(V))
    rows = []
    for some in parts:
        given = _given(some, nodes, lam)
        counts = _counts(given, range(len(V)))
        rows.append(np.stack([c @ mass for c in counts], axis=1) @ label)
    return np.concatenate(rows)


def score(y: np.ndarray, mean: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First derivatives (n, K) and the sum of the second (K, K) of log P(y | fields N(mean, V))."""
    nodes, mass, lam = _dependence(V)
    K = len(V)
    label = _label_of_counts(K)[:, np.argmax(y[:, None] == labels_of(K), axis=1)].T  # (n, K + 1)
    g, slope = np.empty(mean.shape), np.zeros((K, K))
    for some in np.array_split(np.arange(len(y)), max(1, len(y) * len(mass) // CHUNK)):
        given, won = _given(mean[some], nodes, lam), label[some]
        p = sum(won[:, c] * (count @ mass) for c, count in enumerate(_counts(given, range(K))))
        p = np.maximum(p, 1e-12)
        first, gain = np.empty((len(some), K)), np.diff(won, axis=1)
        for k in range(K):
            others = _counts(given, [i for i in range(K) if i != k])
            gained = sum(gain[:, c, None] * count for c, count in enumerate(others))
            first[:, k] = (given.density[k] * gained) @ mass / p
            slope[k, k] += ((given.slope[k] * gained) @ mass / p).sum()
            for j in range(k):
                rest = _counts(given, [i for i in range(K) if i not in (k, j)])
                both = sum(np.diff(gain, axis=1)[:, c, None] * count for c, count in enumerate(rest))
                pair = ((given.density[k] * given.density[j] * both) @ mass / p).sum()
                slope[[k, j], [j, k]] += pair
        g[some] = first
        slope -= first.T @ first
    return g, slope


def _label_of_counts(K: int) -> np.ndarray:
    """Whether so many positive units make each label, (K + 1, L)."""
    return (np.sign(2 * np.arange(K + 1) - K)[:, None] == labels_of(K)).astype(float)


def _dependence(V: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Shifts B u of the fields at nodes of u, (U, K), their weights, and the variance of what is independent."""
    values, axes = np.linalg.eigh(V)
    lam = max(float(values[0]), 1e-3 * float(values[-1]))
    spread = np.maximum(values[1:] - lam, 0.0)
    steps = STEP / np.sqrt(1 + spread / lam)
    lines = [
        s * np.arange(-int(SPAN / s), int(SPAN / s) + 1) if v > 0 else np.zeros(1)
        for s, v in zip(steps, spread, strict=True)
    ]
    u = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(spread))
    u = u[(u**2).sum(axis=1) <= SPAN**2]
    mass = np.exp(-(u**2).sum(axis=1) / 2)
    return (u * np.sqrt(spread)) @ axes[:, 1:].T, mass / mass.sum(), lam


def _given(mean: np.ndarray, nodes: np.ndarray, lam: float) -> Given:
    from scipy.special import ndtr

    t = (mean.T[:, :, None] + nodes.T[:, None, :]) / np.sqrt(lam)
    density = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi * lam)
    return Given(ndtr(t), ndtr(-t), density, -t * density / np.sqrt(lam))


def _counts(given: Given, units: Iterable[int]) -> list[np.ndarray]:
    """The probabilities (n, U) that 0, 1, ... of these units are positive."""
    counts = [np.ones(given.positive.shape[1:])]
    for k in units:
        up = [given.positive[k] * c for c in counts]
        down = [given.negative[k] * c for c in counts]
        counts = [down[0], *(a + b for a, b in zip(up[:-1], down[1:], strict=True)), up[-1]]
    return counts
