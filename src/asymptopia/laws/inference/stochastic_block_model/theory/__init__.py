"""Reconstruction of labels on a random tree, by population dynamics: no graph is made here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .....numerics.fixed_points import NotConverged

if TYPE_CHECKING:
    from .....parts.propensity import Propensities
    from .. import StochasticBlockModel
    from .offspring import Offspring


POPULATIONS, MEMBERS = 8, 4_000
BLOCK, BLOCKS = 25, 60
HINT = 0.01  # share of the leaves that the uninformative start knows: it vanishes at a rate, or is forgotten


def reconstruct(
    groups: int, degree: float, assortativity: float, informative: bool, propensities: Propensities | None = None
) -> dict[str, float]:
    """Both overlaps with their errors, from the distribution of the root's posterior on a tree.

    Numbers of children are Poisson, of means that differ if `propensities` do: those of the root, and those of its
    descendants, which have more. Several populations of descendants evolve independently; errors are the spread of
    the roots above them. The drift between successive blocks of generations must vanish within its error twice in a
    row; raises `NotConverged` otherwise.
    """
    rng = np.random.default_rng(0)
    posterior = np.full((POPULATIONS, MEMBERS, groups), 1 / groups)
    known = rng.random((POPULATIONS, MEMBERS)) < (1.0 if informative else HINT)
    posterior[known] = np.eye(groups)[0]
    generation = _Generation(groups, degree, assortativity, propensities)
    blocks: list[np.ndarray] = []
    quiet = 0
    while quiet < 2:
        if len(blocks) == BLOCKS:
            raise NotConverged(f"The populations still drift after {BLOCKS * BLOCK} generations.")
        measured = []
        for _ in range(BLOCK):
            root, posterior = generation(_relabelled(posterior, rng), rng)
            measured.append(_measure(root))
        blocks.append(np.mean(measured, axis=0))
        if len(blocks) > 1:
            quiet = quiet + 1 if _still(blocks[-1] - blocks[-2]) else 0
    last = np.mean(blocks[-3:], axis=0)
    mean, error = last.mean(axis=1), last.std(axis=1, ddof=1) / np.sqrt(POPULATIONS)
    names = ("overlap", "posterior_overlap", "overlap_error", "posterior_overlap_error")
    return dict(zip(names, map(float, (*mean, *error)), strict=True))


def _still(drift: np.ndarray) -> bool:
    """Whether the mean drift over populations (2, POPULATIONS) is within three of its standard errors, or tiny."""
    error = drift.std(axis=1, ddof=1) / np.sqrt(POPULATIONS)
    return bool((np.abs(drift.mean(axis=1)) <= 3 * error + 1e-9).all())


def _measure(posterior: np.ndarray) -> np.ndarray:
    """Both overlaps of each population, (2, POPULATIONS), by Nishimori: a label has the probability it is given."""
    k = posterior.shape[-1]
    right = np.stack([posterior.max(axis=-1), (posterior**2).sum(axis=-1)])
    return (k * right.mean(axis=-1) - 1) / (k - 1)


def _relabelled(posterior: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The distribution of posteriors given the label 0, with labels drawn anew from the posteriors.

    Exact where labels have the probabilities they are given; without it a finite population can agree on wrong names.
    """
    from ._children import relabelled

    return np.asarray(relabelled(posterior, rng.random(posterior.shape)))


class _Generation:
    r"""From the posteriors of the children, given that each has label 0, to those of parents of label 0.

    A parent has Poisson(c $\theta$) children, each with its label with probability $\lambda + (1-\lambda)/k$ and with
    another one with probability $(1-\lambda)/k$: its posterior is proportional to the product over children of
    $1 - \lambda + \lambda k \psi_s$. The numbers of children are stratified. A parent that is a child itself is met
    with a probability proportional to its propensity $\theta$; a root is not.
    """

    def __init__(
        self, groups: int, degree: float, assortativity: float, propensities: Propensities | None = None
    ) -> None:
        from .....parts.propensity import EqualPropensities
        from .offspring import offspring_of

        self.groups, self.degree, self.copied = groups, degree, assortativity
        self.offspring: Offspring = offspring_of(propensities or EqualPropensities())
        self.alike = len(self.offspring.values) == 1
        self.middle = self.offspring.quantiles(degree, (np.arange(MEMBERS) + 0.5) / MEMBERS, self.offspring.roots)

    def __call__(self, posterior: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The posteriors of roots and of parents that are children themselves; the same if all nodes are alike."""
        if self.alike:
            parents = self._parents(posterior, self.middle, rng)
            return parents, parents
        ranks = (np.arange(MEMBERS) + rng.random(MEMBERS)) / MEMBERS
        root, parents = (
            self._parents(posterior, self.offspring.quantiles(self.degree, ranks, weights), rng)
            for weights in (self.offspring.roots, self.offspring.children)
        )
        return root, parents

    def _parents(self, posterior: np.ndarray, children: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The posteriors of parents with these numbers of children, (MEMBERS,)."""
        from ._children import parents

        k, shape = self.groups, (POPULATIONS, int(children.sum()))
        other = rng.random(shape) >= self.copied + (1 - self.copied) / k
        label = np.where(other, rng.integers(1, k, size=shape), 0)
        told = 1 - self.copied + self.copied * k * posterior
        return np.asarray(parents(told, children, rng.integers(MEMBERS, size=shape), label))


def predict(law: StochasticBlockModel) -> dict[str, Any]:
    """The observables in the limit."""
    c, copied = law.degree, law.assortativity
    branching = c * law.propensities.second_moment()
    values = {
        "overlap": 0.0,
        "overlap_error": 0.0,
        "posterior_overlap": 0.0,
        "posterior_overlap_error": 0.0,
        "top_nonbacktracking": branching,
        "second_nonbacktracking": max(branching * abs(copied), np.sqrt(branching)),
    }
    if branching * copied**2 > 1 or law.start == "informative":
        values |= reconstruct(law.groups, c, copied, law.start == "informative", law.propensities)
    return values
