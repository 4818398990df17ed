"""Kramers' equation: in closed form for quadratic potentials, numerically for others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .....parts.potential import Quadratic
from .. import BAOAB, Exact
from .kinetic import COARSE, FINE, Kinetic
from .phase_space import moments

if TYPE_CHECKING:
    from .. import Underdamped


def predict(law: Underdamped) -> dict[str, Any]:
    """The observables of the law."""
    law.check()
    return _quadratic(law) if isinstance(law.potential, Quadratic) else _numerical(law)


def optimal_friction(law: Underdamped) -> float:
    """The friction of largest spectral gap."""
    from scipy.optimize import minimize_scalar

    if isinstance(law.potential, Quadratic):
        return 2 * math.sqrt(law.potential.stiffness)
    kinetic = Kinetic.of(law.potential, law.temperature, *COARSE)
    grid = np.geomspace(0.1, 20.0, 12)
    gaps = [kinetic.gap(g) for g in grid]
    k = int(np.argmax(gaps))
    if k in (0, len(grid) - 1):
        raise ArithmeticError("The spectral gap has no maximum for frictions between 0.1 and 20.")
    finer = Kinetic.of(law.potential, law.temperature, *FINE)
    ends = (math.log(grid[k - 1]), math.log(grid[k + 1]))
    maximum = minimize_scalar(lambda u: -finer.gap(math.exp(u)), bounds=ends, method="bounded", options={"xatol": 3e-6})
    return math.exp(maximum.x)


def _quadratic(law: Underdamped) -> dict[str, Any]:
    k, g, T = law.potential.stiffness, law.friction, law.temperature  # type: ignore[attr-defined]
    tau = T if law.start_velocity_variance is None else law.start_velocity_variance
    mean, S = np.array([law.start.mean, 0.0]), np.diag([law.start.variance, tau])
    if isinstance(law.integrator, Exact):
        late, moves = np.diag([T / k, T]), [_propagator(k, g, t) for t in law.times]
    else:
        step, noise = _chain(law, k)
        late = np.linalg.solve(np.eye(4) - np.kron(step, step), noise.ravel()).reshape(2, 2)
        h = law.integrator.step  # type: ignore[attr-defined]
        moves = [np.linalg.matrix_power(step, round(t / h)) for t in law.times]
    means = np.array([E @ mean for E in moves])
    spread = np.array([late + E @ (S - late) @ E.T for E in moves])
    return {
        "mean": means[:, 0],
        "variance": spread[:, 0, 0],
        "velocity_variance": spread[:, 1, 1],
        "covariance": spread[:, 0, 1],
        "spectral_gap": g / 2 - math.sqrt(max(g**2 / 4 - k, 0.0)),
        "stationary_variance": late[0, 0],
        "stationary_velocity_variance": late[1, 1],
    }


def _propagator(k: float, g: float, t: float) -> np.ndarray:
    from scipy.linalg import expm

    return np.asarray(expm(t * np.array([[0.0, 1.0], [-k, -g]])))


def _chain(law: Underdamped, k: float) -> tuple[np.ndarray, np.ndarray]:
    """One step of the integrator on (x, v): its matrix and the covariance of its noise."""
    h = law.integrator.step  # type: ignore[attr-defined]
    kick, drift = np.array([[1.0, 0.0], [-h * k / 2, 1.0]]), np.array([[1.0, h / 2], [0.0, 1.0]])
    baoab = isinstance(law.integrator, BAOAB)
    kept = math.exp(-law.friction * (h if baoab else h / 2))
    rub, shake = np.diag([1.0, kept]), np.diag([0.0, law.temperature * (1 - kept**2)])
    stages = [kick, drift, None, drift, kick] if baoab else [None, kick, drift @ drift, kick, None]
    matrix, noise = np.eye(2), np.zeros((2, 2))
    for stage in stages:
        move = rub if stage is None else stage
        matrix, noise = move @ matrix, move @ noise @ move.T + (shake if stage is None else 0.0)
    return matrix, noise


def _numerical(law: Underdamped) -> dict[str, Any]:
    T = law.temperature
    tau = T if law.start_velocity_variance is None else law.start_velocity_variance
    solution, error = moments(law.potential, law.friction, T, law.start, tau, law.times)
    x, xx, v, vv, xv = solution.T
    gaps = [Kinetic.of(law.potential, T, *level).gap(law.friction) for level in (COARSE, FINE)]
    grid = Kinetic.of(law.potential, T, *FINE)
    late = np.exp(-2 * grid.half) / np.exp(-2 * grid.half).sum()
    return {
        "mean": x,
        "mean_error": error[:, 0],
        "variance": xx - x**2,
        "variance_error": error[:, 1] + 2 * np.abs(x) * error[:, 0],
        "velocity_variance": vv - v**2,
        "velocity_variance_error": error[:, 3] + 2 * np.abs(v) * error[:, 2],
        "covariance": xv - x * v,
        "covariance_error": error[:, 4] + np.abs(x) * error[:, 2] + np.abs(v) * error[:, 0],
        "spectral_gap": gaps[1],
        "spectral_gap_error": abs(gaps[1] - gaps[0]),
        "stationary_variance": late @ grid.x**2 - (late @ grid.x) ** 2,
        "stationary_velocity_variance": T,
    }
