"""Labels of several exchangeable units: averages over their fields from one unit's, by a common complex field.

K fields of mean omega whose covariance V has one eigenvalue V_s for their sum and V_d for all differences are
omega_k + i sqrt(b) u + sqrt(V_d) xi_k with independent standard normal u and xi_k and b = (V_d - V_s) / K: given u they
are independent, and an average over them is one over u of products. With b > 0 the shift is imaginary, which is right
because the averages are entire functions of omega. Mean fields are summed over a lattice, once for each multiset.
"""

from __future__ import annotations

import itertools
from functools import lru_cache
from math import comb, factorial
from typing import NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....numerics.gaussian import legendre, nodes
from .....parts.activation import Activation
from .fields import _steepest

STEP, SPAN, CHUNK = 1.0, 5.3, 4_000_000
COMMON, TAIL = 1.0, 22.0
MOST_COMMON, MOST_NODES, MOST_ENTRIES = 400, 300_000, 12_000_000
NEGLIGIBLE = 1e-8
REACH, LABEL_STEP = 6.0, 0.9
BISECTIONS, LINE = 16, 4


class Means(NamedTuple):
    """Mean fields of K units: the values that occur (M,), those of the nodes (N, K) as indices, and weights (N,)."""

    values: np.ndarray
    places: np.ndarray
    weight: np.ndarray


class Common(NamedTuple):
    """The common field's shifts (U,), their weights, and the K-th root of exp(-u**2/2), in logarithm, which they lack.

    Each of K factors takes that root, without which it may overflow where the shift is imaginary.
    """

    shift: np.ndarray
    weight: np.ndarray
    log_root: np.ndarray


@lru_cache(maxsize=64)
def _multisets(K: int, step: float, span: float) -> tuple[np.ndarray, np.ndarray]:
    """Sorted nodes (N, K) of the lattice of integers within a ball, and their weights as standard normal K-vectors."""
    most = int(span / step)
    count = comb(2 * most + K, K)
    if count > MOST_NODES:
        raise NotConverged(
            f"The fields of {K} units are known so well that their averages need {count} nodes, above {MOST_NODES}."
        )
    rows = np.array(list(itertools.combinations_with_replacement(range(-most, most + 1), K)))
    rows = rows[(rows**2).sum(axis=1) * step**2 <= span**2]
    same = np.ones(len(rows))
    run = np.ones(len(rows))
    for k in range(1, K):
        run = np.where(rows[:, k] == rows[:, k - 1], run + 1, 1)
        same *= run
    weight = factorial(K) / same * np.exp(-((rows * step) ** 2).sum(axis=1) / 2)
    return rows, weight / weight.sum()


def mean_fields(q: np.ndarray, smooth: np.ndarray, K: int, fine: float = 1.0) -> Means:
    """Nodes of mean fields with variances q (2,) for their sum and differences, resolving features of width `smooth`.

    q, smooth: variances of the modes. `fine`: the factor by which the lattice is finer than usual.
    """
    steps = np.maximum(np.floor(1000 * STEP / fine * np.sqrt(smooth / (smooth + q))), 1.0) / 1000
    if q[-1] == 0:
        rows, weight = _multisets(1, float(steps[0]), SPAN)
        values = rows[:, 0] * steps[0] * np.sqrt(q[0] / K)
        return Means(values, np.repeat(np.arange(len(rows))[:, None], K, axis=1), weight)
    step = float(steps.min())
    rows, weight = _multisets(K, step, SPAN)
    total = rows.sum(axis=1, keepdims=True)
    pairs, index = np.unique(
        np.stack([rows, np.broadcast_to(total, rows.shape)]).reshape(2, -1), axis=1, return_inverse=True
    )
    values = step * (np.sqrt(q[1]) * (pairs[0] - pairs[1] / K) + np.sqrt(q[0]) * pairs[1] / K)
    return Means(values, np.reshape(index, rows.shape), weight)


def common_field(V: np.ndarray, K: int) -> Common:
    """The common field of K fields with variances V (2,) of their sum and differences."""
    b = float(V[1] - V[0]) / K
    left = min(float(V[0] / V[1]), 1.0)
    step = COMMON / np.sqrt(1 + max(-b, 0.0) * K / V[1])
    reach = np.sqrt(2 * TAIL / left)
    count = int(np.ceil(reach / step))
    if count > MOST_COMMON:
        raise NotConverged(f"The sum of the fields is known {1 / left:.0f} times better than their differences.")
    u = step * np.arange(-count, count + 1)
    return Common(
        u * (1j * np.sqrt(b) if b > 0 else np.sqrt(-b)), np.full(len(u), step / np.sqrt(2 * np.pi)), -(u**2) / (2 * K)
    )


def _modes(slopes: np.ndarray) -> np.ndarray:
    """Squares (2, N, L) of the derivatives along the sum and each difference, of those along K units, (N, K, L)."""
    K = slopes.shape[1]
    along = slopes.sum(axis=1) ** 2 / K
    return np.stack([along, np.maximum((slopes**2).sum(axis=1) - along, 0.0) / max(K - 1, 1)])


def votes(q: np.ndarray, V: np.ndarray, K: int, fine: float = 1.0) -> tuple[np.ndarray, float]:
    """For the sign of the sum of K signs: the information E (d log Z / d omega)**2 on each mode, and E log Z."""
    means = mean_fields(q, V, K, fine)
    information, entropy = np.zeros(2), 0.0
    for some in _chunks(means, V):
        weight, (Z, slopes) = means.weight[some], vote_shares(means.values, means.places[some], V)
        usable = Z > NEGLIGIBLE
        safe = np.where(usable, Z, 1.0)
        information += np.einsum("n,jnl,nl->j", weight, _modes(slopes), usable / safe)
        entropy += float(weight @ (safe * np.log(safe)).sum(axis=1))
    return information * [1.0, q[1] > 0], entropy


def votes_error(q: np.ndarray, V: np.ndarray, K: int) -> float:
    """The probability that the likeliest label given the posterior is not the label.

    Along lines on which all mean fields move together the likeliest label changes where two probabilities cross, and
    panels end there.
    """
    step = float(STEP * np.sqrt(V[1] / (V[1] + q[1])))
    rows, weight = _multisets(K, step, SPAN) if q[1] else (np.zeros((1, K)), np.ones(1))
    offsets, which = np.unique(rows - rows.mean(axis=1, keepdims=True), axis=0, return_inverse=True)
    offsets, weight = step * np.sqrt(q[1]) * offsets, np.bincount(which.ravel(), weight)
    width = np.sqrt(q[0] / K)

    def shares(x: np.ndarray) -> np.ndarray:
        fields = (offsets[:, None] + x[..., None]).reshape(-1, K)
        parts = np.array_split(fields, max(1, fields.size * len(common_field(V, K).weight) // CHUNK))
        Z = [vote_shares(part.ravel(), np.arange(part.size).reshape(part.shape), V)[0] for part in parts]
        return np.concatenate(Z).reshape(*x.shape, -1)

    cuts = []
    for one, other in itertools.combinations(range(2 + (K % 2 == 0)), 2):
        ends = np.array([[-9.0], [9.0]]) * width * np.ones(len(offsets))
        for _ in range(BISECTIONS):
            middle = ends.mean(axis=0)
            Z = shares(middle[:, None])[:, 0]
            above = Z[:, other] > Z[:, one]
            ends = np.where(above, [ends[0], middle], [middle, ends[1]])
        cuts.append(ends.mean(axis=0))
    x, mass = nodes(np.stack(cuts, axis=1), np.zeros(len(offsets)), np.full(len(offsets), width), LINE)
    return float(1 - weight @ (shares(x).max(axis=-1) * mass).sum(axis=1))


def _chunks(means: Means, V: np.ndarray) -> list[np.ndarray]:
    """The nodes in parts of which products of K factors fit into memory."""
    size, K = means.places.shape
    each = K * len(common_field(V, K).weight)
    return np.array_split(np.arange(size), max(1, size * each // CHUNK))


def vote_shares(values: np.ndarray, index: np.ndarray, V: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (N, L) of the labels in increasing order, and their derivatives (N, K, L) in the mean fields."""
    K = index.shape[1]
    common = common_field(V, K)
    high, low, density = _half_spaces(values, V[1], common)
    label = np.sign(2 * np.arange(K + 1) - K)[:, None] == ([-1, 1] if K % 2 else [-1, 0, 1])
    slopes = np.empty((len(index), K, label.shape[1]))
    for k in range(K):
        others = _counts([(low[j], high[j]) for j in np.delete(index, k, axis=1).T])
        own = density[index[:, k]] * common.weight
        slopes[:, k] = 0.0
        for i in range(K):
            if (gain := label[i + 1] * 1.0 - label[i]).any():
                slopes[:, k] += np.einsum("nu,nu->n", own, others[i]).real[:, None] * gain
    at = index[:, -1]
    counts = [low[at] * c for c in others] + [0.0], [0.0] + [high[at] * c for c in others]
    counted = [((a + b) @ common.weight).real for a, b in zip(*counts, strict=True)]
    return np.maximum(np.stack(counted, axis=1) @ label, 0.0), slopes


def _counts(shares: list[tuple[np.ndarray, np.ndarray]]) -> list[np.ndarray]:
    """The probabilities that 0, 1, ... of these units are positive, given those of each to be so or not."""
    counts = [np.ones_like(shares[0][0])]
    for low, high in shares:
        up = [0.0, *(high * c for c in counts)]
        counts = [a + b for a, b in zip([*(low * c for c in counts), 0.0], up, strict=True)]
    return counts


def _half_spaces(values: np.ndarray, v: float, common: Common) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(z > 0), P(z < 0) and the density at 0, (M, U), of complex z ~ N(value + shift, v), times the root's factor."""
    from scipy.special import wofz

    t = (values[:, None] + common.shift) / np.sqrt(v)
    root = np.exp(common.log_root)
    bell = np.exp(common.log_root - t**2 / 2)
    positive = t.real > 0
    tail = bell * wofz(1j * np.where(positive, t, -t) / np.sqrt(2)) / 2
    high = np.where(positive, root - tail, tail)
    return high, root - high, bell / np.sqrt(2 * np.pi * v)


def outputs(
    q: np.ndarray, V: np.ndarray, K: int, activation: Activation, noise: float, fine: float = 1.0
) -> tuple[np.ndarray, float]:
    """For y = sum_k f(z_k) / sqrt(K) + N(0, noise): the information E (d log p / d omega)**2 on each mode, E log p.

    Fourier transforms in y, which are products over units. f may have kinks and jumps, at its `breaks`.
    """
    slope = _steepest(activation)
    means = mean_fields(q, V + noise / slope**2, K, fine)
    common = common_field(V, K)
    z, mass = _field_nodes(means.values, float(V[1]), common, activation)
    f = np.asarray(activation(z), float) / np.sqrt(K)
    span = K * float(np.ptp(f)) + 18 * np.sqrt(noise)
    step = 2 * np.pi / span
    line = np.sqrt(noise) * LABEL_STEP
    waves = REACH / np.sqrt(noise) / step
    table = max(len(means.values) * len(common.weight) * (len(z) + waves), waves * span / line)
    if table > MOST_ENTRIES:
        raise NotConverged(
            f"The labels of {K} {activation!r} units are so sharp that averages need a table of {table:.0e} entries, "
            f"above {MOST_ENTRIES:.0e}: `noise` must be larger than {noise:g}."
        )
    t = step * np.arange(np.ceil(waves))
    y = np.arange(K * f.min() - 8.5 * np.sqrt(noise), K * f.max() + 8.5 * np.sqrt(noise), line)
    back = (
        np.exp(-noise * t[:, None] ** 2 / 2 - 1j * t[:, None] * y)
        * (np.where(t > 0, 2.0, 1.0) * step / 2 / np.pi)[:, None]
    )
    least = NEGLIGIBLE / np.sqrt(noise + slope**2 * float((q + V).max()))  # the density of a label is of this scale
    one, moved = _transforms(means.values, float(V[1]), common, z, mass, np.exp(1j * np.outer(f, t)))
    information, entropy = np.zeros(2), 0.0
    for some in np.array_split(np.arange(len(means.weight)), max(1, one[0].size * len(means.weight) // CHUNK)):
        factors = [one[j] for j in means.places[some].T]
        p = np.einsum("nut,u->nt", np.prod(factors, axis=0), common.weight) @ back
        p = np.maximum(p.real, least)
        slopes = []
        for k, j in enumerate(means.places[some].T):
            others = np.prod([*factors[:k], *factors[k + 1 :], np.ones_like(factors[0])], axis=0)
            slopes.append((np.einsum("nut,nut,u->nt", moved[j], others, common.weight) @ back).real)
        weight = means.weight[some]
        information += line * np.einsum("n,jny,ny->j", weight, _modes(np.stack(slopes, axis=1)), 1 / p)
        entropy += line * float(weight @ (p * np.log(p)).sum(axis=1))
    return information * [1.0, q[1] > 0], entropy


@lru_cache(maxsize=64)
def refined(K: int, activation: Activation, noise: float, variance: float) -> float:
    """By how much a finer quadrature changes the information, relative to the largest, half the fields being known."""
    half = np.full(2, variance / 2)
    coarse, fine = (outputs(half, half, K, activation, noise, f)[0] for f in (0.8, 1.2))
    return float(np.max(np.abs(coarse - fine)) / fine.max())


def _field_nodes(values: np.ndarray, v: float, common: Common, activation: Activation) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss-Legendre panels over all fields, fine enough for their complex normal densities."""
    reach = SPAN + 3 if common.shift.dtype.kind == "c" else SPAN + 3 + float(np.abs(common.shift).max())
    low, high = values.min() - reach * np.sqrt(v), values.max() + reach * np.sqrt(v)
    width = np.sqrt(v) * min(2.5, 14 / (1 + float(np.abs(common.shift).max()) / np.sqrt(v)))
    breaks = [b for b in activation.breaks() if low < b < high]
    ends = np.concatenate([[low], breaks, [high]])
    pieces = [np.linspace(a, b, int(np.ceil((b - a) / width)) + 1)[:-1] for a, b in itertools.pairwise(ends)]
    edges = np.append(np.concatenate(pieces), high)
    t, w = legendre(16)
    length = np.diff(edges)[:, None]
    return (edges[:-1, None] + length * t).ravel(), (length * w).ravel()


def _transforms(
    values: np.ndarray, v: float, common: Common, z: np.ndarray, mass: np.ndarray, waves: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """E exp(i t f(z)) of complex z ~ N(value + shift, v), times the root's factor, and its slope: (M, U, T) each."""
    shape = len(values), len(common.shift), waves.shape[1]
    away = (z - (values[:, None] + common.shift)[..., None]) / np.sqrt(v)
    law = np.exp(common.log_root[:, None] - away**2 / 2) * mass / np.sqrt(2 * np.pi * v)
    pair = [(part.reshape(-1, len(z)) @ waves).reshape(shape) for part in (law, law * away / np.sqrt(v))]
    return pair[0], pair[1]
