"""What a verdict is made of: the question, the sample, what a statistic says of it, and the judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
POWER = 1.2816  # normal quantile: a discrepancy called detectable is seen nine times in ten


@dataclass(frozen=True)
class Judgement:
    """The verdict on one observable.

    table:   over (*sweep, *dims of the observable): limit, limit_error, estimate (at infinite size), error, z,
             critical (the |z| that refutes at the family-wise level), scale, detectable (the discrepancy that would
             have been seen nine times in ten), failed (realisations that gave no number).
    by_size: over (*sweep, *dims, size): value, error, and the fitted finite-size correction as `fit`.
    """

    observable: str
    verdict: str
    reason: str
    advice: str
    table: xr.Dataset
    by_size: xr.Dataset

    @property
    def largest_z(self) -> float:
        """The largest |z| over all components; nan if none could be computed."""
        z = np.abs(self.table["z"].values)
        return float(np.nanmax(z)) if np.isfinite(z).any() else math.nan


@dataclass(frozen=True)
class Question:
    """What is asked of K components: their limits and errors (K,), and how closely.

    share:  the level of each component's two-sided test.
    wanted: the discrepancy that should be detectable, in units of the observable.
    scale:  the size of the observable to which discrepancies are compared.
    bias:   the finite-size correction falls as n**-bias.
    """

    target: np.ndarray
    spread: np.ndarray
    share: float
    wanted: float
    scale: float
    bias: float


@dataclass(frozen=True)
class Sample:
    """Realisations (K, S, seeds) of K components at S sizes; their mean, standard error and number, each (K, S)."""

    sizes: np.ndarray
    values: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    count: np.ndarray

    @property
    def failed(self) -> np.ndarray:
        """How many realisations of each component gave no number."""
        return (~np.isfinite(self.values)).sum(axis=(1, 2))


@dataclass(frozen=True)
class Outcome:
    """What a statistic says of each component (K,), and by size (K, S): value, error and fitted curve."""

    estimate: np.ndarray
    error: np.ndarray
    z: np.ndarray
    critical: np.ndarray
    detectable: np.ndarray
    refuted: np.ndarray
    settled: np.ndarray
    value: np.ndarray
    value_error: np.ndarray
    fit: np.ndarray
    remark: str = ""
