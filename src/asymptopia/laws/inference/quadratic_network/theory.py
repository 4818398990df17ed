r"""The error of Bayes-optimal denoising of a Wishart matrix, and the noise level that the samples amount to.

The resolvent g(z) of $R = S + \sigma H$ solves
$\sigma^2 g^3 - (z + \sigma^2 \kappa) g^2 + (\kappa z + 1 - \kappa) g - \kappa = 0$, and
$\rho = |\mathrm{Im}\, g| / \pi$.
On real g outside of the spectrum $z = 1/g + \sigma^2 g + \kappa/(\kappa - g)$; its edges are where dz/dg = 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from . import QuadraticNetwork

NODES = 400
SMALLEST = -16.0  # log of the least sigma^2 that counts as more than none


def predict(law: QuadraticNetwork) -> dict[str, Any]:
    """The errors of the Bayes-optimal estimate."""
    mse = error(law.alpha, law.kappa, law.noise)
    return {"mse": mse, "test_error": 2 * mse}


def error(alpha: float, kappa: float, noise: float) -> float:
    """The mse at the root sigma^2 of 2 mse(sigma^2) = 4 alpha sigma^2 - noise; 0 where there is none."""
    from scipy.optimize import brentq

    def excess(log_s2: float) -> float:
        s2 = math.exp(log_s2)
        return 2 * denoising(s2, kappa) / s2 - 4 * alpha + noise / s2

    low = math.log(noise / (4 * alpha)) if noise > 0 else SMALLEST
    high = math.log((noise + 2 / kappa) / (4 * alpha)) + 0.1
    if noise == 0 and excess(low) <= 0:
        return 0.0
    s2 = math.exp(brentq(excess, low, high, xtol=1e-14, rtol=1e-14))
    return (4 * alpha * s2 - noise) / 2


def denoising(s2: float, kappa: float) -> float:
    """The mse of the best estimate of S from S + sigma H."""
    _, rho, weight = density(s2, kappa)
    return s2 - 4 * math.pi**2 / 3 * s2**2 * float(weight @ rho**3)


def density(s2: float, kappa: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, the density of the eigenvalues there, and the weights of integrals over them."""
    points, weights = [], []
    angle = (np.arange(NODES) + 0.5) * math.pi / NODES
    for low, high in edges(s2, kappa):
        half = (high - low) / 2
        points.append((high + low) / 2 + half * np.cos(angle))
        weights.append(half * np.sin(angle) * math.pi / NODES)
    x = np.concatenate(points)
    return x, np.abs(resolvent(x, s2, kappa).imag) / math.pi, np.concatenate(weights)


def edges(s2: float, kappa: float) -> list[tuple[float, float]]:
    """The ends of the intervals of the spectrum, in order."""
    # -1/g^2 + s2 + kappa/(kappa - g)^2 = 0
    square = np.array([1.0, -2 * kappa, kappa**2])
    polynomial = np.polysub(np.polyadd(s2 * np.append(square, [0, 0]), [kappa, 0, 0]), square)
    roots = np.roots(polynomial)
    g = np.sort(roots[np.abs(roots.imag) < 1e-7 * (1 + np.abs(roots))].real)
    z = np.sort(1 / g + s2 * g + kappa / (kappa - g))
    return [(float(z[i]), float(z[i + 1])) for i in range(0, len(z), 2)]


def resolvent(x: np.ndarray, s2: float, kappa: float) -> np.ndarray:
    """The root g of the cubic with negative imaginary part, by Cardano's formula; real where there is none."""
    a, b, c, d = s2, -(x + s2 * kappa), kappa * x + 1 - kappa, -kappa
    p = (3 * a * c - b**2) / (3 * a**2)
    q = (2 * b**3 - 9 * a * b * c + 27 * a**2 * d) / (27 * a**3)
    disc = np.maximum(q**2 / 4 + p**3 / 27, 0.0)
    u = np.cbrt(-q / 2 - np.sign(q) * np.sqrt(disc))
    v = np.where(u == 0, 0.0, -p / (3 * np.where(u == 0, 1.0, u)))
    return -(u + v) / 2 - b / (3 * a) - 1j * math.sqrt(3) / 2 * np.abs(u - v)
