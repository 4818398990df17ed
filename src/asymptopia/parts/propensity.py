"""Propensities of the nodes of a random graph to have edges: their expected degrees, relative to the mean."""

from __future__ import annotations

import numpy as np

from ..contract.record import Record, StatementError, field

__all__ = ["EqualPropensities", "GammaPropensities", "PowerLawPropensities", "Propensities", "TwoPropensities"]

REACH, STEPS = 3.0, 48  # of the variable in which averages over ranks have no singular ends
NEGLIGIBLE = 1e-13  # weights below this do not count
HALF = 1e-2  # the most by which half of the nodes may be off, relatively: all of them are off by about its square
ENDS = 1e-4  # the largest share of the mean square that the last node at either end may have


class Propensities(Record):
    """A distribution of independent propensities > 0 of mean 1.

    One of your own defines `quantile(self, u)`: up to a factor, the propensity as a smooth function of its rank u,
    uniform in (0, 1); the factor follows from the mean.
    """

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """The propensity by rank u in (0, 1), up to a common factor."""
        raise NotImplementedError(f"{type(self).__name__} defines no `quantile(self, u)`.")

    def atoms(self) -> tuple[np.ndarray, np.ndarray]:
        """Propensities (m,) of mean 1 and their weights (m,), so that `weights @ f(values)` is the mean of f."""
        values, weights = self._by_rank()
        return values / (weights @ values), weights

    def second_moment(self) -> float:
        """The mean of the square, >= 1."""
        values, weights = self.atoms()
        return float(weights @ values**2)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """The propensities of n nodes in random order, one of each n-th part of the ranks, (n,)."""
        values, weights = self._by_rank()
        ranks = (np.arange(n) + rng.random(n)) / n
        return np.asarray(rng.permutation(np.asarray(self.quantile(ranks), float)) / (weights @ values))

    def check(self) -> None:
        """Raise `StatementError` unless propensities are > 0, and have a second moment that can be computed."""
        values, weights = self._by_rank()
        if values.shape != weights.shape or not (np.isfinite(values).all() and (values > 0).all()):
            raise StatementError(f"`quantile` of {self!r} must give a finite number > 0 for each rank.")
        squares = weights * values**2
        half = weights[::2] @ values[::2] ** 2 / weights[::2].sum()
        ends = max(squares[0], squares[-1]) if len(values) > 2 else 0.0
        if ends > ENDS * squares.sum() or (len(values) > 2 and abs(half / squares.sum() - 1) > HALF):
            raise StatementError(
                f"The propensities of {self!r} must have a finite mean square, and `quantile` be a smooth function of "
                "the rank, but averages over ranks do not settle."
            )

    def _by_rank(self) -> tuple[np.ndarray, np.ndarray]:
        """Values at nodes that are dense at both ends of the ranks, and their weights, by the trapezoidal rule."""
        t = np.linspace(-REACH, REACH, STEPS + 1)
        u = 1 / (1 + np.exp(-np.pi * np.sinh(t)))
        weights = np.cosh(t) * u / (1 + np.exp(np.pi * np.sinh(t)))
        kept = weights > NEGLIGIBLE * weights.max()
        return np.asarray(self.quantile(u[kept]), float), weights[kept] / weights[kept].sum()


class EqualPropensities(Propensities):
    """All 1: the ordinary block model."""

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return np.ones_like(u)

    def draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        return np.ones(n)

    def _by_rank(self) -> tuple[np.ndarray, np.ndarray]:
        return np.ones(1), np.ones(1)


class GammaPropensities(Propensities):
    """A gamma distribution, of variance 1 / `shape`; exponential if that is 1."""

    shape: float = field(1.5, "inverse of the variance of the propensities", at_least=0.2)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        from scipy.special import gammaincinv

        return np.asarray(gammaincinv(self.shape, u))


class TwoPropensities(Propensities):
    """Two kinds of nodes: a share of hubs, whose expected degrees are some times those of the others."""

    ratio: float = field(4.0, "expected degree of a hub, over that of another node", at_least=1)
    hubs: float = field(0.2, "share of hubs", above=0, below=1)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return np.where(u < 1 - self.hubs, 1.0, self.ratio)

    def _by_rank(self) -> tuple[np.ndarray, np.ndarray]:
        return np.array([1.0, self.ratio]), np.array([1 - self.hubs, self.hubs])


class PowerLawPropensities(Propensities):
    """A density that falls as a power, between the smallest propensity and `cut` times it."""

    exponent: float = field(2.5, "power with which the density falls", above=1)
    cut: float = field(20.0, "largest propensity over the smallest", above=1, at_most=1e3)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        power = 1 - self.exponent
        return np.asarray((1 + u * np.expm1(power * np.log(self.cut))) ** (1 / power))
