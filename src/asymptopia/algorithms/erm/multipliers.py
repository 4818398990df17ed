"""The method of multipliers for losses with kinks: they are smoothed, and the smoothing is moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .newton import Done, Fields, newton
from .objective import Objective
from .sparse import proximal_newton

if TYPE_CHECKING:
    from jaxtyping import Bool, Float

Tangent = tuple[np.ndarray, np.ndarray]
"""Points touch_i, and a subgradient s_i of loss(y_i, .) at each."""

GROWTH, SHARPEST, ROUNDS, STEPS = 6.0, 1e5, 40, 100
"""Growth of the sharpness from round to round, its limit, the number of rounds and of steps in each."""


class Envelope:
    """The smoothed losses min over t of loss(y_i, t) + sharpness/2 (z_i + s_i/sharpness - t)^2.

    With s the subgradients at the minimiser of the objective, the envelopes have that minimiser too, at any sharpness.
    """

    def __init__(self, problem: Objective, s: Float[np.ndarray, " n"], sharpness: float) -> None:
        self.problem, self.s, self.sharpness = problem, s, sharpness
        self._last: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None

    def touch(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The minimising t, for each field z (n,)."""
        return self._touch(z)[0]

    def _touch(
        self, z: Float[np.ndarray, " n"]
    ) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        """The minimising t, the subgradient there, and whether it differs from the slope, as it does at kinks only."""
        if self._last is None or self._last[0] is not z:
            centre = z + self.s / self.sharpness
            t = self.problem.loss.proximal(self.problem.y, centre, 1 / self.sharpness)
            s, slope = self.sharpness * (centre - t), self.problem.slope(t)
            kink = np.abs(s - slope) > 1e-6 * (np.abs(s) + np.abs(slope))
            self._last = z, t, np.where(kink, s, slope), kink
        return self._last[1:]

    def value(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """The smoothed losses at the fields z (n,)."""
        t = self.touch(z)
        return self.problem.losses(t) + 0.5 * self.sharpness * (z + self.s / self.sharpness - t) ** 2

    def slope(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Their slopes, which are subgradients of the losses at `touch(z)`."""
        return self._touch(z)[1]

    def curvature(self, z: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        """Their curvatures; equal to `sharpness` at kinks of the losses."""
        t, _, kink = self._touch(z)
        c = self.problem.curvature(t)
        return np.where(kink, self.sharpness, c * self.sharpness / (c + self.sharpness))


def minimise(
    problem: Objective, value: Fields, slope: Fields, curvature: Fields, w: Float[np.ndarray, " d"], done: Done
) -> tuple[Float[np.ndarray, " d"], int, bool]:
    """Minimise sum_i value(x_i.w) + penalty(w) from `w` until `done`: w, Newton steps, and whether it is done."""
    if problem.l1 == 0:
        return newton(problem.X, slope, curvature, problem.ridge, 0.0, w, done, STEPS)
    return proximal_newton(problem.X, value, slope, curvature, problem.ridge, problem.l1, w, done, STEPS)


def multipliers(
    problem: Objective, w: Float[np.ndarray, " d"], tolerance: float
) -> tuple[Float[np.ndarray, " d"], Tangent, int]:
    """Minimise an objective whose loss has kinks, until its gap is half of `tolerance` or rounding stops it.

    Rounds of smooth problems: each is solved until what it leaves of the gap is small beside the smoothing's part, then
    the subgradients move to its solution and the sharpness grows. Without penalty each round also holds on to the
    solution of the last one (the proximal method of multipliers).
    """
    z = problem.X @ w
    slopes, losses = problem.slope(z), problem.losses(z)
    sharpness = float((slopes**2).sum() / max(losses.sum(), np.finfo(float).tiny)) or 1.0
    s, hold = np.zeros(len(z)), 0.0
    if problem.unpenalised:
        hold = 0.1 * sharpness * float(np.einsum("ij,ij->", problem.X, problem.X)) / problem.X.shape[1]
    sharpest = SHARPEST * sharpness
    best, best_gap, steps, stale = (w, (z, slopes)), np.inf, 0, 0
    for _ in range(ROUNDS):
        envelope = Envelope(problem, s, sharpness)
        w, taken, settled = _round(problem, envelope, w, hold, tolerance)
        steps += taken
        z = problem.X @ w
        touch, s = envelope.touch(z), envelope.slope(z)
        gap, scale = problem.duality_gap(w, z, touch, s, problem.X.T @ s), problem.scale(problem.value(w, z))
        stale = 0 if gap < 0.99 * best_gap else stale + 1
        if gap < best_gap:
            best, best_gap = (w, (touch, s)), gap
        if min(gap, problem.value(w, z)) <= 0.5 * tolerance * scale:
            return w, (touch, s), steps
        if stale > 8:
            break
        blunt = not settled or (stale > 2 and sharpness > 1e-2 * sharpest)
        sharpness = sharpness / GROWTH if blunt else min(sharpness * GROWTH, sharpest)
        hold /= GROWTH
    return *best, steps


def _round(
    problem: Objective, envelope: Envelope, centre: Float[np.ndarray, " d"], hold: float, tolerance: float
) -> tuple[Float[np.ndarray, " d"], int, bool]:
    """Minimise envelopes + penalty + hold/2 |w - centre|^2 as far as it pays."""

    def done(w: np.ndarray, z: np.ndarray, s: np.ndarray, pull: np.ndarray) -> bool:
        touch = envelope.touch(z)
        value = problem.value(w, z)
        gap, small = problem.gap(w, z, touch, s, pull, value), tolerance * problem.scale(value)
        if gap <= 0.5 * small:
            return True
        excess = problem.excess(z, touch, s)
        rest = gap - excess
        if hold:
            rest = problem.radius(w) * float(np.linalg.norm(pull + hold * (w - centre)))
        return rest <= max(0.1 * excess, 0.01 * small)

    if hold:
        X = problem.X
        return newton(X, envelope.slope, envelope.curvature, hold, hold * centre, centre, done, STEPS)
    return minimise(problem, envelope.value, envelope.slope, envelope.curvature, centre, done)
