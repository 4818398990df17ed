"""Votes of three or more hidden units: probabilities and derivatives, by a sum over what makes their fields depend.

Fields N(mean, V) are mean + B u + sqrt(lambda) xi, with lambda the smallest eigenvalue of V, B B^T = V - lambda, and u
(K - 1) and xi (K) independent and standard normal. Given u the units are independent. Rare labels are sums over the
signs of the units that make them, each about its own likeliest u, in logarithms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...numerics.tails import hazard
from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float

STEP, SPAN, CHUNK = 1.1, 4.8, 200_000
MOST_NODES = 100_000
RARE, CLIMBS = 1e-3, 20


class Given(NamedTuple):
    """What is known of units given u, (K, n, U): probabilities of either sign, and means in standard deviations."""

    positive: Float[np.ndarray, "K n U"]
    negative: Float[np.ndarray, "K n U"]
    place: Float[np.ndarray, "K n U"]


def labels_of(units: int) -> Float[np.ndarray, " L"]:
    """The labels of votes in decreasing order: 1, 0 where units can be undecided, -1."""
    return np.array([1.0, 0.0, -1.0] if units % 2 == 0 else [1.0, -1.0])


def shares(mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "n L"]:
    """Probabilities (n, L) of the labels, in the order of `labels_of`; raises `NotSolved` as `score` does."""
    nodes, mass, lam = _dependence(V)
    parts = np.array_split(mean, max(1, len(mean) * len(mass) // CHUNK))
    label = _label_of_counts(len(V))
    rows = []
    for some in parts:
        given = _given(some, nodes, lam)
        counts = _counts(given, range(len(V)))
        rows.append(np.stack([c @ mass for c in counts], axis=1) @ label)
    return np.concatenate(rows)


def score(
    y: Float[np.ndarray, " n"], mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"]
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "K K"]]:
    """First derivatives (n, K) and the sum of the second (K, K) of log P(y | fields N(mean, V)).

    Raises `NotSolved` where V is so near to singular that sums over what makes the fields depend are too long.
    """
    nodes, mass, lam = _dependence(V)
    K = len(V)
    label = _label_of_counts(K)[:, np.argmax(y[:, None] == labels_of(K), axis=1)].T  # (n, K + 1)
    g, slope = np.empty(mean.shape), np.zeros((K, K))
    for some in np.array_split(np.arange(len(y)), max(1, len(y) * len(mass) // CHUNK)):
        given, won = _given(mean[some], nodes, lam), label[some]
        density = np.exp(-(given.place**2) / 2) / np.sqrt(2 * np.pi * lam)
        p = sum(won[:, c] * (count @ mass) for c, count in enumerate(_counts(given, range(K))))
        rare = p < RARE
        p = np.where(rare, np.inf, p)
        first, gain = np.empty((len(some), K)), np.diff(won, axis=1)
        for k in range(K):
            others = _counts(given, [i for i in range(K) if i != k])
            gained = sum(gain[:, c, None] * count for c, count in enumerate(others))
            first[:, k] = (density[k] * gained) @ mass / p
            slope[k, k] += ((-given.place[k] / np.sqrt(lam) * density[k] * gained) @ mass / p).sum()
            for j in range(k):
                rest = _counts(given, [i for i in range(K) if i not in (k, j)])
                both = sum(np.diff(gain, axis=1)[:, c, None] * count for c, count in enumerate(rest))
                pair = ((density[k] * density[j] * both) @ mass / p).sum()
                slope[[k, j], [j, k]] += pair
        for i in np.array_split(np.flatnonzero(rare), max(1, K * 2**K * int(rare.sum()) * len(mass) // CHUNK)):
            first[i], second = _rare_score(won[i], mean[some][i], V)
            slope += second
        g[some] = first
        slope -= first.T @ first
    return g, slope


def _rare_score(
    won: Float[np.ndarray, "n counts"], mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"]
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "K K"]]:
    """Derivatives (n, K) of log P and the sum (K, K) of the second derivatives of P over P, however small P is.

    won: whether so many positive units make the label, (n, K + 1).
    """
    from scipy.special import log_ndtr

    K = len(V)
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=K)))
    nodes, shift, lam = _lattice(V)
    centre = _likeliest(signs * mean[:, None], signs, shift, lam)  # (n, S, K - 1)
    u = centre[:, :, None] + nodes  # (n, S, U, K - 1)
    t = signs[:, None] * (mean[:, None, None] + u @ shift.T) / np.sqrt(lam)
    log_p = log_ndtr(t).sum(axis=-1) - (u**2).sum(axis=-1) / 2
    made = won[:, (signs > 0).sum(axis=1)] > 0
    log_p = np.where(made[..., None], log_p, -np.inf)
    share = np.exp(log_p - log_p.max(axis=(1, 2), keepdims=True))
    share /= share.sum(axis=(1, 2), keepdims=True)
    ratio = hazard(t)[0]
    each = signs[:, None] * ratio / np.sqrt(lam)
    second = np.einsum("nsu,nsuk,nsuj->kj", share, each, each)
    own = -np.einsum("nsu,nsuk->k", share, t * ratio) / lam
    np.fill_diagonal(second, own)
    return np.einsum("nsu,nsuk->nk", share, each), second


def _likeliest(
    turned: Float[np.ndarray, "n S K"], signs: Float[np.ndarray, "S K"], shift: Float[np.ndarray, "K J"], lam: float
) -> Float[np.ndarray, "n S J"]:
    """The u (n, S, K - 1) at which fields of mean `signs * turned` have these signs with the largest density.

    Newton steps of this concave problem, replaced, where they do not climb, by those of the steepest curvature.
    """
    from scipy.special import log_ndtr

    B = signs[..., None] * shift / np.sqrt(lam)  # (S, K, K - 1)
    t0 = turned / np.sqrt(lam)
    u = np.zeros((*turned.shape[:2], shift.shape[1]))
    unit = np.eye(shift.shape[1])

    def height(u: np.ndarray) -> np.ndarray:
        t = t0 + np.einsum("skj,nsj->nsk", B, u)
        return np.asarray(log_ndtr(t).sum(axis=-1) - (u**2).sum(axis=-1) / 2)

    safe = np.linalg.inv(unit + np.einsum("ski,skj->sij", B, B))
    for _ in range(CLIMBS):
        ratio, excess, _ = hazard(t0 + np.einsum("skj,nsj->nsk", B, u))
        slope = np.einsum("skj,nsk->nsj", B, ratio) - u
        curvature = unit + np.einsum("nsk,ski,skj->nsij", ratio * excess, B, B)
        bold = u + np.linalg.solve(curvature, slope[..., None])[..., 0]
        u = np.where((height(bold) >= height(u))[..., None], bold, u + np.einsum("sij,nsj->nsi", safe, slope))
    return u


def _label_of_counts(K: int) -> Float[np.ndarray, "counts L"]:
    """Whether so many positive units make each label, (K + 1, L)."""
    return (np.sign(2 * np.arange(K + 1) - K)[:, None] == labels_of(K)).astype(float)


def _dependence(V: Float[np.ndarray, "K K"]) -> tuple[Float[np.ndarray, "U K"], Float[np.ndarray, " U"], float]:
    """Shifts B u of the fields at nodes of u, (U, K), their weights, and the variance of what is independent."""
    u, shift, lam = _lattice(V)
    mass = np.exp(-(u**2).sum(axis=1) / 2)
    return u @ shift.T, mass / mass.sum(), lam


def _lattice(V: Float[np.ndarray, "K K"]) -> tuple[Float[np.ndarray, "U J"], Float[np.ndarray, "K J"], float]:
    """Nodes of u, (U, K - 1), the map B (K, K - 1) from them to shifts, and the variance of what is independent.

    Raises `NotSolved` where the smallest eigenvalue of V is so small a share of the others that the nodes are too many.
    """
    values, axes = np.linalg.eigh(V)
    lam = float(values[0])
    spread = np.maximum(values[1:] - lam, 0.0)
    steps = STEP / np.sqrt(1 + spread / max(lam, 1e-300))
    wide = spread > 1e-12 * values[-1]
    count = float(np.prod(2 * SPAN / steps[wide] + 1))
    if not lam > 0 or count > MOST_NODES:
        raise NotSolved(
            f"the votes of {len(V)} units need {count:.0e} nodes, above {MOST_NODES:.0e}: the covariance of their "
            f"fields has eigenvalues from {lam:.1e} to {values[-1]:.1e}."
        )
    lines = [
        s * np.arange(-int(SPAN / s), int(SPAN / s) + 1) if v else np.zeros(1) for s, v in zip(steps, wide, strict=True)
    ]
    u = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, len(spread))
    return u[(u**2).sum(axis=1) <= SPAN**2], axes[:, 1:] * np.sqrt(spread * wide), lam


def _given(mean: Float[np.ndarray, "n K"], nodes: Float[np.ndarray, "U K"], lam: float) -> Given:
    from scipy.special import ndtr

    t = (mean.T[:, :, None] + nodes.T[:, None, :]) / np.sqrt(lam)
    less, up = ndtr(-np.abs(t)), t > 0
    return Given(np.where(up, 1 - less, less), np.where(up, less, 1 - less), t)


def _counts(given: Given, units: Iterable[int]) -> list[Float[np.ndarray, "_n _U"]]:
    """The probabilities (n, U) that 0, 1, ... of these units are positive."""
    counts = [np.ones(given.positive.shape[1:])]
    for k in units:
        up = [given.positive[k] * c for c in counts]
        down = [given.negative[k] * c for c in counts]
        counts = [down[0], *(a + b for a, b in zip(up[:-1], down[1:], strict=True)), up[-1]]
    return counts
