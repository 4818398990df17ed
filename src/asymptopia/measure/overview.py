"""The spectrum of one symmetric operator: extreme eigenvalues, trace, density, comparison with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .extremes import DENSE, extremes, precision_of
from .population import PopulationLaw, population_law
from .random_matrix import LEVEL, CovarianceLaw, fitted_law
from .spectra import Density, quadrature, whole_spectrum
from .trace import Trace, trace

if TYPE_CHECKING:
    from jaxtyping import Float
    from scipy.sparse.linalg import LinearOperator

FLAT = 1e-12


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of a symmetric operator of size n.

    values, errors: (2 count,) the smallest and the largest eigenvalues, and their errors.
    trace:          its value, standard error and 95 % interval.
    density:        smoothed; None if all eigenvalues are equal.
    law:            the fitted distribution of Marchenko and Pastur, with its p-value; None if none can be fitted.
    exact:          whether all eigenvalues were computed.
    population:     the distribution predicted for the given population, with its p-value; None without one.
    """

    size: int
    values: Float[np.ndarray, " k"]
    errors: Float[np.ndarray, " k"]
    trace: Trace
    density: Density | None
    law: CovarianceLaw | None
    exact: bool
    population: PopulationLaw | None = None

    @property
    def of_population(self) -> bool:
        """Whether the spectrum is that of the given population: not refuted at the level 0.005."""
        return self.population is not None and self.population.p_value > LEVEL

    @property
    def described(self) -> bool:
        """Whether the spectrum is that of Marchenko and Pastur: not refuted at the level 0.005."""
        law, count = self.law, len(self.values) // 2
        return law is not None and law.p_value > LEVEL and (self.exact or len(law.outliers) < count)


def spectrum_of(
    operator: LinearOperator, count: int = 3, probes: int = 10, order: int = 80,
    population: tuple[Float[np.ndarray, " p"], int] | None = None,
) -> Spectrum:  # fmt: skip
    """The spectrum of a symmetric operator: exactly up to 2,000 dimensions, else from random probes.

    count:      number of eigenvalues at each end.
    probes:     number of random vectors.
    order:      products with each random vector.
    population: eigenvalues of a population covariance, and the number of samples, as in `population_law`.

    Raises `StatementError` as `quadrature` and `population_law` do.
    """
    n = operator.shape[0]
    count = min(count, max(1, n // 2))
    if n > DENSE:
        seen, extreme = quadrature(operator, probes, order), extremes(operator, count)
        values, errors, total = extreme.values, extreme.errors, trace(operator, max(9, 2 * order))
    else:
        seen = whole_spectrum(operator)
        everything = seen.eigenvalues[0]
        values = everything[np.r_[:count, n - count : n]]
        precision = n**0.5 * float(np.finfo(precision_of(operator)).eps) * np.abs(everything).max()
        errors, sum_ = np.full(2 * count, precision), float(everything.sum())
        total = Trace(sum_, 0.0, sum_, sum_)
    flat = values[-1] - values[0] <= max(FLAT * np.abs(values).max(), 2 * errors.max())
    density = None if flat else seen.density()
    largest = np.sort(seen.eigenvalues[0])[-max(20, n // 10) :] if seen.exact else values[count:]
    law = None if flat else fitted_law(seen, largest)
    measured = None if population is None else population_law(seen, *population)
    return Spectrum(n, values, errors, total, density, law, seen.exact, measured)
