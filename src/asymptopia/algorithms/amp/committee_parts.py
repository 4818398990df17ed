"""Posterior of the weights and scores of the labels, for message passing with several hidden units."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...numerics.bivariate import RARE, log_rare, quadrants
from ...numerics.tails import hazard, log_density
from ...parts.activation import Activation, Sign
from ...parts.prior import Prior
from .committee_votes import labels_of, score, shares

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Score = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
Weights = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

VOTES: dict[int, dict[float, list[tuple[int, ...]]]] = {
    1: {1.0: [(1,)], -1.0: [(-1,)]},
    2: {1.0: [(1, 1)], 0.0: [(1, -1), (-1, 1)], -1.0: [(-1, -1)]},
}
"""For one and two units, the signs of the units behind each label."""

MOST_UNITS = 4

MOST = 64
SPAN = 5.5
LIKELY = 1e-2  # beside a way of this probability one of less than `RARE` need not be known


def weights_of(prior: Prior, units: int) -> Weights:
    """The posterior of K weights: a function of A (K, K) and B (d, K) to means (d, K) and mean covariance (K, K)."""
    mixture = prior.components()
    if mixture is None or len(mixture[0]) ** units > MOST:
        raise StatementError(
            f"`prior` must be a mixture of few Gaussians (at most {MOST} for all {units} units together), "
            f"but is {prior!r}."
        )
    several = [np.array(list(itertools.product(v, repeat=units)), float) for v in mixture]
    log_w, m, v = np.log(np.maximum(several[0], 1e-300)).sum(axis=1), several[1], several[2]

    def posterior(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inverse = np.linalg.inv(np.eye(units) + A @ (v[:, :, None] * np.eye(units)))
        C = v[:, :, None] * inverse
        pull = B[:, None] - m @ A
        log_share = log_w + np.linalg.slogdet(inverse)[1] / 2 - np.einsum("ci,ij,cj->c", m, A, m) / 2
        log_share = log_share + B @ m.T + np.einsum("nci,cij,ncj->nc", pull, C, pull) / 2
        share = np.exp(log_share - log_share.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        each = m + np.einsum("cij,ncj->nci", C, pull)
        mean = np.einsum("nc,nci->ni", share, each)
        apart = each - mean[:, None]
        spread = np.einsum("nc,nci,ncj->ij", share, apart, apart) / len(B)
        return mean, spread + np.einsum("c,cij->ij", share.mean(axis=0), C)

    return posterior


def label_scores(y: Float[np.ndarray, " n"], units: int, activation: Activation, noise: float) -> Score:
    """The function (mean (n, K), V (K, K)) -> first derivatives (n, K), mean second (K, K), of log P(y | N(mean, V)).

    Raises `StatementError` if the labels cannot be those of such units.
    """
    if units not in range(1, MOST_UNITS + 1):
        raise StatementError(f"`units` must be 1 to {MOST_UNITS}, but is {units}.")
    if not isinstance(activation, Sign):
        if not noise > 0:
            raise StatementError(f"`noise` must be > 0 for labels of {activation!r} units, but is {noise:g}.")
        return lambda mean, V: _output_score(y, mean, V, activation, noise)
    wrong = ~np.isin(y, labels_of(units))
    if wrong.any():
        known = ", ".join(f"{v:g}" for v in labels_of(units))
        raise StatementError(f"`y` must hold labels {known} for {units} units, but has {y[wrong][0]:g}.")
    if noise != 0:
        raise StatementError(f"`noise` is for real labels, and must be 0 for Sign() units, but is {noise:g}.")
    return lambda mean, V: score(y, mean, V) if units > 2 else _vote_score(y, mean, V)


def vote_probabilities(
    mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"]
) -> tuple[Float[np.ndarray, " L"], Float[np.ndarray, "n L"]]:
    """The labels (L,) and their probabilities (n, L), for fields N(mean, V) of K units, to 2e-5, of 1 or 2 to 1e-15.

    Raises `NotSolved` for three or more units whose V is so near to singular that the sums are too long.
    """
    from scipy.special import ndtr

    if mean.shape[1] > 2:
        return labels_of(mean.shape[1]), shares(mean, V)
    votes = VOTES[mean.shape[1]]
    t = mean / np.sqrt(np.diag(V))
    if t.shape[1] == 1:
        return np.array(list(votes)), ndtr(t * list(votes))
    r, s = _correlation(V)
    both, _, _, neither = quadrants(t[:, 0], t[:, 1], r, s)
    return np.array(list(votes)), np.stack([both, np.maximum(1 - both - neither, 0.0), neither], axis=-1)


def _correlation(V: Float[np.ndarray, "2 2"]) -> tuple[float, float]:
    """The correlation r of two fields, and sqrt(1 - r**2)."""
    scale = np.sqrt(V[0, 0] * V[1, 1])
    return float(V[0, 1] / scale), float(np.sqrt(max(np.linalg.det(V), 1e-300)) / scale)


def _vote_score(
    y: Float[np.ndarray, " n"], mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"]
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "K K"]]:
    from scipy.special import expit

    if mean.shape[1] == 1:
        a = 1 / np.sqrt(V[0, 0])
        t = y * mean[:, 0] * a
        ratio, excess, _ = hazard(t)
        return (y * ratio * a)[:, None], np.array([[-a * a * (ratio @ excess)]])
    sure, tied = y != 0, y == 0
    count = int(sure.sum())
    some, both = mean[sure] * y[sure, None], mean[tied]
    fields = np.concatenate([some, both * (1, -1), both * (-1, 1)])
    signs = np.repeat([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0]], [count, len(both), len(both)], axis=0)
    log_p, gradient, curvature = _orthants(fields, signs, count, V)
    share = np.ones(len(fields))
    one, other = log_p[count:].reshape(2, -1)
    share[count:] = np.concatenate([expit(one - other), expit(other - one)])
    gradient *= share[:, None]
    g = np.empty(mean.shape)
    g[sure], g[tied] = gradient[:count] * y[sure, None], gradient[count:].reshape(2, -1, 2).sum(axis=0)
    own, across, last = curvature @ share
    return g, np.array([[own, across], [across, last]]) - g.T @ g


def _orthants(
    fields: Float[np.ndarray, "N 2"], signs: Float[np.ndarray, "N 2"], count: int, V: Float[np.ndarray, "2 2"]
) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, "N 2"], Float[np.ndarray, "3 N"]]:
    """log P that two units of these mean `signs * fields` and covariance V have these signs, (N,), its gradient in the
    mean of the units, (N, 2), and second derivatives of P over P, (3, N): of the first unit, of both, of the second.

    count: so many rows with both signs positive come first; the others are one way and the other of as many ties.
    """
    from scipy.special import log_ndtr

    a = 1 / np.sqrt(np.diag(V))
    h, k = (fields * a).T
    r, s = _correlation(V)
    turned = signs[:, 0] * signs[:, 1]
    p = _probabilities(h, k, r, s, count)
    rare = p < RARE
    rare[count:] &= np.tile(p[count:].reshape(2, -1).max(axis=0) < LIKELY, 2)
    r = r * turned
    log_p = log_rare(p, h, k, r, np.full(len(h), s), rare)
    u = (k - r * h) / s
    one = np.exp(log_density(h) + log_ndtr(u) - log_p)
    two = np.exp(log_density(k) + log_ndtr((h - r * k) / s) - log_p)
    both = np.exp(log_density(h) + log_density(u) - log_p) / s
    across = both * turned * (a[0] * a[1])
    curvature = np.stack([-(h * one + r * both) * a[0] ** 2, across, -(k * two + r * both) * a[1] ** 2])
    return log_p, np.stack([one, two], axis=-1) * signs * a, curvature


def _probabilities(
    h: Float[np.ndarray, " N"], k: Float[np.ndarray, " N"], r: float, s: float, count: int
) -> Float[np.ndarray, " N"]:
    """P(X < h, Y < k), of correlation r in the first rows, of -r in the ties, whose two ways share one quadrature."""
    n = (len(h) + count) // 2
    four = quadrants(h[:n], np.concatenate([k[:count], -k[count:n]]), r, s)
    return np.concatenate([four[0, :count], four[1, count:], four[2, count:]])


def _output_score(
    y: Float[np.ndarray, " n"],
    mean: Float[np.ndarray, "n K"],
    V: Float[np.ndarray, "K K"],
    activation: Activation,
    noise: float,
) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "K K"]]:
    t, mass, root = _nodes(V, activation, noise)
    K = mean.shape[1]
    upper = np.triu_indices(K)
    columns = np.concatenate([np.ones((len(t), 1)), t, t[:, upper[0]] * t[:, upper[1]]], axis=1) * mass[:, None]
    scores = np.empty((len(y), columns.shape[1]))
    for some in np.array_split(np.arange(len(y)), max(1, len(y) * len(t) // 2_000_000)):
        distance = (y[some, None] - outputs(mean[some, None] + t @ root.T, activation)) ** 2 / (2 * noise)
        scores[some] = np.exp(distance.min(axis=1, keepdims=True) - distance) @ columns
    moments = scores[:, 1:] / scores[:, :1]
    first = moments[:, :K]
    square = np.zeros((len(y), K, K))
    square[:, upper[0], upper[1]] = square[:, upper[1], upper[0]] = moments[:, K:]
    back = np.linalg.inv(root)
    slope = (square - np.eye(K)).sum(axis=0) - first.T @ first
    return first @ back, back.T @ slope @ back


def outputs(fields: Real[ArrayLike, "... K"], activation: Activation) -> Float[np.ndarray, "..."]:
    """The noiseless outputs of units with these fields (..., K)."""
    return np.asarray(activation(fields), float).sum(axis=-1) / np.sqrt(np.shape(fields)[-1])


def _nodes(
    V: Float[np.ndarray, "K K"], activation: Activation, noise: float
) -> tuple[Float[np.ndarray, "nodes K"], Float[np.ndarray, " nodes"], Float[np.ndarray, "K K"]]:
    """Nodes and weights of a standard normal vector, fine enough for labels of this noise, and the root of V."""
    z = np.linspace(-6, 6, 601)
    steep = float(np.max(np.abs(np.diff(np.asarray(activation(z), float)) / np.diff(z))))
    step = 1.1 / np.sqrt(1 + np.linalg.eigvalsh(V).max() * steep**2 / noise)
    line = step * np.arange(-np.ceil(SPAN / step), np.ceil(SPAN / step) + 1)
    t = np.stack(np.meshgrid(*[line] * len(V), indexing="ij"), axis=-1).reshape(-1, len(V))
    t = t[(t**2).sum(axis=1) < SPAN**2]
    w = np.exp(-(t**2).sum(axis=1) / 2)
    return t, w / w.sum(), np.linalg.cholesky(V)


def expected_output(
    mean: Float[np.ndarray, "n K"], V: Float[np.ndarray, "K K"], activation: Activation, noise: float
) -> Float[np.ndarray, " n"]:
    """The mean noiseless output (n,) for fields N(mean, V) of the units."""
    t, mass, root = _nodes(V, activation, noise)
    parts = np.array_split(mean, max(1, len(mean) * len(t) // 2_000_000))
    return np.concatenate([outputs(some[:, None] + t @ root.T, activation) @ mass for some in parts])
