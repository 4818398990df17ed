r"""The risk of one-pass SGD on power-law random features: a Volterra equation with a deterministic resolvent.

With eigenvalues $l_j = j^{-2\alpha}$ and target $b_j = j^{-\beta}$ the resolvent of the features' covariance is
replaced by m(z), $m = 1 / (1 + \frac1d \sum_j l_j / (l_j m - z))$. With g = rate per sample, B the batch and
$h(z) = 1 - 2 g B z + g^2 B (B+1) z^2$,

$$P(r) = F(r) + \sum_{s<r} K(r-1-s) P(s), \quad
  F(r) = \frac{-1}{2\pi i} \oint \sum_j \frac{l_j b_j^2}{l_j m - z} h^r dz,
  \quad K(r) = \frac{-1}{2\pi i} \oint \sum_j \frac{g^2 B z^2}{l_j m - z} h^r dz .$$

The contour encloses the spectrum and not what is left of it. The sums of $F(r) x^{-r-1}$ and $K(r) x^{-r-1}$ over r,
$\tilde F$ and $\tilde K$, are then residues at the two z with h(z) = x, and

$$P(r) = \frac1{2\pi i} \oint \frac{x^r \tilde F}{1 - \tilde K} dx .$$
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....contract.law import NoLimit

if TYPE_CHECKING:
    from . import ScalingPhases

ORDER, GROWTH, NEAR = 32, 1.6, 1e-13
PHASES = ("Ia", "Ib", "Ic", "II", "III", "IVa", "IVb")


class Problem(NamedTuple):
    """Eigenvalues, squared target per eigenvalue, width d, rate per sample g, and batch B."""

    values: np.ndarray
    target: np.ndarray
    width: int
    g: float
    batch: int

    @classmethod
    def of(cls, law: ScalingPhases) -> Problem:
        j = np.arange(1, round(law.ratio * law.width) + 1.0)
        values = j ** (-2 * law.alpha)
        return cls(values, j ** (-2 * law.beta), law.width, law.rate / values.sum() / law.batch, law.batch)

    def step(self, z: np.ndarray) -> np.ndarray:
        """h(z), by which a step shrinks the second moment of a mode."""
        return 1 - 2 * self.g * self.batch * z + self.g**2 * self.batch * (self.batch + 1) * z**2


def predict(law: ScalingPhases) -> dict[str, Any]:
    """The risk at the times, its floor, and the exponents of the phase."""
    problem = Problem.of(law)
    if problem.step(np.array(edge(problem))) >= 1:
        raise NoLimit(
            f"`rate` is too large: at {law.rate:g} errors grow along the strongest direction of the {law.width} "
            f"features, whose variance is up to {edge(problem) / problem.values[0]:.4g} times the data's largest."
        )
    if (noise := generating(problem, np.array([-NEAR + 0j]))[1][0].real) >= 1:
        raise NoLimit(
            f"`rate` is too large: at {law.rate:g} the noise of the steps comes back {noise:.4g}-fold through the "
            f"{law.width} features, and errors grow."
        )
    fine, coarse = (_risk(problem, law.times, order) for order in (ORDER, 3 * ORDER // 4))
    name, loss, width = phase(law.alpha, law.beta)
    return {
        "test_error": fine,
        "test_error_error": np.abs(fine - coarse) + fine / law.width,
        "floor": floor(problem),
        "loss_exponent": loss,
        "width_exponent": width,
        "phase": PHASES.index(name) + 1,
    }


def floor(problem: Problem) -> float:
    """The risk of the best weights, sum l b^2 / (1 + l k) with sum l k / (1 + l k) = d."""
    from scipy.optimize import brentq

    some, d = problem.values > 1e-290, problem.width
    lam, target = problem.values[some], problem.target[some]
    if len(lam) <= d:
        return 0.0
    far = 50 - math.log(lam.min())
    log_k = brentq(lambda u: float(np.sum(lam / (lam + math.exp(-u)))) - d, -50, far, xtol=1e-14)
    return float(np.sum(lam * target / (1 + lam * math.exp(log_k))))


def _risk(problem: Problem, times: tuple[int, ...], order: int) -> np.ndarray:
    """P at the times, from nodes as many as the digits of the last of them."""
    y, dx = contour(problem, max(*times, 10), order)
    F, K = generating(problem, y)
    weight = dx * F / (1 - K) / math.pi
    # NumPy's log1p of complex numbers loses small ones
    log_x = np.log1p(y.real**2 + y.imag**2 - 2 * y.real) / 2 + 1j * np.arctan2(-y.imag, 1 - y.real)
    return np.array([(np.exp(r * log_x) @ weight).imag for r in times])


def generating(problem: Problem, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sums over r of F(r) x^-r-1 and of K(r) x^-r-1 at x = 1 - y, nodes in order on a path from the right of 1.

    The contour around the spectrum is deformed to the two z with h(z) = x. There sum l m / (l m - z) = d (1 - m).
    """
    g, B = problem.g, problem.batch
    near = y / (g * B + np.sqrt(g**2 * B**2 - g**2 * B * (B + 1) * y))
    F, K = np.zeros_like(y), np.zeros_like(y)
    for z, first in ((near, _left(problem, near[0].real)), (2 / (g * (B + 1)) - near, 1.0)):
        m = resolvent(problem, z, first)
        residue = 1 / (2 * g * B * (1 - g * (B + 1) * z))
        F += residue * ((problem.values * problem.target) @ (1 / (problem.values[:, None] * m - z)))
        K += residue * g**2 * B * z * problem.width * (1 - m)
    return F, K


def contour(problem: Problem, steps: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes y = 1 - x and weights dx on the upper half of a kite around all h(z); the lower half is its mirror image.

    It passes x = 1 at a distance that the last step resolves, and leaves it at half a right angle, so that powers of x
    decay along it before they turn; panels grow from there. The other end lies a tenth beyond the least h.
    """
    z = np.array([0.0, edge(problem), min(edge(problem), 1 / (problem.g * (problem.batch + 1)))])
    delta, low = 0.5 / steps, 1.1 * (1 - problem.step(z).min())
    ends = [0.0, 0.5 * delta]
    while ends[-1] < (low + delta) / 2:
        ends.append(GROWTH * ends[-1])
    outward = np.array(ends) * (low + delta) / 2 / ends[-1]
    corner = (low - delta) / 2 - 0.5j * (low + delta)
    back = corner + np.linspace(0, 1, 9) * (low - corner)
    edges = np.concatenate([-delta + outward * (1 - 1j), back[1:]])
    x, w = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges)[:, None] / 2
    return ((edges[1:] + edges[:-1])[:, None] / 2 + half * x).ravel(), -(half * w).ravel()


def edge(problem: Problem) -> float:
    """The upper end of the spectrum: the least z(u) = u + (u/d) sum l / (u - l) over u = z / m above all l."""
    from scipy.optimize import minimize_scalar

    lam, d = problem.values, problem.width

    def above(log_gap: float) -> float:
        u = lam[0] * (1 + math.exp(log_gap))
        return float(u + u / d * np.sum(lam / (u - lam)))

    return float(minimize_scalar(above, bounds=(-20.0, 10.0), method="bounded").fun)


def resolvent(problem: Problem, z: np.ndarray, first: float) -> np.ndarray:
    """m(z) at nodes in order, followed from about its first value by Newton's method."""
    lam, d = problem.values, problem.width
    m, now = np.empty(len(z), complex), first + 0j
    for k, at in enumerate(z):
        for _ in range(60):
            inverse = lam / (lam * now - at)
            f = 1 / now - 1 - inverse.sum() / d
            step = f / (-1 / now**2 + (inverse**2).sum() / d)
            now = now - step
            if abs(step) < 1e-14 * abs(now):
                break
        m[k] = now
    return m


def _left(problem: Problem, z: float) -> float:
    """m at a real z < 0: the root of 1 / m = 1 + (1/d) sum l / (l m - z)."""
    from scipy.optimize import brentq

    lam, d = problem.values, problem.width

    def excess(log_m: float) -> float:
        m = math.exp(log_m)
        return 1 - m - float(np.sum(lam * m / (lam * m - z))) / d

    return math.exp(brentq(excess, -80.0, 0.0, xtol=1e-15))


def phase(alpha: float, beta: float) -> tuple[str, float, float]:
    """The phase, and the exponents of loss and of the best width in compute."""
    a, b = alpha, beta
    if 2 * b <= 1:
        if 2 * a > 1:
            return "Ia", (2 * a + 2 * b - 1) / (2 * a + 1), 1 / (2 * a + 1)
        return "Ib", (2 * a + 2 * b - 1) / 2, 0.5
    if 2 * a > 1:
        if b < a:
            return "II", (2 * a + 2 * b - 1) / (2 * (a + b)), b / (a + b)
        return "III", (4 * a - 1) / (4 * a), 0.5
    if a <= 0.25:
        D = a * (3 - 2 * b) + 2 * b - 1
        return "Ic", a * (2 * a + 2 * b - 1) / D, (2 * a + 2 * b - 1) / (2 * D)
    if a > 1 - 0.5**0.5:
        return "IVa", a, 0.5
    D = 2 * b - a - 2 * a * b
    return "IVb", (1 - 2 * a) * (2 * a + 2 * b - 1) / (2 * D), (b - a) / D
