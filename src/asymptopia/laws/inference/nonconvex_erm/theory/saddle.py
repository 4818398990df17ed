"""The replica-symmetric and the one-step broken ground state of empirical risk minimisation with a ridge."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .....numerics.fixed_points import NotConverged, solve_batch
from .averages import Averages, Order, averages

if TYPE_CHECKING:
    from jaxtyping import Float

    from .. import NonconvexERM

RHO = 1.0  # variance of the teacher's field
TOLERANCE, ACCEPT, ROUNDS = 1e-9, 1e-7, 10
LEAST = 1e-10  # the overlap of states, relative to their norm, that stands for none
NARROW = 1e-3  # states whose overlap differs from their norm by less, relative to it, are one
FIRST_MU, LARGEST_MU, STAGE = 0.3, 1e4, 2.0  # in units of the spread of losses among states


@dataclasses.dataclass(frozen=True)
class Ground:
    """A ground state.

    order, at: its order parameters and averages there. energy: of a sample, with the penalty. rise: the slope of the
    energy of a dimension in log mu. eigenvalues: of the overlaps of two states and of one; above 1 is unstable.
    """

    order: Order
    at: Averages
    energy: float
    rise: float
    eigenvalues: tuple[float, float]


@lru_cache(maxsize=64)
def symmetric(law: NonconvexERM) -> Ground:
    """The replica-symmetric ground state, the lower of those with and without an overlap with the teacher."""
    starts = (0.9, 0.0) if law.even() else (0.5,)
    grounds = [_solved(law, 0.0, Order(m=m, q=1.0, q0=0.9, V=1 / (1 + law.alpha), mu=0.0)) for m in starts]
    return min(grounds, key=lambda ground: ground.energy)


@lru_cache(maxsize=64)
def broken(law: NonconvexERM) -> Ground:
    """The ground state after one step: the largest energy along mu, from the symmetric one.

    It is the symmetric one where that is stable, or states are as good as one.
    """
    from scipy.optimize import brentq

    start = symmetric(law)
    if start.eigenvalues[1] <= 1:
        return start
    o, loss = start.order, max(start.at.loss, 1e-12)
    own = o.q - o.m**2 / RHO
    ground = Ground(dataclasses.replace(o, q0=o.q - 0.4 * own), start.at, start.energy, 1.0, start.eigenvalues)
    mu, before = FIRST_MU / loss, ground
    while True:
        ground = _solved(law, mu, dataclasses.replace(before.order, mu=mu))
        if ground.order.q - ground.order.q0 < NARROW * ground.order.q:
            return start
        if ground.rise <= 0:
            break
        before, mu = ground, mu * STAGE
        if mu > LARGEST_MU / loss:
            raise NotConverged(f"The energy of {law!r} after one step still rises at mu = {mu:.3g}.")
    last = {"ground": before}

    def rise(log_mu: float) -> float:
        weight = float(np.exp(log_mu))
        last["ground"] = _solved(law, weight, dataclasses.replace(last["ground"].order, mu=weight))
        return last["ground"].rise

    brentq(rise, np.log(mu / STAGE), np.log(mu), xtol=1e-4)
    return last["ground"]


def _solved(law: NonconvexERM, mu: float, start: Order) -> Ground:
    """The stationary point at this mu, continued from other order parameters."""

    def step(x: np.ndarray, members: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.stack([_pack(_improved(law, _unpack(row, mu))) for row in x])

    x, _ = solve_batch(step, _pack(start)[None], tolerance=TOLERANCE, accept=ACCEPT, rounds=ROUNDS)
    order = _unpack(x[0], mu)
    at = averages(law.loss, law.teacher, order, RHO)
    s = order.V + mu * (order.q - order.q0)
    eigenvalues = law.alpha * s**2 * at.between, law.alpha * order.V**2 * at.within
    return Ground(order, at, *_energy(law, order, at), eigenvalues)


def _pack(at: Order) -> Float[np.ndarray, " U"]:
    """Unconstrained unknowns: (m, q0, q - q0, V), or (m, q, V) where mu = 0."""
    whole = at.q0 if at.mu else at.q
    left = np.sqrt(max(RHO * whole - at.m**2, 1e-300))
    x = [np.arcsinh(at.m / left), np.log(whole), np.log(at.V)]
    return np.array([*x, np.log(at.q - at.q0)] if at.mu else x)


def _unpack(x: Float[np.ndarray, " U"], mu: float) -> Order:
    whole, V = (float(v) for v in np.exp(np.clip(x[1:3], -200, 200)))
    m = float(np.tanh(x[0]) * np.sqrt(RHO * whole))
    if mu:
        return Order(m=m, q=whole + float(np.exp(np.clip(x[3], -200, 200))), q0=whole, V=V, mu=mu)
    return Order(m=m, q=whole, q0=m**2 / RHO + 0.5 * (whole - m**2 / RHO), V=V, mu=mu)


def _improved(law: NonconvexERM, order: Order) -> Order:
    """One step of the stationarity conditions, which the docstring of `NonconvexERM` states."""
    at = averages(law.loss, law.teacher, order, RHO)
    f0, f1 = law.alpha * at.f0, law.alpha * at.f1
    s = 1 / (law.ridge - law.alpha * at.slope + order.mu * f0)
    m = RHO * s * law.alpha * at.signal
    if not order.mu:
        return Order(m=m, q=m**2 / RHO + s**2 * f1, q0=0.0, V=s, mu=0.0)
    V = 1 / (1 / s + order.mu * (f1 - f0))
    gap = max(V * s * (f1 - f0), 0.5 * NARROW * order.q)
    q0 = max(m**2 / RHO + s**2 * f0, LEAST * gap)
    return Order(m=m, q=q0 + gap, q0=q0, V=V, mu=order.mu)


def _energy(law: NonconvexERM, order: Order, at: Averages) -> tuple[float, float]:
    """The energy of a sample, and the slope of that of a dimension in log mu."""
    gap, own = order.q - order.q0, order.q0 - order.m**2 / RHO
    value = law.ridge * order.q / 2 + law.alpha * at.energy
    if not order.mu:
        return float(value - (gap + own) / (2 * order.V)) / law.alpha, 0.0
    mu, s = order.mu, order.V + order.mu * gap
    log = np.log(s / order.V) / (2 * mu)
    rise = log - gap / (2 * s) + mu * gap * own / (2 * s**2) + law.alpha * (at.envelope - at.energy)
    return float(value - log - own / (2 * s)) / law.alpha, float(rise)
