"""The fixed point of state evolution for vector message passing with a penalty in place of a prior."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.fixed_points import solve_batch
from ....parts.singular_values import Shrinkage
from ....theory.scalar import observation_averages

if TYPE_CHECKING:
    from . import RotationInvariantDesign

TOLERANCE, ACCEPT = 1e-11, 1e-8
LEAST = 1e-300
LEAST_NOISE = 1e-20  # of a coordinate, relative to its second moment: there is none where all eigenvalues are one
UNRESOLVED = 1e-12  # of averages over a coordinate


@dataclasses.dataclass(frozen=True)
class Coordinate:
    """Averages over a coordinate's estimate, and the message beyond what it was told: precision and variance."""

    overlap: float
    norm: float
    mse: float
    active: float
    gamma: float
    sigma: float


def predict(law: RotationInvariantDesign) -> dict[str, Any]:
    """The observables in the limit."""
    if law.l1 == 0:
        values, residual = ridge_regression(law), 0.0
    else:
        values, residual = penalised(law)
    errors = {f"{k}_error": (residual + UNRESOLVED) * max(abs(v), 1e-3) for k, v in values.items()}
    return values | errors


def ridge_regression(law: RotationInvariantDesign) -> dict[str, float]:
    """The observables without l1, from the eigenvalues alone."""
    rho, r = float(law.prior.second_moment), law.ridge
    seen = law.singular_values.shrinkage(law.alpha, r)
    m = rho * seen.information / r
    q = (rho * (seen.spread + seen.information**2) + law.noise * seen.noise) / r**2
    mse = rho * seen.left_squared + law.noise * seen.noise / r**2
    return {"overlap": m, "norm": q, "mse": mse, "active": 1.0, "train_loss": _train_loss(law, seen, rho)}


def penalised(law: RotationInvariantDesign) -> tuple[dict[str, float], float]:
    """The observables by state evolution, and its residual at the fixed point."""
    rho = float(law.prior.second_moment)
    start = np.log([law.alpha / (1 + rho), (law.noise + rho) / law.alpha])

    def step(x: np.ndarray, members: np.ndarray) -> np.ndarray:
        return np.array([_step(law, *np.exp(np.clip(row, -300, 300))) for row in x])

    solution, residual = solve_batch(step, start[None], tolerance=TOLERANCE, accept=ACCEPT)
    at = coordinate(law, *np.exp(solution[0]))
    seen = law.singular_values.shrinkage(law.alpha, at.gamma)
    values = {
        "overlap": at.overlap,
        "norm": at.norm,
        "mse": at.mse,
        "active": at.active,
        "train_loss": _train_loss(law, seen, at.sigma),
    }
    return values, float(residual[0])


def coordinate(law: RotationInvariantDesign, A: float, tau: float) -> Coordinate:
    """The averages over a coordinate seen in noise of variance tau, at precision A."""
    scale, shrunk = A * np.sqrt(tau), A / (A + law.ridge)
    breaks = np.array([[-1.0, 1.0]]) * law.l1 / scale

    def estimate(x: np.ndarray) -> np.ndarray:
        return np.sign(x) * np.maximum(np.abs(scale * x) - law.l1, 0) / (A + law.ridge)

    def moments(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, log_p: np.ndarray, owner: np.ndarray) -> Any:
        w = estimate(x)
        return np.stack([w * mean, w**2, (w - mean) ** 2 + variance, np.abs(scale * x) > law.l1])

    m, q, mse, active = map(float, observation_averages(law.prior, 1 / tau, moments, breaks)[:, 0])
    c = max(shrunk * active, LEAST)
    kept = max((1 - active) + active * law.ridge / (A + law.ridge), LEAST)  # 1 - c

    def beyond(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, log_p: np.ndarray, owner: np.ndarray) -> Any:
        return np.stack([(estimate(x) - c * np.sqrt(tau) * x - kept * mean) ** 2 + kept**2 * variance])

    sigma = float(observation_averages(law.prior, 1 / tau, beyond, breaks)[0, 0]) / kept**2
    return Coordinate(m, q, mse, active, A * kept / c, sigma)


def _step(law: RotationInvariantDesign, A: float, tau: float) -> np.ndarray:
    """The logarithms of the next A and tau."""
    at = coordinate(law, A, tau)
    seen = law.singular_values.shrinkage(law.alpha, at.gamma)
    information = max(seen.information, LEAST)
    new = (law.noise * seen.noise + at.sigma * seen.spread) / information**2
    least = LEAST_NOISE * float(law.prior.second_moment)
    return np.log([max(information / max(seen.left, LEAST), LEAST), max(new, least)])


def _train_loss(law: RotationInvariantDesign, seen: Shrinkage, sigma: float) -> float:
    """Half of the mean squared residual, where the estimate without data would be off by a variance sigma."""
    return (law.noise * (seen.left_squared + law.alpha - 1) + sigma * seen.noise) / (2 * law.alpha)
