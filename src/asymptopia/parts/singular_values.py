"""Singular values of random designs whose singular vectors are uniformly distributed."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import ArrayLike
from ..numerics.gaussian import legendre

__all__ = ["Geometric", "MarchenkoPastur", "RowOrthogonal", "SingularValues"]

ORDER = 64
AGREE = 1e-9  # of averages with `ORDER` and with twice as many nodes


@dataclasses.dataclass(frozen=True)
class Shrinkage:
    r"""Averages over the d eigenvalues $\lambda$ of $X^T X$ of what a penalty $\gamma |w|^2 / 2$ does to them.

    With $f = \lambda \gamma / (\lambda + \gamma)$, numbers or arrays of the shape of $\gamma$:
    information: E f. spread: Var f. noise: $E[\lambda \gamma^2 / (\lambda + \gamma)^2]$.
    left: $E[\gamma / (\lambda + \gamma)]$. left_squared: $E[\gamma^2 / (\lambda + \gamma)^2]$.
    log_ratio: $E \log(1 + \lambda / \gamma)$.
    """

    information: Any
    spread: Any
    noise: Any
    left: Any
    left_squared: Any
    log_ratio: Any


class SingularValues(Record):
    """The singular values of a design X (alpha d, d) whose entries have the mean square 1/d.

    One of your own defines `squares(self, u)`: up to a factor the squares of the singular values that are not zero, as
    a smooth function of their rank u, uniform in [0, 1]; the factor follows from the mean square of the entries.
    """

    def squares(self, u: np.ndarray) -> np.ndarray:
        """The squares of the nonzero singular values by rank u in [0, 1], up to a common factor."""
        raise NotImplementedError(f"{type(self).__name__} defines no `squares(self, u)`.")

    def design(self, samples: int, d: int, rng: np.random.Generator) -> np.ndarray:
        """A random design (samples, d): these singular values between orthogonal matrices of uniform distribution."""
        count = min(samples, d)
        squares = np.asarray(self.squares((np.arange(count) + 0.5) / count), float)
        values = np.sqrt(squares * samples / squares.sum())
        return (_orthogonal(samples, count, rng) * values) @ _orthogonal(d, count, rng).T

    def shrinkage(self, alpha: float, gamma: ArrayLike) -> Shrinkage:
        """The averages of `Shrinkage` for alpha samples per dimension, at penalties gamma > 0 of any shape."""
        u, weight = legendre(ORDER)
        weight = np.append(min(alpha, 1.0) * weight, max(1 - alpha, 0.0))
        eigenvalues = np.append(self._eigenvalues(alpha, u), 0.0)
        gamma = np.asarray(gamma, float)[..., None]
        left = gamma / (eigenvalues + gamma)
        f = eigenvalues * left
        information = f @ weight
        return Shrinkage(
            information,
            (f - information[..., None]) ** 2 @ weight,
            (f * left) @ weight,
            left @ weight,
            left**2 @ weight,
            np.log1p(eigenvalues / gamma) @ weight,
        )

    def check(self) -> None:
        """Raise `StatementError` unless `squares` is positive, and smooth enough for its averages."""
        once, twice = (np.asarray(self.squares(legendre(k)[0]), float) for k in (ORDER, 2 * ORDER))
        if once.shape != (ORDER,):
            raise StatementError(
                f"`squares` of {self!r} must give one number for each rank, but gives an array of shape {once.shape} "
                f"for {ORDER} ranks."
            )
        if not (np.isfinite(twice).all() and (twice > 0).all()):
            raise StatementError(f"`squares` of {self!r} must be finite and > 0 for ranks between 0 and 1.")
        gammas = np.geomspace(twice.min(), twice.max(), 16)[:, None]
        a, b = (
            np.append(s / (s + gammas) @ w, s @ w)
            for s, w in ((once, legendre(ORDER)[1]), (twice, legendre(2 * ORDER)[1]))
        )
        if (worst := float(np.max(np.abs(a - b) / b))) > AGREE:
            raise StatementError(
                f"`squares` of {self!r} must be a smooth function of the rank, but its averages with {ORDER} and with "
                f"{2 * ORDER} nodes differ by {worst:.1e} of their value."
            )

    def _eigenvalues(self, alpha: float, u: np.ndarray) -> np.ndarray:
        """The nonzero eigenvalues of X^T X by rank: of mean alpha over all, zeros included."""
        nodes, weight = legendre(2 * ORDER)
        mean = weight @ np.asarray(self.squares(nodes), float)
        return np.asarray(self.squares(u), float) * max(alpha, 1.0) / mean


class MarchenkoPastur(SingularValues):
    """Those of independent normal entries."""

    def design(self, samples: int, d: int, rng: np.random.Generator) -> np.ndarray:
        return rng.standard_normal((samples, d)) / np.sqrt(d)

    def shrinkage(self, alpha: float, gamma: ArrayLike) -> Shrinkage:
        """From g = E 1 / (eigenvalue + gamma), the root of gamma g^2 + (gamma + alpha - 1) g = 1."""
        gamma = np.asarray(gamma, float)
        b = gamma + alpha - 1
        root = np.hypot(b, 2 * np.sqrt(gamma))
        total = np.abs(b) + root
        g = np.where(b >= 0, 2 / total, total / (2 * gamma))[()]
        information = alpha * gamma * g / (1 + g)
        left = gamma * g
        left_squared = left * (gamma * (1 + g) / root)
        return Shrinkage(
            information,
            information**2 * left_squared / alpha,
            information * gamma / root,
            left,
            left_squared,
            alpha * np.log1p(g) - np.log(left) + left - 1,
        )

    def check(self) -> None:
        """Nothing can be wrong with them."""


class RowOrthogonal(SingularValues):
    """All equal: orthogonal rows of one length, or orthogonal columns if there are more samples than dimensions."""

    def squares(self, u: np.ndarray) -> np.ndarray:
        return np.ones_like(u)


class Geometric(SingularValues):
    """A geometric sequence from the largest to the smallest."""

    condition: float = field(10.0, "ratio of the largest and the smallest singular value", at_least=1, at_most=1e4)

    def squares(self, u: np.ndarray) -> np.ndarray:
        return np.exp(-2 * np.log(self.condition) * u)


def _orthogonal(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """A matrix (rows, columns) of orthonormal columns, uniformly distributed."""
    q, r = np.linalg.qr(rng.standard_normal((rows, columns)))
    return q * np.sign(np.diag(r))
