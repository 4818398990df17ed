"""Overlap m, norm q and variance V of a student: unconstrained unknowns, their solution, and the test error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..numerics.arrays import ArrayLike
from ..numerics.fixed_points import accelerated, solve_batch
from ..numerics.gaussian import nodes
from ..parts.channel import Channel, Linear, Probit, Sign
from .labels import SPREAD, label_nodes
from .replica import column

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

TOLERANCE, ACCEPT = 1e-11, 1e-8
NOTHING = 1e-60  # stands for the zero of q and V where no coordinate is left
FIRST_RIDGE, LAST_RIDGE, STAGE = 1.0, 1e-7, 10.0

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Unknowns (k, U) of the problems `members` (k,) -> improved ones."""


def pack(
    m: Float[np.ndarray, " K"], q: Float[np.ndarray, " K"], V: Float[np.ndarray, " K"], rho: Float[np.ndarray, " K"]
) -> Float[np.ndarray, "K 3"]:
    """The unconstrained unknowns (K, 3) of admissible m, q, V (K,): asinh(m / sqrt(rho q - m**2)), log q, log V."""
    left = np.sqrt(np.maximum(rho * q - m**2, 1e-300))
    q, V = np.maximum(q, NOTHING), np.maximum(V, NOTHING)
    return np.stack([np.arcsinh(m / left), np.log(q), np.log(V)], axis=1)


def unpack(
    x: Float[np.ndarray, "K 3"], rho: Float[np.ndarray, " K"]
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """m, q, V, each (K,), from the unknowns (K, 3); the inverse of `pack`."""
    x = np.clip(x, -300, 300)
    q, V = np.exp(x[:, 1]), np.exp(x[:, 2])
    return np.tanh(x[:, 0]) * np.sqrt(rho * q), q, V


def solve(
    step_at: Callable[[Float[np.ndarray, " K"]], Step], ridge: Float[np.ndarray, " K"], start: Float[np.ndarray, "K U"]
) -> tuple[Float[np.ndarray, "K U"], Float[np.ndarray, " K"]]:
    """The solutions (K, U) and residuals (K,) of K fixed-point problems, continued from a strong ridge where needed.

    step_at(ridge): the step of the problems at these ridges (K,). start: (K, U). Raises `NotConverged` if a problem is
    not solved.
    """
    solutions, residual = accelerated(step_at(ridge), start, TOLERANCE)
    hard = np.flatnonzero(~np.isfinite(residual))
    if not len(hard):
        return solutions, residual
    x, stage = start[hard], FIRST_RIDGE
    while stage > max(float(ridge[hard].min()), LAST_RIDGE):
        x, _ = solve_batch(_among(step_at(np.maximum(ridge, stage)), hard), x, tolerance=1e-6)
        stage /= STAGE
    solutions[hard], residual[hard] = solve_batch(_among(step_at(ridge), hard), x, tolerance=TOLERANCE, accept=ACCEPT)
    return solutions, residual


def _among(step: Step, chosen: Int[np.ndarray, " k"]) -> Step:
    return lambda x, members: step(x, chosen[members])


def test_error(
    teacher: Channel, m: Float[np.ndarray, " K"], q: Float[np.ndarray, " K"], rho: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """The test error (K,) of a student with overlap m and norm q, on new labels of this channel."""
    if not teacher.binary:
        return _squared_error(teacher, m, q, rho)
    if isinstance(teacher, Sign | Probit):
        return teacher.error(m, q, rho)
    left = np.maximum(rho - m**2 / q, 1e-15 * rho)
    places, width = teacher.breaks()
    spread = np.sqrt(left + np.squeeze(width) ** 2)[:, None] * SPREAD
    ratio = np.where(np.abs(m) > 1e-12 * q, m / q, 1e-12)[:, None]
    breaks = np.concatenate([np.zeros_like(ratio), *((np.ravel(p)[:, None] + spread) / ratio for p in places)], axis=1)
    omega, w = nodes(breaks, np.zeros_like(m), np.sqrt(q))
    p = column(teacher).partition(1.0, (m / q)[:, None] * omega, left[:, None])
    return np.asarray((w * np.where(omega < 0, p, 1 - p)).sum(axis=1))


def _squared_error(
    teacher: Channel, m: Float[np.ndarray, " K"], q: Float[np.ndarray, " K"], rho: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    if isinstance(teacher, Linear):
        return rho - 2 * m + q + np.ravel(teacher.noise)
    if type(teacher).function is Channel.function:
        y, w = (a[:, 0] for a in label_nodes(teacher, np.zeros((len(m), 1)), rho[:, None]))
        slope = np.where(w > 0, teacher.score(y, 0.0, rho[:, None])[0], 0.0)
        return np.asarray((w * (y**2 - 2 * m[:, None] * y * slope)).sum(axis=1) + q)
    places, _ = teacher.breaks()
    scale = np.sqrt(rho)[:, None]
    z, w = nodes(np.asarray(places, float) / scale)
    y = np.asarray(teacher.function(z * scale), float)
    return np.asarray((w * (y**2 - 2 * (m[:, None] / scale) * y * z)).sum(axis=1) + q)


def wide(value: Real[ArrayLike, "..."], count: int) -> Float[np.ndarray, " K"]:
    """A number, or an array (count,), as an array (count,)."""
    return np.broadcast_to(np.asarray(value, float), (count,))
