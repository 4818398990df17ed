"""All that is shown of the spectrum of one symmetric operator."""

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
    from scipy.sparse.linalg import LinearOperator

FLAT = 1e-12


@dataclass(frozen=True)
class Spectrum:
    """The spectrum of a symmetric operator of size n.

    values, errors: (2 count,) the least and the largest eigenvalues, and what each is known to.
    trace:          its value, standard error and 95 % interval.
    density:        smoothed, or None where all eigenvalues are alike.
    law:            Marchenko and Pastur's law as fitted, with its p-value, or None where there is none to fit.
    exact:          whether all eigenvalues were computed.
    population:     the law of the population that was asked about, with its p-value, or None.
    """

    size: int
    values: np.ndarray
    errors: np.ndarray
    trace: Trace
    density: Density | None
    law: CovarianceLaw | None
    exact: bool
    population: PopulationLaw | None = None

    @property
    def of_population(self) -> bool:
        """Whether the law of the population describes the spectrum: it is not refuted at the level 0.005."""
        return self.population is not None and self.population.p_value > LEVEL

    @property
    def described(self) -> bool:
        """Whether the law of Marchenko and Pastur describes the spectrum: it is not refuted at the level 0.005."""
        law, count = self.law, len(self.values) // 2
        return law is not None and law.p_value > LEVEL and (self.exact or len(law.outliers) < count)


def spectrum_of(
    operator: LinearOperator, count: int = 3, probes: int = 10, order: int = 80,
    population: tuple[np.ndarray, int] | None = None,
) -> Spectrum:  # fmt: skip
    """The spectrum: all eigenvalues up to 2,000 dimensions, else through random vectors, `order` products each.

    count: how many eigenvalues at each end; probes: how many random vectors.
    population: eigenvalues of a population covariance and a number of samples, as `population_law` takes them.
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
