"""The flow of the density: two numbers for normal distributions, the map from the start else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from . import SteinParticles

NODES, FARTHEST = (160, 240), 8.5


def predict(law: SteinParticles) -> dict[str, np.ndarray]:
    """Mean and variance at the times, and what more nodes change."""
    from . import Bilinear

    solve = _normal if isinstance(law.kernel, Bilinear) else _mapped
    coarse, fine = (solve(law, *_quadrature(nodes)) for nodes in NODES)
    found: dict[str, np.ndarray] = {}
    for name, rough, value in zip(("mean", "variance"), coarse, fine, strict=True):
        found |= {name: value, f"{name}_error": np.abs(value - rough)}
    return found


def _quadrature(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for the standard normal distribution: the trapezoidal rule, exponentially accurate."""
    z = np.linspace(-FARTHEST, FARTHEST, nodes + 1)
    weights = np.exp(-(z**2) / 2)
    return z, weights / weights.sum()


def _normal(law: SteinParticles, z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of the normal distribution that the kernel 1 + x y keeps."""

    def flow(_: float, state: np.ndarray) -> np.ndarray:
        mean, deviation = state
        x = mean + deviation * z
        force = weights * law.target.slope(x)
        growth = 1 - force @ x
        return np.array([mean * growth - force.sum(), deviation * growth])

    path = _follow(flow, np.array([law.start.mean, np.sqrt(law.start.variance)]), law.times)
    return path[:, 0], path[:, 1] ** 2


def _mapped(law: SteinParticles, z: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same from the map x(z) of a standard normal variable to the density."""

    def flow(_: float, x: np.ndarray) -> np.ndarray:
        to, of = np.meshgrid(x, x, indexing="ij")
        return law.kernel.derivative(to, of) @ weights - law.kernel(to, of) @ (weights * law.target.slope(x))

    x = _follow(flow, law.start.mean + np.sqrt(law.start.variance) * z, law.times)
    mean = x @ weights
    return mean, (x - mean[:, None]) ** 2 @ weights


def _follow(flow: Callable[[float, np.ndarray], np.ndarray], start: np.ndarray, times: tuple[float, ...]) -> np.ndarray:
    from scipy.integrate import solve_ivp

    run = solve_ivp(flow, (0.0, times[-1] or 1.0), start, "LSODA", t_eval=times, rtol=1e-10, atol=1e-12)
    if not run.success or not np.isfinite(run.y).all():
        raise ArithmeticError(f"The flow of SteinParticles could not be followed: {run.message}")
    return np.asarray(run.y.T)
