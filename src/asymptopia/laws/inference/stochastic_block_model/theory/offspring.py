"""Numbers of children on the tree: of the root, Poisson of mean its expected degree; of others, seen along an edge."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .....parts.propensity import Propensities

TAIL = 1e-7  # of the propensities of children, beyond which fewest and most children are not told apart


class Offspring(NamedTuple):
    r"""The distribution of propensities $\theta$ as atoms (m,): of roots, and of children, weighted by $\theta$.

    Given its propensity a node has Poisson(c $\theta$) children.
    """

    values: np.ndarray
    roots: np.ndarray
    children: np.ndarray

    @property
    def second_moment(self) -> float:
        """The mean square of the propensities: c times it is the mean number of children of a child."""
        return float(self.children @ self.values)

    def quantiles(self, degree: float, ranks: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The numbers of children of these ranks in (0, 1), of nodes with these weights of the atoms."""
        from scipy.special import pdtr

        most = degree * self.values.max()
        sizes = np.arange(int(most + 12 * np.sqrt(most) + 20))
        below = sum(w * pdtr(sizes, degree * v) for w, v in zip(weights, self.values, strict=True))
        return np.searchsorted(below, ranks)

    def most(self, degree: float) -> int:
        """A number that next to no child exceeds in children."""
        order = np.argsort(self.values)
        beyond = self.children[order][::-1].cumsum()[::-1]
        most = degree * self.values[order][beyond > TAIL].max()
        return int(most + 6 * np.sqrt(most) + 4)

    def shares(self, degree: np.ndarray, count: int, weights: np.ndarray) -> np.ndarray:
        """The probabilities of 0 .. count - 2, and of more, children at each mean degree, (count, degrees)."""
        from scipy.special import gammaln, xlogy

        children = np.arange(count)[:, None]
        factorials, shares = gammaln(children + 1), np.zeros((count, len(degree)))
        for weight, value in zip(weights, self.values, strict=True):
            shares += weight * np.exp(xlogy(children, value * degree) - value * degree - factorials)
        shares[-1] = np.maximum(1 - shares[:-1].sum(axis=0), 0.0)
        return shares


def offspring_of(propensities: Propensities) -> Offspring:
    """The numbers of children that these propensities make."""
    values, weights = propensities.atoms()
    return Offspring(values, weights, weights * values)
