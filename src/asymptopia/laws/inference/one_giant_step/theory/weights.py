r"""The weights after one giant step: a spike, and rows whose covariance the data of the step have changed.

Given these data a unit's weights are $w + e + s$, with w uniform on the sphere, the spike s common to all units, and
$e = \eta \sqrt d\, X^T (y \rho) / n_0$, where $\rho = \sigma'(h) - \mu_1$ differs from unit to unit. For an odd
activation and labels $\pm 1$ the covariance of $b = w + e$ is $\Omega = 1 + \tau S$ with $S = X^T X / n_0$, and the
spike lies along $g = X^T y / n_0$. With $y = C z^\star + \varepsilon$ all that involves $w^\star$ and g follows from
averages over the law of Marchenko and Pastur,

$$\frac{w^\star f(S) w^\star}{d} = \langle f \rangle, \quad
  \frac{w^\star f(S) g}{\sqrt d} = C \langle s f \rangle, \quad
  g f(S) g = C^2 \langle s^2 f \rangle + \frac{1 - C^2}{\alpha_0} \langle s f \rangle .$$

The lengths of the rows fluctuate, $k = (|b|^2 - E |b|^2)/\sqrt d$: k is one more component of a row, of a variance and
of a covariance with b that follow from moments of $\rho$ and h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .....numerics.gaussian import nodes
from .....parts.channel import Sign

if TYPE_CHECKING:
    from .. import OneGiantStep

COUNT = 2000  # nodes of Marchenko and Pastur's law


@dataclass(frozen=True)
class Spiked:
    """The weights after the step.

    teacher:   C = E[y z*], the slope of the labels.
    g:         |g|^2, g = X^T y / n0.
    alignment: cosine of g with the teacher.
    tau:       of Omega = 1 + tau S.
    theta:     standard deviation of the spike's field.
    link:      the covariance of k and b is link g.
    lengths:   variance of k.
    """

    teacher: float
    g: float
    alignment: float
    tau: float
    theta: float
    link: float
    lengths: float


def spiked(law: OneGiantStep) -> Spiked:
    """The weights after the step, from moments of the activation and its slope."""
    z, w = nodes(np.asarray(law.activation.breaks(), float))
    slope = np.asarray(law.activation.derivative(z), float)
    mu1 = float(w @ slope)
    rho, step, samples = slope - mu1, law.step, law.alpha0
    second, third, fourth = (float(w @ rho**k) for k in (2, 3, 4))
    curved, pulled = float(w @ (rho * z**2)), float(w @ (rho * z) ** 2)
    assert isinstance(law.teacher, Sign)  # see `check`
    C = (1 - 2 * law.teacher.flip) * math.sqrt(2 / math.pi)
    g = C**2 + 1 / samples
    tau = step**2 * second / samples
    lengths = 4 * step**2 * (curved**2 * g + (pulled - curved**2) / samples) + 2 * tau**2
    lengths += step**4 * (fourth - second**2) / samples**3
    link = 2 * step * curved + step**3 * third / samples**2
    return Spiked(C, g, C / math.sqrt(g), tau, step * mu1 * math.sqrt(g), link, lengths)


class Population:
    r"""Averages over the covariance of the rows, extended by k, of their sample covariance K in p units.

    With $1/m = \zeta + c\, \mathrm{tr}\, \Omega (1 + m \Omega)^{-1}/d$, c = d/p, the matrix
    $\zeta (K + \zeta)^{-1}$ is equivalent to $R = (1 + m \Omega)^{-1}$; matrices are in the basis of the spike, the
    rest of the teacher, and k.
    """

    def __init__(self, s: Spiked, samples: float):
        c = 1 / samples
        angle = (np.arange(COUNT) + 0.5) * math.pi / COUNT
        half = 2 * math.sqrt(c)
        self.points = 1 + c + half * np.cos(angle)
        weights = (half * np.sin(angle)) ** 2 / (2 * math.pi * c * self.points) * math.pi / COUNT
        self.points, self.weights = np.append(self.points, 0.0), np.append(weights, max(0.0, 1 - samples))
        self.omega = 1 + s.tau * self.points
        self.spike, self.noise = s, (1 - s.teacher**2) * c
        rest = math.sqrt(1 - s.alignment**2)
        length = math.sqrt(s.g)
        self.basis = np.array([[0, 1 / length, 0], [1 / rest, -s.alignment / (length * rest), 0], [0, 0, 1.0]])

    def mean(self, values: np.ndarray) -> Any:
        """The average over the spectrum of S."""
        return self.weights @ values

    def resolvent(self, m: complex) -> np.ndarray:
        """R, shape (3, 3)."""
        s, r = self.spike, 1 / (1 + m * self.omega)
        plain, first, second = (self.mean(self.points**k * r) for k in (0, 1, 2))
        across = s.teacher * first
        along = s.teacher**2 * second + self.noise * first
        column = np.array([across, along])
        left = 1 + m * s.lengths - (m * s.link) ** 2 * along
        R = np.empty((3, 3), complex)
        R[:2, :2] = np.array([[plain, across], [across, along]]) + (m * s.link) ** 2 * np.outer(column, column) / left
        R[:2, 2] = R[2, :2] = -m * s.link * column / left
        R[2, 2] = 1 / left
        return np.asarray(self.basis @ R @ self.basis.T)

    def companion(self, zeta: float, c: float) -> float:
        """The positive m at zeta."""
        from scipy.optimize import brentq

        def excess(log_m: float) -> float:
            m = math.exp(log_m)
            return m * (zeta + c * self.mean(self.omega / (1 + m * self.omega))) - 1

        low = -math.log(zeta + c * self.mean(self.omega)) - 1e-9
        return math.exp(brentq(excess, low, -math.log(zeta) + 1e-9, xtol=1e-14, rtol=1e-14))

    def slope(self, m: float, c: float) -> float:
        """dm/dzeta."""
        return -1 / (1 / m**2 - c * self.mean((self.omega / (1 + m * self.omega)) ** 2))
