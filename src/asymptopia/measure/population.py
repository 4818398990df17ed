"""Is a spectrum that of a sample covariance matrix of a known population? Its predicted distribution, and a test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import ArrayLike
from ..numerics.sample_covariance import SampleCovariance
from .spectra import Quadrature, quadrature

if TYPE_CHECKING:
    from jaxtyping import Float, Num, Real

DRAWS, LARGEST, GRID = 199, 300, 200


@dataclass(frozen=True)
class PopulationLaw(SampleCovariance):
    """The distribution of Marchenko and Pastur for a population covariance with the eigenvalues `variances`.

    gamma:     dimensions per sample.
    variances: eigenvalues of the population covariance, (p,).
    p_value:   the probability that a sample covariance matrix of this population differs from the others by as much as
               the spectrum does; a small value refutes the population.
    """

    variances: Float[np.ndarray, " p"] = field(default_factory=lambda: np.ones(1))
    p_value: float = np.nan

    def _transformed(self, m: Num[ArrayLike, "..."]) -> tuple[Num[Any, "..."], Num[Any, "..."]]:
        below = 1 + self.variances * np.asarray(m)[..., None]
        return (1 / below).mean(axis=-1), -(self.variances / below**2).mean(axis=-1)

    def _largest(self) -> float:
        return float(self.variances.max())

    def edges(self) -> tuple[float, float]:
        """The edges of the spectrum, without the mass at zero."""
        upper = float(self.inverse(self._upper_point())[0].real)
        rank, least = (self.variances > 0).mean(), float(self.variances.min())
        if self.gamma * rank > 1:
            return self._turning(lambda t: np.exp(-t) / self._largest()), upper
        return (self._turning(lambda t: -(1 + np.exp(-t)) / least) if least > 0 and self.gamma < 1 else 0.0), upper


def population_law(seen: Quadrature, variances: Real[ArrayLike, " p"], samples: int, seed: int = 0) -> PopulationLaw:
    r"""The limiting spectrum of $X^T X / n$ for a known population, and a test whether `seen` has it.

    seen:      the spectrum, exact or seen by probes.
    variances: the eigenvalues of the population covariance, (p,), as measured on many more samples.
    samples:   the number n of samples in the matrix.

    The density solves Silverstein's equation (Silverstein and Choi, J. Multivariate Anal. 54 (1995) 295). The test
    draws 199 matrices of the population, seen in the same way, and ranks the spectrum among them by the largest
    difference of its distribution function from the mean of the others. Beyond 300 dimensions smaller matrices of the
    same shape are drawn, which fluctuate more.

    Raises `StatementError` if the variances are negative, not finite, all zero, or not one for each dimension.
    """
    variances = np.sort(np.asarray(variances, float).ravel())
    if not np.isfinite(variances).all() or variances[0] < 0 or variances[-1] <= 0:
        raise StatementError("`variances` must be finite and >= 0, and not all zero.")
    if len(variances) != seen.size:
        raise StatementError(f"`variances` must be as many as the {seen.size} dimensions, but are {len(variances)}.")
    if samples < 2:
        raise StatementError(f"`samples` must be at least 2, but is {samples!r}.")
    rng = np.random.default_rng((seed, DRAWS))
    drawn = [_drawn(rng, variances, samples, seen) for _ in range(DRAWS)]
    ends = np.concatenate([one.eigenvalues[one.weights > 0] for one in (seen, *drawn[:20])])
    grid = np.unique(np.quantile(ends, np.linspace(0, 1, GRID)))
    rows = np.stack([one.distribution(grid)[0] for one in (seen, *drawn)])
    distances = np.abs(rows - (rows.sum(axis=0) - rows) / DRAWS).max(axis=1)
    p_value = float((distances >= distances[0]).mean())
    return PopulationLaw(seen.size / samples, variances=variances, p_value=p_value)


def _drawn(rng: np.random.Generator, variances: Float[np.ndarray, " p"], samples: int, like: Quadrature) -> Quadrature:
    """A sample covariance matrix of the population, seen as `like` is."""
    from scipy.sparse.linalg import LinearOperator

    shrunk = min(1.0, LARGEST / max(samples, len(variances))) if len(variances) > LARGEST else 1.0
    size, count = max(2, round(len(variances) * shrunk)), max(2, round(samples * shrunk))
    places = ((np.arange(size) + 0.5) / size * len(variances)).astype(int)
    X = rng.standard_normal((count, size)) * np.sqrt(variances[places] / count)
    values = np.linalg.eigvalsh(X.T @ X)
    if like.exact:
        return Quadrature(values[None], np.full((1, size), 1 / size), size)
    turned = LinearOperator((size, size), matvec=lambda v: values * np.ravel(v), dtype=np.dtype(float))
    probes, order = like.eigenvalues.shape
    return quadrature(turned, probes, order, int(rng.integers(2**31)))
