r"""The spectrum of a sample covariance matrix (Marchenko-Pastur, for any population), and its outliers.

n samples in p dimensions of covariance $\Sigma$ with the spectral distribution H, and $p / n \to \gamma$. The Stieltjes
transform m(z) of the n x n Gram matrix of the samples over n solves, in the upper half plane,

$$z = F(m) = -\frac1m + \gamma \int \frac{\tau \, dH(\tau)}{1 + \tau m},$$

and the covariance matrix has the density $\mathrm{Im}\, m / \pi \gamma$ and the mass $1 - 1/\gamma$ at zero if
$\gamma > 1$. Real m with $F' > 0$ are the outside of the spectrum: its edges are where F' vanishes, and one direction
of population variance $\tau$ has an eigenvalue $F(-1/\tau)$ of its own if $F'(-1/\tau) > 0$ (Silverstein and Choi, J.
Multivariate Anal. 54 (1995) 295; Baik, Ben Arous and Peche, Ann. Probab. 33 (2005) 1643; Benaych-Georges and
Nadakuditi, Adv. Math. 227 (2011) 494).

Here H is that of $a + b s$, with s an eigenvalue of a Wishart matrix of ratio c (one if c is 0): plain data, or random
features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike
from .gaussian import legendre

if TYPE_CHECKING:
    from jaxtyping import Float, Num

NODES = 48


@dataclass(frozen=True)
class SampleCovariance:
    """The limiting spectrum of a sample covariance matrix.

    gamma: dimensions per sample. floor, slope, inner: a, b and c of the population's eigenvalues a + b s.
    """

    gamma: float
    floor: float = 0.0
    slope: float = 1.0
    inner: float = 0.0

    def _transformed(self, m: Num[ArrayLike, "..."]) -> tuple[Num[Any, "..."], Num[Any, "..."]]:
        """h(m) = E 1 / (1 + tau m), and its derivative."""
        a, b, c = self.floor, self.slope, self.inner
        if c == 0 or b == 0:
            tau = a + b
            return 1 / (1 + tau * m), -tau / (1 + tau * m) ** 2
        x = -(1 + m * a) / (b * m)
        root = np.sqrt(x - (1 - math.sqrt(c)) ** 2) * np.sqrt(x - (1 + math.sqrt(c)) ** 2)
        q = x + c - 1
        alike = (q * np.conj(root)).real > 0  # the root of c x g^2 + q g + 1 that does not cancel
        g = np.where(alike, -2 / np.where(alike, q + root, 1), (root - q) / (2 * c * x))
        slope = -(c * g**2 + g) / root
        return g / (b * m), slope / (b * m) / (b * m**2) - g / (b * m**2)

    def inverse(self, m: Num[ArrayLike, "..."]) -> tuple[Num[Any, "..."], Num[Any, "..."]]:
        """F(m) and F'(m), elementwise."""
        m = np.asarray(m, complex)
        h, slope = self._transformed(m)
        value = (-1 + self.gamma * (1 - h)) / m
        return value, (1 - self.gamma * (1 - h)) / m**2 - self.gamma * slope / m

    def density(self, x: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape"]:
        """The density of eigenvalues at each x > 0, without the mass at zero."""
        x = np.asarray(x, float)
        size = self.edges()[1]
        depth = 30.0 * size
        m = -1 / (x + 1j * depth)
        while depth > 1e-13 * size:
            depth *= 0.6
            for _ in range(6):
                value, slope = self.inverse(m)
                step = (value - x - 1j * depth) / slope
                step *= np.minimum(1, 0.5 * np.abs(m.imag) / np.maximum(np.abs(step), 1e-300))
                m = m - step
        return np.maximum(m.imag, 0) / (math.pi * self.gamma)

    def edges(self) -> tuple[float, float]:
        """The lower and upper end of the bulk, without the mass at zero."""
        ratio, least = self.gamma, self.floor
        if self.inner <= 1 or not self.floor:
            least += self.slope * (1 - math.sqrt(self.inner)) ** 2
            ratio /= max(1.0, self.inner)  # of the population's eigenvalues only these are not zero
        upper = float(self.inverse(self._upper_point())[0].real)
        if ratio > 1:
            lower = self._turning(lambda t: math.exp(-t) / self._largest())
        elif least > 0 and ratio < 1:
            lower = self._turning(lambda t: -(1 + math.exp(-t)) / least)
        else:
            lower = 0.0
        return lower, upper

    def _largest(self) -> float:
        return self.floor + self.slope * (1 + math.sqrt(self.inner)) ** 2

    def _upper_point(self) -> float:
        return self._turning_point(lambda t: -1 / (self._largest() * (1 + math.exp(-t))))

    def _turning_point(self, along: Callable[[float], float]) -> float:
        """m(t) where F' vanishes along it; it does once."""
        from scipy.optimize import brentq

        return along(brentq(lambda t: float(self.inverse(along(t))[1].real * along(t) ** 2), -30, 30, xtol=1e-13))

    def _turning(self, along: Callable[[float], float]) -> float:
        return float(self.inverse(self._turning_point(along))[0].real)

    def shares(self, ends: Float[np.ndarray, " B"]) -> Float[np.ndarray, " B-1"]:
        """The share of eigenvalues in each bin between successive ends, including those at zero."""
        low, high = self.edges()
        inside = np.clip(np.asarray(ends, float), low, high)
        angles = np.arccos(1 - 2 * (inside - low) / (high - low))
        nodes, weights = legendre(NODES)
        width = np.diff(angles)[:, None]
        theta = angles[:-1, None] + width * nodes
        x = low + (high - low) * (1 - np.cos(theta)) / 2
        masses = (width * weights * self.density(x) * (high - low) / 2 * np.sin(theta)).sum(axis=1)
        zero = (ends[:-1] <= 0) & (ends[1:] > 0)
        return np.asarray(masses + zero * self._mass_at_zero())

    def _mass_at_zero(self) -> float:
        empty = 1 - 1 / self.inner if self.inner > 1 and not self.floor else 0.0
        return max(empty, 1 - 1 / self.gamma)

    def outlier(self, variance: float) -> float | None:
        """The eigenvalue outside the bulk due to one direction of this population variance; None if there is none."""
        value, slope = self.inverse(-1 / variance)
        return float(value.real) if slope.real > 0 and abs(value.imag) < 1e-12 * abs(value) else None

    def added_outlier(self, strength: float) -> float | None:
        """The eigenvalue outside the bulk due to a matrix of rank one added to the data; None if there is none.

        strength: its squared singular value per sample. Its singular vectors have no preferred direction in the data,
        so that the eigenvalue x solves strength x m_n m_p = 1, where m_n and m_p are the mean resolvents at x of the
        Gram and of the covariance matrix (Benaych-Georges and Nadakuditi, J. Multivariate Anal. 111 (2012) 120).
        """
        from scipy.optimize import brentq

        def excess(t: float) -> float:
            m = edge / (1 + t)
            x = float(self.inverse(m)[0].real)
            return strength * m * (m * x + 1 - self.gamma) / self.gamma - 1

        edge = self._upper_point()
        if strength <= 0 or excess(0.0) <= 0:
            return None
        t = brentq(excess, 0.0, 1e8 * (1 + strength * abs(edge)), xtol=1e-14, rtol=1e-14)
        return float(self.inverse(edge / (1 + t))[0].real)
