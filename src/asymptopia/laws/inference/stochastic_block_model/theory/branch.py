"""All fixed points of the reconstruction on a Poisson tree, unstable ones too, and the thresholds that they make.

At a fixed overlap the mean degree is what adapts, generation by generation, so that the populations settle on the
fixed point of that overlap whether it is stable or not. The mean degree along this branch starts at the threshold of
Kesten and Stigum. Where it falls before it rises, there is a hard phase: its minimum is the spinodal, and the free
entropy, whose derivative along the degree is half the information of an edge, vanishes at the information-theoretic
threshold, by equal areas.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged

POPULATIONS, MEMBERS = 8, 1_000
FIRST, SETTLING, GENERATIONS = 20, 8, 20
FINE, STEP, MOST = 0.05, 0.1, 8.0
FEWEST, TERMS = 6, 6
CLEAR = 4.0
MOST_CHANGE = 1.25
FEWEST_GROUPS, MOST_GROUPS, MOST_DEGREE = 4, 20, 100.0


class Branch(NamedTuple):
    """Fixed points at increasing overlaps.

    depth:        -log(1 - posterior overlap), (points,).
    degree:       the mean degree at which each population has that fixed point, (points, POPULATIONS).
    information:  E log(1 - lambda + lambda k psi . psi'), what an edge tells, (points, POPULATIONS).
    free_entropy: per node, relative to that of no knowledge, (points, POPULATIONS).
    """

    depth: np.ndarray
    degree: np.ndarray
    information: np.ndarray
    free_entropy: np.ndarray


class Thresholds(NamedTuple):
    """Mean degrees at which the informative fixed point appears, and at which it overtakes; their standard errors."""

    spinodal: float
    equilibrium: float
    spinodal_error: float
    equilibrium_error: float


@lru_cache(maxsize=32)
def hard_phase(groups: int, assortativity: float) -> Thresholds | None:
    """Where the hard phase starts, in mean degrees; None if it is not at least four standard errors wide.

    Errors are those between populations (jackknife) and, added to them, the change by one term fewer in the curves.
    """
    branch, stigum = follow(groups, assortativity), assortativity**-2
    every, terms = np.arange(POPULATIONS), min(TERMS, len(branch.depth) // 2)
    values = np.array(_equal_areas(branch, every, stigum, terms))
    left_out = np.array([_equal_areas(branch, every[every != r], stigum, terms) for r in every])
    spread = np.sqrt((POPULATIONS - 1) * left_out.var(axis=0))
    error = np.hypot(spread, values - _equal_areas(branch, every, stigum, terms - 1))
    if not values[0] < values[1] < stigum - CLEAR * error.max():
        return None
    return Thresholds(*map(float, (*values, *error)))


def follow(groups: int, assortativity: float) -> Branch:
    """The branch of fixed points from small overlaps until its free entropy exceeds that of no knowledge.

    Raises `NotConverged` if it does not up to an overlap of 1 - exp(-MOST).
    """
    populations = _Populations(groups, assortativity, np.random.default_rng(0))
    depths: list[float] = [0.0]
    rows: list[np.ndarray] = []
    above = 0
    while len(rows) < FEWEST or above < 3:
        if depths[-1] > MOST:
            raise NotConverged(f"The free entropy is not positive up to a posterior overlap of {-np.expm1(-MOST):.4f}.")
        depths.append(depths[-1] + (FINE if len(rows) < 4 else STEP))
        rows.append(populations.settle(-np.expm1(-depths[-1])))
        degree, information = np.mean(rows, axis=2)[:, 0], np.mean(rows, axis=2)[:, 1]
        path = np.concatenate([[assortativity**-2], degree])
        area = np.sum((path[1:] + path[:-1]) / 2 * np.diff(information, prepend=0.0))
        above = above + 1 if information[-1] * degree[-1] > area else 0
    values = np.array(rows)
    return Branch(np.array(depths[1:]), values[:, 0], values[:, 1], values[:, 2])


def _equal_areas(branch: Branch, kept: np.ndarray, stigum: float, terms: int) -> tuple[float, float]:
    """The least mean degree on the branch, and the one that cuts equal areas from it, by polynomials in the depth."""
    x, fine = branch.depth, np.linspace(0, branch.depth[-1], 2001)
    powers = np.arange(1, terms + 1)
    fit = np.linalg.lstsq(x[:, None] ** powers, branch.degree[:, kept].mean(axis=1) - stigum, rcond=None)[0]
    told = np.linalg.lstsq(x[:, None] ** powers, branch.information[:, kept].mean(axis=1) / x, rcond=None)[0]
    degree = stigum + (fine[:, None] ** powers) @ fit
    information = fine * ((fine[:, None] ** powers) @ told)
    area = np.concatenate([[0], np.cumsum((degree[1:] + degree[:-1]) / 2 * np.diff(information))])
    below = np.flatnonzero(information * degree < area)
    return float(degree.min()), float(degree[below[-1]] if len(below) else stigum)


class _Populations:
    """Posteriors of several populations, each with its own mean degree, that have a given posterior overlap."""

    def __init__(self, groups: int, assortativity: float, rng: np.random.Generator) -> None:
        self.groups, self.copied, self.rng = groups, assortativity, rng
        self.degree = np.full(POPULATIONS, assortativity**-2)
        self.posterior: np.ndarray | None = None

    def settle(self, overlap: float) -> np.ndarray:
        """Degree, information of an edge and free entropy at this overlap, means over generations, (3, POPULATIONS)."""
        wait = SETTLING
        if self.posterior is None:
            self.posterior = seen_in_noise(overlap, self.rng.standard_normal((POPULATIONS, MEMBERS, self.groups)))
            wait += FIRST
        records = [self._generation(overlap) for _ in range(wait + GENERATIONS)]
        return np.asarray(np.mean(records[wait:], axis=0))

    def _generation(self, overlap: float) -> np.ndarray:
        """Replace the posteriors by those of parents whose mean number of children gives this overlap."""
        k, most = self.groups, MOST_CHANGE * self.degree.max()
        grown, evidence = self._grown(int(most + 6 * np.sqrt(most) + 4))
        right = np.einsum("drnk,drnk->dr", grown, grown) / MEMBERS
        self.degree = degree_of((k * right - 1) / (k - 1), overlap, self.degree)
        shares = poisson(self.degree, len(grown))
        children = np.arange(len(grown))[:, None]
        at_least = shares[::-1].cumsum(axis=0)[::-1]
        free_entropy = ((at_least - children * shares / 2)[1:] * evidence).sum(axis=0)
        information = (shares[:-1] * evidence).sum(axis=0)
        rows, members = np.arange(POPULATIONS)[:, None], np.arange(MEMBERS)
        ranks = (self.rng.permuted(np.tile(members, (POPULATIONS, 1)), axis=1) + 0.5) / MEMBERS
        counts = (ranks[:, :, None] > shares.cumsum(axis=0).T[:, None]).sum(axis=-1)
        posterior = grown[np.minimum(counts, len(grown) - 1), rows, members].astype(float)
        self.posterior = posterior / posterior.sum(axis=-1, keepdims=True)
        return np.stack([self.degree, information, free_entropy])

    def _grown(self, most: int) -> tuple[np.ndarray, np.ndarray]:
        """Posteriors of parents with 0 .. most children, and the mean log-evidence of each child, (most, POPULATIONS).

        Each child is a member of the last generation, used once a round; names of labels are permuted in each member
        and in each round, so that no deviation of a finite population from symmetry adds up over the children. The
        label of a child is drawn from its posterior, and then named as one of a child of a parent of label 0.
        """
        from ._children import with_child

        assert self.posterior is not None
        k, count, rng = self.groups, POPULATIONS * MEMBERS, self.rng
        posterior = rng.permuted(self.posterior.astype(np.float32), axis=-1).reshape(count, k)
        told, below = 1 - self.copied + self.copied * k * posterior, posterior.cumsum(axis=-1)[:, :-1]
        grown = np.empty((most + 1, count, k), np.float32)
        grown[0] = 1 / k
        evidence = np.empty((most, POPULATIONS))
        members = np.arange(count).reshape(POPULATIONS, MEMBERS)
        for j in range(most):
            drawn, names = rng.permuted(members, axis=1).ravel(), rng.permutation(k)
            chance = rng.random(count, np.float32)
            other = rng.random(count) >= self.copied + (1 - self.copied) / k
            wanted = np.where(other, rng.integers(1, k, size=count), 0)
            seen = with_child(grown[j], told, below, drawn, names, chance, wanted, grown[j + 1])
            evidence[j] = seen.reshape(POPULATIONS, MEMBERS).mean(axis=-1)
        return grown.reshape(most + 1, POPULATIONS, MEMBERS, k), evidence


def seen_in_noise(overlap: float, noise: np.ndarray) -> np.ndarray:
    """Posteriors of labels 0 that are seen in normal noise (..., k), whose variance gives this posterior overlap."""
    from scipy.optimize import brentq
    from scipy.special import softmax

    k = noise.shape[-1]

    def posterior(snr: float) -> np.ndarray:
        return np.asarray(softmax(np.sqrt(snr) * noise + snr * np.eye(k)[0], axis=-1))

    def excess(snr: float) -> float:
        return float((k * (posterior(snr) ** 2).sum(axis=-1).mean() - 1) / (k - 1)) - overlap

    return posterior(float(brentq(excess, 0.0, 1e3, rtol=1e-3)))


def poisson(degree: np.ndarray, count: int) -> np.ndarray:
    """The probabilities of 0 .. count - 2, and of more, children at each mean degree, (count, degrees)."""
    from scipy.special import gammaln, xlogy

    children = np.arange(count)[:, None]
    shares = np.exp(xlogy(children, degree) - degree - gammaln(children + 1))
    shares[-1] = np.maximum(1 - shares[:-1].sum(axis=0), 0.0)
    return np.asarray(shares)


def degree_of(overlaps: np.ndarray, overlap: float, before: np.ndarray) -> np.ndarray:
    """The mean degrees at which the mean of overlaps[children] over a Poisson distribution is `overlap`, by bisection.

    They leave the degrees before by a factor of at most `MOST_CHANGE`.
    """
    low, high = before / MOST_CHANGE, before * MOST_CHANGE
    while np.any(high - low > 1e-7 * high):
        middle = (low + high) / 2
        more = (poisson(middle, len(overlaps)) * overlaps).sum(axis=0) < overlap
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray((low + high) / 2)
