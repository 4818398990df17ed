"""The errors of the coordinates as ordinary differential equations, one for each eigenvalue."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from . import SGD, AdaGradNorm, Adam, ClippedSGD, SignSGD

if TYPE_CHECKING:
    from . import AdaptiveSGD, OnlineOptimiser


class Rates(NamedTuple):
    """D' = -pull D + push for each eigenvalue, and the derivative of the optimiser's own memory."""

    pull: np.ndarray
    push: np.ndarray
    memory: float = 0.0


Motion = Callable[[float, float, float], Rates]  # of the time, of s**2 = P + noise and of the memory


def predict(law: AdaptiveSGD) -> dict[str, Any]:
    """The test error at the times, and the one that is reached at late times."""
    pairs = law.data.paired()
    values, shares = pairs.values, pairs.shares
    teacher = pairs.powers / (shares * values**2)
    motion, memory = _motion(law.optimiser, values, float(shares @ values))
    weight = shares * values
    errors = _integrate(motion, np.append(teacher, memory), weight, law.noise, law.times)
    return {"test_error": errors, "stationary_error": _stationary(law.optimiser, values, shares, law.noise)}


def _integrate(
    motion: Motion, start: np.ndarray, weight: np.ndarray, noise: float, times: tuple[float, ...]
) -> np.ndarray:
    """P at the times, from squared errors (and the memory) `start`; P is the sum of the errors with this weight."""
    from scipy.integrate import solve_ivp

    def slope(t: float, y: np.ndarray) -> np.ndarray:
        rates = motion(t, float(weight @ y[:-1]) + noise, float(y[-1]))
        return np.append(rates.push - rates.pull * y[:-1], rates.memory)

    last = max(times)
    if last == 0:
        return np.full(len(times), weight @ start[:-1])
    method = "DOP853" if len(start) < 20 else "LSODA"
    run = solve_ivp(slope, (0.0, last), start, method, t_eval=times, rtol=1e-10, atol=1e-12)
    if not run.success:
        raise ArithmeticError(f"The errors could not be followed: {run.message}")
    return np.asarray(weight @ run.y[:-1])


def _motion(optimiser: OnlineOptimiser, values: np.ndarray, mean: float) -> tuple[Motion, float]:
    """How errors move, and the memory at the start."""
    rate = getattr(optimiser, "rate", 0.0)
    root, one = np.sqrt(values), np.ones(len(values))
    if isinstance(optimiser, SGD):
        return lambda t, s2, b: Rates(2 * rate * values, rate**2 * s2 * values), 0.0
    if isinstance(optimiser, SignSGD):
        return lambda t, s2, b: Rates(4 / math.pi * rate * root / max(s2, 1e-300) ** 0.5, rate**2 * one), 0.0
    if isinstance(optimiser, ClippedSGD):

        def clipped(t: float, s2: float, b: float) -> Rates:
            passed, square = _clipped(s2, optimiser.clip)
            return Rates(2 * rate * passed * values, rate**2 * square * values)

        return clipped, 0.0
    if isinstance(optimiser, AdaGradNorm):
        return lambda t, s2, b2: Rates(2 * rate / b2**0.5 * values, rate**2 / b2 * s2 * values, mean * s2), (
            optimiser.start**2
        )
    assert isinstance(optimiser, Adam)
    m = optimiser.memory

    def adam(t: float, s2: float, average: float) -> Rates:
        A = s2 if t < 1e-12 * m else average / -math.expm1(-t / m)
        return Rates(2 * rate / max(A, 1e-300) ** 0.5 * root, rate**2 * s2 / max(A, 1e-300) * one, (s2 - average) / m)

    return adam, 0.0


def _clipped(s2: float, clip: float) -> tuple[float, float]:
    """P(|g| < clip) and E clip(g)**2 for g ~ N(0, s2)."""
    u = clip / math.sqrt(2 * max(s2, 1e-300))
    inside = math.erf(u)
    within = inside - 2 * u / math.sqrt(math.pi) * math.exp(-min(u * u, 700.0))
    return inside, s2 * within + clip**2 * math.erfc(u)


def _stationary(optimiser: OnlineOptimiser, values: np.ndarray, shares: np.ndarray, noise: float) -> float:
    """The error at which pull and push balance; infinite where there is none."""
    from scipy.optimize import brentq

    rate, mean, root = getattr(optimiser, "rate", 0.0), float(shares @ values), float(shares @ np.sqrt(values))
    if isinstance(optimiser, AdaGradNorm):
        return 0.0
    if isinstance(optimiser, SGD):
        return rate * mean * noise / (2 - rate * mean) if rate * mean < 2 else math.inf
    if isinstance(optimiser, (SignSGD, Adam)):
        c = rate * root * (math.pi / 4 if isinstance(optimiser, SignSGD) else 0.5)
        return (c**2 + c * math.sqrt(c**2 + 4 * noise)) / 2
    assert isinstance(optimiser, ClippedSGD)
    clip = optimiser.clip

    def excess(P: float) -> float:
        inside, square = _clipped(P + noise, clip)
        return rate * mean * square - 2 * inside * P

    if noise == 0 and rate * mean < 2:
        return 0.0
    high = 1.0
    while excess(high) > 0:
        high *= 2
        if high > 1e15:
            return math.inf
    return float(brentq(excess, 0.0 if noise > 0 else 1e-12, high, xtol=1e-15, rtol=1e-14))
