r"""The risk of one-pass SGD on power-law random features: a Volterra equation with a deterministic resolvent.

With eigenvalues $l_j = j^{-2\alpha}$ and target $b_j = j^{-\beta}$ the resolvent of the features' covariance is
replaced by m(z), $m = 1 / (1 + \frac1d \sum_j l_j / (l_j m - z))$. With g = rate per sample, B the batch and
$h(z) = 1 - 2 g B z + g^2 B (B+1) z^2$,

$$P(r) = F(r) + \sum_{s<r} K(r-1-s) P(s), \quad
  F(r) = \frac{-1}{2\pi i} \oint \sum_j \frac{l_j b_j^2}{l_j m - z} h^r dz,
  \quad K(r) = \frac{-1}{2\pi i} \oint \sum_j \frac{g^2 B z^2}{l_j m - z} h^r dz .$$

The contour encloses the spectrum and not what is left of it. F and K are sums over its nodes of powers of h, so that
sums over the past are few recursions.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from . import ScalingPhases

ORDER, GROWTH, DENSE = 56, 1.6, 2048
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

    lam, d = problem.values, problem.width
    if len(lam) <= d:
        return 0.0
    log_k = brentq(lambda u: float(np.sum(lam / (lam + math.exp(-u)))) - d, -50, 100, xtol=1e-14)
    return float(np.sum(lam * problem.target / (1 + lam * math.exp(log_k))))


def _risk(problem: Problem, times: tuple[int, ...], order: int) -> np.ndarray:
    """P at the times."""
    last = max(times)
    z, dz = contour(problem, max(last, 10), order)
    m = resolvent(problem, z)
    lam = problem.values[:, None]
    inverse = 1 / (lam * m - z)
    forcing = -(dz / (2j * math.pi)) * ((problem.values * problem.target) @ inverse)
    kernel = -(dz / (2j * math.pi)) * problem.g**2 * problem.batch * z**2 * inverse.sum(axis=0)
    return _volterra(forcing, kernel, problem.step(z), last)[list(times)]


def _volterra(forcing: np.ndarray, kernel: np.ndarray, h: np.ndarray, last: int) -> np.ndarray:
    """P(0 .. last), with F and K the real parts of sums over nodes of these weights times powers of h.

    By blocks of steps: inside a block by the kernel itself, from the past by one state per node.
    """
    size = min(DENSE, last + 1)
    powers = np.exp(np.outer(np.arange(size), np.log(h)))
    F, K = (2 * (powers @ w).real for w in (forcing, kernel))
    inside = _resolve(K)
    P, state, whole = np.empty(last + 1), forcing.copy(), np.exp(size * np.log(h))
    for start in range(0, last + 1, size):
        count = min(size, last + 1 - start)
        drive = 2 * (powers[:count] @ state).real if start else F[:count]
        P[start : start + count] = np.convolve(drive, inside[:count])[:count]
        if start + count <= last:
            state = whole * state + kernel * (powers[::-1].T @ P[start : start + count])
    return P


def _resolve(K: np.ndarray) -> np.ndarray:
    """The series R with R = 1 + z K R, the response of the recursion P(r) = F(r) + sum_{s<r} K(r-1-s) P(s)."""
    R = np.zeros(len(K))
    R[0] = 1.0
    for r in range(1, len(K)):
        R[r] = K[r - 1 :: -1] @ R[:r]
    return R


def contour(problem: Problem, steps: int, order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on the upper half of a circle around the spectrum; the lower half is its mirror image.

    It passes the origin at a distance of a quarter of what the last step resolves, panels grow from there, and the
    other end of the spectrum at a tenth of its length.
    """
    top = edge(problem)
    delta = 0.25 / (problem.g * problem.batch * steps)
    right = 1.1 * top
    centre, radius = (right - delta) / 2, (right + delta) / 2
    ends = [0.0]
    length = 0.5 * delta / radius
    while ends[-1] + length < math.pi:
        ends.append(ends[-1] + length)
        length *= GROWTH
    ends.append(math.pi)
    x, w = np.polynomial.legendre.leggauss(order)
    edges = np.array(ends)
    half = np.diff(edges)[:, None] / 2
    angle = ((edges[1:] + edges[:-1])[:, None] / 2 + half * x).ravel()
    weight = (half * w).ravel()
    z = centre - radius * np.exp(-1j * angle)
    return z, -1j * radius * np.exp(-1j * angle) * weight


def edge(problem: Problem) -> float:
    """The upper end of the spectrum: the least z(u) = u + (u/d) sum l / (u - l) over u = z / m above all l."""
    from scipy.optimize import minimize_scalar

    lam, d = problem.values, problem.width

    def above(log_gap: float) -> float:
        u = lam[0] * (1 + math.exp(log_gap))
        return float(u + u / d * np.sum(lam / (u - lam)))

    return float(minimize_scalar(above, bounds=(-20.0, 10.0), method="bounded").fun)


def resolvent(problem: Problem, z: np.ndarray) -> np.ndarray:
    """m(z) at nodes in order, followed from the first by Newton's method."""
    lam, d = problem.values, problem.width
    m = np.empty(len(z), complex)
    # at the first node, just left of 0, m is real: the root of 1 / m = 1 + (1/d) sum l / (l m - z)
    now = _real(problem, float(z[0].real)) + 0j
    for k, at in enumerate(z):
        for _ in range(60):
            inverse = lam / (lam * now - at)
            f = 1 / now - 1 - inverse.sum() / d
            step = f / (-1 / now**2 + (inverse**2).sum() / d)
            now = now - step
            if abs(step) < 1e-15 * abs(now):
                break
        m[k] = now
    return m


def _real(problem: Problem, z: float) -> float:
    """m at a real z < 0."""
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
