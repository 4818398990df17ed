"""Averages over the student's field with an intercept, for an empirical distribution of label and teacher's fields."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from ..parts.loss import Loss
from .population import Population

if TYPE_CHECKING:
    from jaxtyping import Float

_NODES, _FINE = 9, 25
_PAIRS = 400
_GRID = 401


@dataclasses.dataclass(frozen=True)
class Moments:
    """Means over the population of f = -d loss / dz at the proximal point of omega + intercept.

    f2: E[f**2]. slope: E[df / d omega]. teacher: E[f nu], shape (K,). drift: E[f].
    """

    f2: float
    slope: float
    teacher: Float[np.ndarray, " K"]
    drift: float


@dataclasses.dataclass(frozen=True)
class Readout:
    """A loss and a distribution of label and fields nu; the cavity field is omega = a.nu + width xi, xi ~ N(0, 1).

    The proximal map is tabulated as omega(z) = z + V loss'(z), which needs no solver and treats kinks exactly.
    """

    population: Population
    loss: Loss

    def moments(self, direction: Float[np.ndarray, " K"], width: float, V: float, intercept: float) -> Moments:
        """The averages for the coefficients a = direction (K,), the width, V > 0 and the intercept."""
        p = self.population
        xi, weights = _RULE
        f = self._at_nodes(direction, width, V, intercept)[0]
        over_xi = f @ weights
        return Moments(
            float(p.weights @ (f**2 @ weights)),
            float(p.weights @ (f @ (weights * xi))) / width,
            (p.weights * over_xi) @ p.fields,
            float(p.weights @ over_xi),
        )

    def train_loss(self, direction: Float[np.ndarray, " K"], width: float, V: float, intercept: float) -> float:
        """The mean loss of a training sample."""
        f, omega = self._at_nodes(direction, width, V, intercept)
        values = self.loss(self.population.y[:, None], omega + V * f)
        return float(self.population.weights @ (np.asarray(values) @ _RULE[1]))

    def squared_errors(
        self, direction: Float[np.ndarray, " K"], width: float, V: float, intercept: float
    ) -> tuple[float, float]:
        """The mean squared errors of new and of training samples."""
        p = self.population
        f, omega = self._at_nodes(direction, width, V, intercept)
        new = p.weights @ (p.y - p.fields @ direction - intercept) ** 2 + width**2
        return float(new), float(p.weights @ ((p.y[:, None] - omega - V * f) ** 2 @ _RULE[1]))

    def interval(self, direction: Float[np.ndarray, " K"], width: float, intercept: float, share: float) -> float:
        """The half width of the interval about a prediction that holds this share of new targets."""
        from scipy.optimize import brentq
        from scipy.special import ndtr

        p = self.population
        off = p.y - p.fields @ direction - intercept
        wide = max(width, 1e-12 * float(np.abs(p.y).max()))

        def excess(half: float) -> float:
            return float(p.weights @ (ndtr((half - off) / wide) - ndtr((-half - off) / wide))) - share

        return float(brentq(excess, 0.0, float(np.abs(off).max()) + 10 * wide, rtol=1e-10))

    def wrong_signs(self, direction: Float[np.ndarray, " K"], width: float, V: float, intercept: float) -> float:
        """The fraction of training samples whose field has the wrong sign."""
        from scipy.special import ndtr

        p = self.population
        at_zero = V * np.asarray(self.loss.gradient(p.y, np.zeros_like(p.y)))
        return float(p.weights @ ndtr(-p.y * (p.fields @ direction + intercept - at_zero) / width))

    def new_fields(
        self, m: Float[np.ndarray, " K"], q: float, kappa: float, intercept: float, least: float
    ) -> tuple[Float[np.ndarray, " N"], float]:
        """The mean fields (N,) of the samples as new ones, for a student with these overlaps, and the standard
        deviation from one training set to another.

        A mean field is a multiple of the leave-one-out prediction that has the right overlap with the label; the
        variance is what is missing from q. Of data that are not Gaussian too little may be missing, so it is at least
        `least`: what n samples add beyond all N, the part of q that differs between training sets times 1 - n/N.
        """
        rows = self.population.rows
        outside = rows.outside(kappa)
        field = outside * m[0] / np.mean(rows.y * outside)
        variance = max(q - float(np.mean(field**2)), least, 1e-8 * q)
        return field + intercept, float(np.sqrt(variance))

    def new_wrong_signs(self, field: Float[np.ndarray, " N"], width: float) -> float:
        """The fraction of new samples whose field, of these means (N,) and this deviation, has the wrong sign."""
        from scipy.special import ndtr

        return float(np.mean(ndtr(-self.population.rows.y * field / width)))

    def area(self, field: Float[np.ndarray, " N"], width: float) -> float:
        """The area under the curve of true against false positives: P(z > z') for new samples of labels 1 and -1."""
        from scipy.special import ndtr

        y = self.population.rows.y
        up, down = (_quantiles(field[y == label]) for label in (1.0, -1.0))
        return float(np.mean(ndtr((up[:, None] - down) / (np.sqrt(2) * width))))

    def new_scores(self, field: Float[np.ndarray, " N"], width: float, scale: float) -> dict[str, float]:
        """`log_loss`, `brier` and `overconfidence` on new samples, of log-odds that are so many times the field."""
        from scipy.special import expit

        y = self.population.rows.y[:, None]
        xi, weights = _FINE_RULE
        odds = scale * (field[:, None] + width * xi)
        p = expit(odds)
        values = {
            "log_loss": np.logaddexp(0, -y * odds),
            "brier": (p - (y > 0)) ** 2,
            "overconfidence": np.maximum(p, 1 - p),
        }
        means = {name: float((value @ weights).mean()) for name, value in values.items()}
        means["overconfidence"] -= 1 - self.new_wrong_signs(field, width)
        return means

    def _at_nodes(
        self, direction: Float[np.ndarray, " K"], width: float, V: float, intercept: float
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """f and omega + intercept at every point of the population and node of xi."""
        y = self.population.y
        omega = (self.population.fields @ direction + intercept)[:, None] + width * _RULE[0]
        if self.loss.location:
            return self._tabulated(0.0, omega - y[:, None], V), omega
        if self.loss.margin:
            return y[:, None] * self._tabulated(1.0, omega * y[:, None], V), omega
        f = np.empty_like(omega)
        for label in np.unique(y):
            f[y == label] = self._tabulated(float(label), omega[y == label], V)
        return f, omega

    def _tabulated(self, label: float, omega: Float[np.ndarray, "..."], V: float) -> Float[np.ndarray, "..."]:
        """f at one label, for every omega."""
        if omega.size <= _GRID:
            return (self.loss.proximal(np.full_like(omega, label), omega, V) - omega) / V
        ends = np.array([omega.min(), omega.max()])
        low, high = self.loss.proximal(np.full(2, label), ends, np.full(2, V))
        kinks = np.ravel(self.loss.kinks(np.array([label])))
        kinks = kinks[(kinks > low) & (kinks < high)]
        beside = 1e-9 * max(high - low, 1e-300)
        z = np.sort(np.concatenate([np.linspace(low, high, _GRID), kinks - beside, kinks + beside]))
        gradient = np.asarray(self.loss.gradient(np.full_like(z, label), z))
        return -np.interp(omega, z + V * gradient, gradient)


def _quantiles(values: Float[np.ndarray, " N"]) -> Float[np.ndarray, " M"]:
    """Values (N,), or that many of their quantiles that stand for them."""
    if len(values) <= _PAIRS:
        return values
    return np.quantile(values, (np.arange(_PAIRS) + 0.5) / _PAIRS)


def _hermite(count: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    return nodes, weights / weights.sum()


_RULE, _FINE_RULE = _hermite(_NODES), _hermite(_FINE)
