r"""All fixed points of the reconstruction on a tree, unstable ones too, and the thresholds that they make.

At a fixed overlap the mean degree is what adapts, generation by generation, so that the populations settle on the
fixed point of that overlap whether it is stable or not. Along a `Line` in the plane of mean degree c and assortativity
$\lambda$ the signal $c \lambda^2$ of the branch starts at the threshold of Kesten and Stigum. Where it falls before it
rises, there is a hard phase: its minimum is the spinodal, and the free entropy, which is integrated along the branch
from its two derivatives, vanishes at the information-theoretic threshold.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....parts.propensity import EqualPropensities, Propensities
from .offspring import Offspring, offspring_of

POPULATIONS, MEMBERS = 8, 1_000
FIRST, SETTLING, GENERATIONS = 20, 8, 20
FINE, STEP, MOST = 0.05, 0.1, 8.0
FEWEST, TERMS = 6, 6
CLEAR = 4.0
MOST_CHANGE = 1.25
MOVED = 0.5  # share of the change that an assortativity follows: with all of it, signals of few groups oscillate
FEWEST_GROUPS, MOST_GROUPS, MOST_DEGREE, MOST_CHILDREN = 4, 20, 100.0, 400
EQUAL = EqualPropensities()


class Line(NamedTuple):
    """A line in the plane of mean degree and assortativity, one of which is fixed while the other adapts.

    assortativity: the one that is fixed; or, where it adapts, the last one that is admitted on this side of 0.
    degree:        the mean degree that is fixed; None if the assortativity is. Where the last assortativity is not
                   enough for a signal, the line goes on at that assortativity, to larger degrees.
    """

    assortativity: float
    degree: float | None = None

    def at(self, signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The mean degree and the assortativity at this signal, degree * assortativity**2."""
        copied = np.full_like(signal, abs(self.assortativity))
        if self.degree is not None:
            copied = np.minimum(np.sqrt(signal / self.degree), copied)
        return signal / copied**2, np.copysign(copied, self.assortativity)

    def control(self, signal: np.ndarray) -> np.ndarray:
        """What adapts: the mean degree, or the modulus of the assortativity, be it admitted or not."""
        return signal / self.assortativity**2 if self.degree is None else np.sqrt(signal / self.degree)


def why_not_sought(groups: int, degree: float, propensities: Propensities) -> str | None:
    """None where a hard phase is sought along a line that starts at this mean degree; or why not, as it takes hours."""
    if groups < FEWEST_GROUPS:
        return f"none is known, and none is sought, of fewer than {FEWEST_GROUPS} groups"
    if groups > MOST_GROUPS or degree > MOST_DEGREE:
        return (
            f"none is sought of more than {MOST_GROUPS} groups, or from a degree above {MOST_DEGREE:g} on; there are "
            f"{groups} groups, from {degree:.4g} on"
        )
    if offspring_of(propensities).most(MOST_CHANGE * degree) > MOST_CHILDREN:
        return f"none is sought where nodes may have more than {MOST_CHILDREN} children"
    return None


class Branch(NamedTuple):
    """Fixed points at increasing overlaps.

    depth:        -log(1 - posterior overlap) of children, (points,).
    signal:       the mean degree times assortativity**2 of that fixed point, (points, POPULATIONS).
    information:  E log(1 - lambda + lambda k psi . psi'), what an edge tells, (points, POPULATIONS): twice the
                  derivative of the free entropy with respect to the mean degree.
    slope:        2/c times its derivative with respect to log |lambda|, (points, POPULATIONS).
    free_entropy: per node, relative to that of no knowledge, (points, POPULATIONS).
    """

    depth: np.ndarray
    signal: np.ndarray
    information: np.ndarray
    slope: np.ndarray
    free_entropy: np.ndarray


class Thresholds(NamedTuple):
    """Where the informative fixed point appears along a line, and where it overtakes; their standard errors."""

    spinodal: float
    equilibrium: float
    spinodal_error: float
    equilibrium_error: float


@lru_cache(maxsize=32)
def hard_phase(groups: int, line: Line, propensities: Propensities = EQUAL) -> Thresholds | str:
    """Where the hard phase starts along a line; or why that is not known: it is narrow, or populations do not settle.

    It must be at least `CLEAR` standard errors wide.
    Errors are those between populations (jackknife) and, added to them, the change by one term fewer in the curves.
    """
    stigum = 1 / propensities.second_moment()
    try:
        branch = follow(groups, line, propensities)
        if len(branch.depth) < 2 * TERMS:
            branch = follow(groups, line, propensities, len(branch.depth) / (2.5 * TERMS))
    except NotConverged as unsettled:
        return f"the branch of fixed points could not be followed. {unsettled}"
    every, terms = np.arange(POPULATIONS), min(TERMS, len(branch.depth) // 2)
    values = np.array(_transitions(branch, line, every, stigum, terms))
    left_out = np.array([_transitions(branch, line, every[every != r], stigum, terms) for r in every])
    spread = np.sqrt((POPULATIONS - 1) * left_out.var(axis=0))
    error = np.hypot(spread, values - _transitions(branch, line, every, stigum, terms - 1))
    if not values[0] < values[1] < float(line.control(np.array(stigum))) - CLEAR * error.max():
        return f"none is seen that is wider than {CLEAR:g} standard errors of the populations"
    return Thresholds(*map(float, (*values, *error)))


def follow(groups: int, line: Line, propensities: Propensities = EQUAL, finer: float = 1.0) -> Branch:
    """The branch of fixed points from small overlaps until its free entropy exceeds that of no knowledge.

    finer: a factor of the steps between points.

    Raises `NotConverged` if it does not up to an overlap of 1 - exp(-MOST).
    """
    populations = _Populations(groups, line, offspring_of(propensities), np.random.default_rng(0))
    start = np.array([1 / propensities.second_moment(), 0.0, 0.0])
    depths: list[float] = [0.0]
    rows: list[np.ndarray] = []
    above = 0
    while len(rows) < FEWEST or above < 3:
        if depths[-1] > MOST:
            raise NotConverged(f"The free entropy is not positive up to a posterior overlap of {-np.expm1(-MOST):.4f}.")
        depths.append(depths[-1] + finer * (FINE if len(rows) < 4 else STEP))
        rows.append(populations.settle(-np.expm1(-depths[-1])))
        path = np.vstack([start, np.mean(rows, axis=2)[:, :3]])
        above = above + 1 if free_entropy_along(line, *path.T)[-1] > 0 else 0
    return Branch(np.array(depths[1:]), *np.moveaxis(np.array(rows), 1, 0))


def free_entropy_along(line: Line, signal: np.ndarray, information: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """The free entropy at points along a line, from its derivatives there (see `Branch`), by the trapezoidal rule."""
    degree, copied = line.at(signal)
    tilt = degree * slope
    steps = (information[1:] + information[:-1]) * np.diff(degree)
    steps += (tilt[1:] + tilt[:-1]) * np.diff(np.log(np.abs(copied)))
    return np.concatenate([[0.0], np.cumsum(steps) / 4])


def _transitions(branch: Branch, line: Line, kept: np.ndarray, stigum: float, terms: int) -> tuple[float, float]:
    """Where along the line the signal is least, and where the free entropy vanishes, by polynomials in the depth."""
    x, fine = branch.depth, np.linspace(0, branch.depth[-1], 2001)
    powers = np.arange(1, terms + 1)

    def curve(values: np.ndarray) -> np.ndarray:
        return (fine[:, None] ** powers) @ np.linalg.lstsq(x[:, None] ** powers, values, rcond=None)[0]

    signal, *told = (v[:, kept].mean(axis=1) for v in (branch.signal, branch.information, branch.slope))
    signal = stigum + curve(signal - stigum)
    below = np.flatnonzero(free_entropy_along(line, signal, *(fine * curve(v / x) for v in told)) < 0)
    control = line.control(signal)
    return float(control.min()), float(control[below[-1]] if len(below) else control[0])


class _Populations:
    """Posteriors of several populations, each at its own point of a line, that have a given posterior overlap."""

    def __init__(self, groups: int, line: Line, offspring: Offspring, rng: np.random.Generator) -> None:
        self.groups, self.line, self.offspring, self.rng = groups, line, offspring, rng
        self.signal = np.full(POPULATIONS, 1 / offspring.second_moment)
        self.degree, self.copied = line.at(self.signal)
        self.posterior: np.ndarray | None = None

    def settle(self, overlap: float) -> np.ndarray:
        """The curves of a `Branch` at this overlap, means over generations, (4, POPULATIONS)."""
        wait = SETTLING
        if self.posterior is None:
            self.posterior = seen_in_noise(overlap, self.rng.standard_normal((POPULATIONS, MEMBERS, self.groups)))
            wait += FIRST
        records = [self._generation(overlap) for _ in range(wait + GENERATIONS)]
        return np.asarray(np.mean(records[wait:], axis=0))

    def _generation(self, overlap: float) -> np.ndarray:
        """Replace the posteriors by those of parents whose mean number of children gives this overlap."""
        k, kin = self.groups, self.offspring
        grown, evidence, slopes = self._grown(kin.most(MOST_CHANGE * self.degree.max()))
        right = np.einsum("drnk,drnk->dr", grown, grown) / MEMBERS
        self.degree = degree_of((k * right - 1) / (k - 1), overlap, self.degree, kin)
        shares, roots = (kin.shares(self.degree, len(grown), w) for w in (kin.children, kin.roots))
        children = np.arange(len(grown))[:, None]
        at_least = roots[::-1].cumsum(axis=0)[::-1]
        free_entropy = ((at_least - children * roots / 2)[1:] * evidence).sum(axis=0)
        information, slope = ((shares[:-1] * v).sum(axis=0) for v in (evidence, slopes))
        rows, members = np.arange(POPULATIONS)[:, None], np.arange(MEMBERS)
        ranks = (self.rng.permuted(np.tile(members, (POPULATIONS, 1)), axis=1) + 0.5) / MEMBERS
        counts = (ranks[:, :, None] > shares.cumsum(axis=0).T[:, None]).sum(axis=-1)
        posterior = grown[np.minimum(counts, len(grown) - 1), rows, members].astype(float)
        self.posterior = posterior / posterior.sum(axis=-1, keepdims=True)
        signal = self.degree * self.copied**2
        moved = 1.0 if self.line.degree is None else MOVED
        self.signal = self.signal ** (1 - moved) * signal**moved
        self.degree, self.copied = self.line.at(self.signal)
        return np.stack([self.signal, information, slope, free_entropy])

    def _grown(self, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Posteriors of parents with 0 .. most children, and means over each child, (most, POPULATIONS).

        These are of its log-evidence log w, and of (1 - 1/w) log w, whose sum over an edge's ends and labels is the
        slope. Each child is a member of the last generation, used once a round; names of labels are permuted in each
        member and in each round, so that no deviation of a finite population from symmetry adds up over the children.
        The label of a child is drawn from its posterior, and then named as one of a child of a parent of label 0.
        """
        from ._children import with_child

        assert self.posterior is not None
        k, count, rng = self.groups, POPULATIONS * MEMBERS, self.rng
        copied = np.repeat(self.copied, MEMBERS)
        kept, scale = ((v[:, None]).astype(np.float32) for v in (1 - copied, copied * k))
        posterior = rng.permuted(self.posterior.astype(np.float32), axis=-1).reshape(count, k)
        told, below = kept + scale * posterior, posterior.cumsum(axis=-1)[:, :-1]
        grown = np.empty((most + 1, count, k), np.float32)
        grown[0] = 1 / k
        evidence, slopes = np.empty((2, most, POPULATIONS))
        members = np.arange(count).reshape(POPULATIONS, MEMBERS)
        for j in range(most):
            drawn, names = rng.permuted(members, axis=1).ravel(), rng.permutation(k)
            chance = rng.random(count, np.float32)
            other = rng.random(count) >= copied + (1 - copied) / k
            wanted = np.where(other, rng.integers(1, k, size=count), 0)
            seen = with_child(grown[j], told, below, drawn, names, chance, wanted, grown[j + 1])
            evidence[j] = seen.reshape(POPULATIONS, MEMBERS).mean(axis=-1)
            slopes[j] = (-np.expm1(-seen) * seen).reshape(POPULATIONS, MEMBERS).mean(axis=-1)
        return grown.reshape(most + 1, POPULATIONS, MEMBERS, k), evidence, slopes


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


def degree_of(overlaps: np.ndarray, overlap: float, before: np.ndarray, offspring: Offspring) -> np.ndarray:
    """The mean degrees at which the mean of overlaps[children] over numbers of children is `overlap`, by bisection.

    They leave the degrees before by a factor of at most `MOST_CHANGE`.
    """
    low, high = before / MOST_CHANGE, before * MOST_CHANGE
    while np.any(high - low > 1e-7 * high):
        middle = (low + high) / 2
        shares = offspring.shares(middle, len(overlaps), offspring.children)
        more = (shares * overlaps).sum(axis=0) < overlap
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    return np.asarray((low + high) / 2)
