r"""Diffusions on the line in finite volumes: $\partial_t \rho = \partial_x (V' \rho + T \partial_x \rho)$.

On points with spacing h a particle jumps from $x_i$ to $x_{i \pm 1}$ at the rate
$\frac{T}{h^2} B((V_{i \pm 1} - V_i)/T)$, $B(z) = z/(e^z - 1)$ (Scharfetter and Gummel, IEEE Trans. Electron Devices 16
(1969) 64). Mass is preserved, no density turns negative and $e^{-V_i/T}$ is stationary, at any h and over any time,
since the exponential of the generator is applied without steps in time. Errors are in even powers of h.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

NODES = 28


def rates(v: np.ndarray, h: float, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates of the jumps to the right from all points but the last, and to the left from all but the first."""
    z = np.diff(v) / temperature
    return temperature / h**2 * _bernoulli(z), temperature / h**2 * _bernoulli(-z)


def evolve(right: np.ndarray, left: np.ndarray, mass: np.ndarray, time: float, backward: bool = False) -> np.ndarray:
    r"""The masses after a time: the exponential of the generator, as an integral over Talbot's contour.

    With `backward`, the mean of a function of the position after a time, for each position at which a particle starts.
    Several masses or functions are columns.

    Weideman, SIAM J. Numer. Anal. 44 (2006) 2342: with the midpoint rule the error falls as $3.9^{-N}$.
    """
    from scipy.linalg import solve_banded

    if time == 0:
        return mass
    out = np.append(right, 0.0) + np.insert(left, 0, 0.0)
    bands = np.zeros((3, len(mass)), complex)
    bands[0, 1:], bands[2, :-1] = (-time * right, -time * left) if backward else (-time * left, -time * right)
    found = np.zeros(mass.shape)
    for z, weight in zip(*_contour(NODES), strict=True):
        bands[1] = z + time * out
        found += 2 * (weight * solve_banded((1, 1), bands, mass.astype(complex))).real
    return found


def spectral_gap(v: np.ndarray, h: float, temperature: float) -> float:
    """The slowest rate of relaxation, by inverse iteration; to full relative precision however small it is.

    The solution of `-Q u = f` has the flux `sum of pi f` to the left of a point, summed from the nearer end so that
    nothing cancels. Raises `ArithmeticError` behind barriers of some 700 temperatures, where it is no number.
    """
    pi = np.exp(-(v - v.min()) / temperature)
    pi /= pi.sum()
    conductance = pi[:-1] * rates(v, h, temperature)[0]
    if not conductance.min() > 0:
        raise ArithmeticError(
            "The barriers of the potential are too high, in temperatures, for a spectral gap above 0."
        )
    middle = int(np.searchsorted(np.cumsum(pi), 0.5))
    u = np.arange(len(v)) * h
    before = np.inf
    for _ in range(2000):
        u = u - pi @ u
        u /= np.sqrt(pi @ u**2)
        gained = pi * u
        flux = np.append(np.cumsum(gained)[:middle], -np.cumsum(gained[::-1])[::-1][middle + 1 :])
        solved = np.insert(np.cumsum(-flux / conductance), 0, 0.0)
        gap = float(1 / (pi @ (u * solved)))
        if abs(gap - before) <= 1e-13 * gap:
            return gap
        u, before = solved, gap
    raise ArithmeticError("The inverse iteration for the spectral gap did not converge.")


def hats(x: np.ndarray, mean: float, deviation: float) -> np.ndarray:
    """A normal law on equidistant points: each sample is shared by its two neighbours, so that the mean is kept."""
    from scipy.special import ndtr

    h = x[1] - x[0]
    away = np.concatenate([[x[0] - h], x, [x[-1] + h]]) - mean
    shortfall = np.maximum(away, 0.0)
    if deviation > 0:
        z = np.abs(away) / deviation
        shortfall += deviation * (np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi) - z * ndtr(-z))
    return np.diff(shortfall, 2) / h  # second differences of E max(x - X, 0)


def points_around(centre: float, low: float, high: float, cells: int, finer: int) -> np.ndarray:
    """Points at a distance of (high - low) / cells / finer that cover [low, high]; `centre` is one of them.

    They cover the same interval, and contain the coarser ones, for every `finer`.
    """
    coarse = (high - low) / cells
    before, after = (int(np.ceil(length / coarse)) + 1 for length in (centre - low, high - centre))
    return centre + coarse / finer * np.arange(-before * finer, after * finer + 1)


def cell_densities(x: np.ndarray, mass: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The mean density between neighbouring edges of masses on equidistant points."""
    from scipy.interpolate import CubicSpline

    h = x[1] - x[0]
    faces = np.append(x - h / 2, x[-1] + h / 2)
    below = CubicSpline(faces, np.append(0.0, np.cumsum(mass)))
    return np.diff(below(np.clip(edges, faces[0], faces[-1]))) / np.diff(edges)


def normal_densities(mean: float, deviation: float, edges: np.ndarray) -> np.ndarray:
    """The mean density between neighbouring edges of a normal law, or of a single point."""
    from scipy.special import ndtr

    away = edges - mean
    below = ndtr(away / deviation) if deviation > 0 else (away > 0).astype(float)
    return np.diff(below) / np.diff(edges)


def romberg(values: Any) -> tuple[np.ndarray, np.ndarray]:
    """The limit of values at spacings h, h/2, h/4, ... with errors in even powers, and its error."""
    row = [np.asarray(v, float) for v in values]
    for k in range(1, len(row)):
        before = row[-1]
        row = [fine + (fine - coarse) / (4**k - 1) for coarse, fine in pairwise(row)]
    return row[-1], np.abs(row[-1] - before)


def _bernoulli(z: np.ndarray) -> np.ndarray:
    small = np.abs(z) < 1e-8
    safe = np.where(small, 1.0, np.minimum(z, 700.0))
    return np.where(small, 1 - z / 2, np.where(z > 700, 0.0, safe / np.expm1(safe)))


def _contour(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Points in the upper half plane and their weights in the integral of exp(z) f(z) / (2 pi i)."""
    angle = np.pi * (np.arange(count // 2) * 2 + 1) / count
    cot = 1 / np.tan(0.6407 * angle)
    z = count * (0.5017 * angle * cot - 0.6122 + 0.2645j * angle)
    slope = count * (0.5017 * (cot - 0.6407 * angle * (1 + cot**2)) + 0.2645j)
    return z, np.exp(z) * slope / (1j * count)
