"""The ingredients of a verdict: the question, the evidence of a statistical test, and the judgement."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

AGREES, DISAGREES, INCONCLUSIVE = "agrees", "disagrees", "inconclusive"
ESTIMATED = "estimated"  # nothing is claimed: a number with its errors
POWER = 1.2816  # normal quantile: a discrepancy called detectable is seen nine times in ten
NOT_ONE = 3.0  # an event that none of N realisations showed has a probability below 3/N, at confidence 0.95
COARSEST = 0.1  # no agreement is coarser than this share of the scale


@dataclass(frozen=True)
class Judgement:
    """The verdict on one observable.

    table:   over (*sweep, *dims of the observable): limit, limit_error (of the theory), estimate (at infinite size),
             error (of the seeds), extrapolation (the error from the form of the correction), z (the distance of
             the limit from the nearest admissible extrapolation, in standard errors), critical (the |z| that refutes at
             the family-wise level), scale, detectable (the discrepancy that would have been seen nine times in ten),
             refuted and settled (1 or 0), failed (realisations that gave no number), needed (how many times as many
             seeds would decide; infinite if no number does), larger (likewise for larger sizes: which of the two is
             lacking more is the larger number).
    by_size: over (*sweep, *dims, size): value, error, and the fitted finite-size correction as `fit`.
    wanted:  the discrepancy that an agreement must be able to see, in units of the observable.
    """

    observable: str
    verdict: str
    reason: str
    advice: str
    table: xr.Dataset
    by_size: xr.Dataset
    wanted: float = math.nan

    @property
    def largest_z(self) -> float:
        """The largest |z| over all components; nan if none could be computed."""
        z = np.abs(self.table["z"].values)
        return float(np.nanmax(z)) if np.isfinite(z).any() else math.nan

    @property
    def precision(self) -> float:
        """The largest discrepancy that could have been missed, as a share of the scale; nan if it is not known."""
        shares = (self.table["detectable"] / self.table["scale"]).values
        return float(shares.max()) if np.isfinite(shares).all() else math.nan

    @property
    def headline(self) -> str:
        """The verdict, with the precision of an agreement: "agrees to 1.2 %"."""
        return f"agrees to {100 * self.precision:.2g} %" if self.verdict == AGREES else self.verdict

    @property
    def verdicts(self) -> np.ndarray:
        """The verdict on each component, in the shape of the table."""
        refuted, settled = (self.table[k].values > 0 for k in ("refuted", "settled"))
        whole = np.isfinite(self.table["limit"].values) & (self.table["failed"].values == 0)
        return np.where(refuted, DISAGREES, np.where(settled & whole, AGREES, INCONCLUSIVE))


@dataclass(frozen=True)
class Question:
    """The limits of K components with the errors of theory, each (K,), and how closely they are tested.

    share:  the level of each component's two-sided test.
    wanted: the discrepancy that should be detectable, in units of the observable.
    scale:  the size of the observable to which discrepancies are compared.
    bias:   the finite-size correction falls as n**-bias; infinite if there is none.
    floor:  the discrepancy that round-off and solvers may cause; smaller ones say nothing.
    claim:  what the target is called.
    """

    target: np.ndarray
    spread: np.ndarray
    share: float
    wanted: float
    scale: float
    bias: float
    floor: float = 0.0
    claim: str = "limit"


@dataclass(frozen=True)
class Evidence:
    """What a test finds about each component (K,); and by size (K, S) the value, its error and the fitted curve.

    What must come below the resolution for the verdict to be settled is hypot(noise, theory) + events + unresolved +
    fixed, all in units of the resolution:

    noise:  critical errors of the seeds, which fall as the square root of their number.
    theory: critical errors of the theory.
    events: what events may do which no realisation met; it falls as one over the seeds.
    unresolved: what the form of the finite-size correction leaves open; larger sizes mend it.
    fixed:  what neither seeds nor sizes mend.
    """

    estimate: np.ndarray
    error: np.ndarray
    extrapolation: np.ndarray
    z: np.ndarray
    critical: np.ndarray
    detectable: np.ndarray
    refuted: np.ndarray
    settled: np.ndarray
    value: np.ndarray
    value_error: np.ndarray
    fit: np.ndarray
    noise: np.ndarray
    theory: np.ndarray
    events: np.ndarray
    unresolved: np.ndarray
    fixed: np.ndarray
    remark: str = ""
