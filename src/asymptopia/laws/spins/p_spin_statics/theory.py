"""One step of replica symmetry breaking for Ising spins with interactions of p.

All averages are over a Gaussian field of variance v, weighted by cosh(field)**x: with x the breakpoint and
v = beta**2 p q**(p - 1) / 2, `overlap` is q = <tanh**2>, and the stationarity in x reads `complexity` = 0.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.gaussian import legendre

if TYPE_CHECKING:
    from . import PSpinStatics


def averages(v: float, x: float) -> dict[str, float]:
    """log of the norm, and means of log 2 cosh, tanh**2 and 1 / cosh**4, over a field of variance v and weight x.

    Panels of Gauss-Legendre, finest within a few units of field from zero, where the integrand turns.
    """
    deviation = math.sqrt(v)
    top = x * deviation + 10.0
    ends = np.unique(np.concatenate([2.0 ** np.arange(-2, 7) / deviation, np.arange(0, top, 0.5), [0.0, top]]))
    nodes, weights = legendre(20)
    a, b = ends[ends <= top][:-1, None], ends[ends <= top][1:, None]
    z, w = (a + (b - a) * nodes).ravel(), ((b - a) * weights).ravel()
    h = deviation * z
    log_cosh = h + np.log1p(np.exp(-2 * h))  # log 2 cosh
    log_weight = x * log_cosh - z**2 / 2
    shift = log_weight.max()
    mass = w * np.exp(log_weight - shift)
    total = mass.sum()
    mass /= total
    return {
        "log_norm": shift + math.log(total * math.sqrt(2 / math.pi)),
        "log_cosh": float(mass @ log_cosh),
        "overlap": float(mass @ np.tanh(h) ** 2),
        "stiffness": float(mass @ np.cosh(np.minimum(h, 350)) ** -4.0),
    }


def complexity(p: int, v: float, x: float) -> float:
    """The derivative of -beta f along x at the overlap that v and x imply."""
    mean = averages(v, x)
    return -(p - 1) * v * mean["overlap"] / (2 * p) - mean["log_norm"] / x**2 + mean["log_cosh"] / x


def temperature_at(p: int, v: float, x: float) -> float:
    """The temperature with v = beta**2 p q**(p - 1) / 2."""
    return math.sqrt(p * averages(v, x)["overlap"] ** (p - 1) / (2 * v))


def field_variance(p: int, x: float) -> float:
    """The v at which the state of breakpoint x is stationary in x; the largest of several."""
    from scipy.optimize import brentq

    # along v the derivative rises from 0 to its maximum, near which metastable states begin, and then falls
    scale = 1 / x**2
    grid = scale * np.geomspace(1e-2, 1e3, 120)
    values = np.array([complexity(p, float(v), x) for v in grid])
    falls = np.flatnonzero(np.sign(values[:-1]) != np.sign(values[1:]))
    return float(brentq(lambda v: complexity(p, v, x), grid[falls[-1]], grid[falls[-1] + 1], rtol=1e-14))


@cache
def ising_thresholds(p: int) -> dict[str, float]:
    """The static and the dynamic transition temperature: no complexity left at x = 1, and the first states."""
    from scipy.optimize import minimize_scalar

    grid = np.geomspace(1e-2, 1e2, 200)
    start = int(np.argmax([temperature_at(p, float(v), 1.0) for v in grid]))
    ends = (math.log(grid[max(start - 1, 0)]), math.log(grid[start + 1]))
    best = minimize_scalar(
        lambda v: -temperature_at(p, math.exp(v), 1.0), bounds=ends, method="bounded", options={"xatol": 1e-10}
    )
    return {"static": temperature_at(p, field_variance(p, 1.0), 1.0), "dynamic": -float(best.fun)}


@cache
def ising_one_step(p: int, temperature: float) -> tuple[float, float, float]:
    """Overlap within a state, breakpoint, and field variance; 0, 1 and 0 above the static transition."""
    from scipy.optimize import brentq

    if temperature >= ising_thresholds(p)["static"]:
        return 0.0, 1.0, 0.0
    # the breakpoint falls with the temperature, at least as fast as in proportion to it, up to its value at zero
    x = float(
        brentq(lambda x: temperature_at(p, field_variance(p, x), x) - temperature, temperature / 2, 1.0, rtol=1e-13)
    )
    v = field_variance(p, x)
    return averages(v, x)["overlap"], x, v


def ising_free_energy(p: int, temperature: float) -> float:
    """f, of the state of `ising_one_step`."""
    q, x, v = ising_one_step(p, temperature)
    beta = 1 / temperature
    if q == 0:
        return -beta / 4 - temperature * math.log(2)
    power = 1 + (p - 1) * (1 - x) * q**p - p * q ** (p - 1)
    return -beta * power / 4 - temperature * averages(v, x)["log_norm"] / x


def ising_stability(p: int, temperature: float) -> float:
    """Positive where one step is stable against more: 1 - beta**2 p (p - 1) q**(p - 2) <1 / cosh**4> / 2 (Gardner)."""
    q, x, v = ising_one_step(p, temperature)
    return 1.0 if q == 0 else 1 - v * (p - 1) / q * averages(v, x)["stiffness"]


def ising_ground_energy(p: int) -> float:
    """At T = 0, where x = y T: minus the least y / 4 + log(2 Phi(y sqrt(p / 2))) / y."""
    from scipy.optimize import minimize_scalar
    from scipy.special import log_ndtr

    def free(y: float) -> float:
        return y / 4 + (math.log(2) + float(log_ndtr(y * math.sqrt(p / 2)))) / y

    return -float(minimize_scalar(free, bounds=(0.1, 4.0), method="bounded", options={"xatol": 1e-11}).fun)


def predict(law: PSpinStatics) -> dict[str, Any]:
    """The observables in the limit."""
    p, T = int(law.p), float(law.temperature)
    if law.spins == "ising":
        return _ising(p, T)
    q, x = one_step(p, T)
    if T == 0:
        z = universal(p)
        ground = -math.sqrt(2 * z / p) * (p + (1 - z) / z) / 2
        return dict(energy=ground, squared_overlap=1.0, overlap=1.0, breakpoint=0.0, free_energy=ground)
    power = 1 - (1 - x) * q**p
    entropic = ((x - 1) * math.log1p(-q) + math.log1p(-(1 - x) * q)) / (2 * x)
    return {
        "energy": -power / (2 * T),
        "squared_overlap": (1 - x) * q**2,
        "overlap": q,
        "breakpoint": x,
        "free_energy": -power / (4 * T) - T * entropic,
    }


def _ising(p: int, temperature: float) -> dict[str, float]:
    """The observables of Ising spins."""
    if temperature == 0:
        ground = ising_ground_energy(p)
        return dict(energy=ground, squared_overlap=1.0, overlap=1.0, breakpoint=0.0, free_energy=ground)
    q, x, _ = ising_one_step(p, temperature)
    return {
        "energy": -(1 - (1 - x) * q**p) / (2 * temperature),
        "squared_overlap": (1 - x) * q**2,
        "overlap": q,
        "breakpoint": x,
        "free_energy": ising_free_energy(p, temperature),
    }


def universal(p: int) -> float:
    """Crisanti and Sommers' z: the root in (0, 1) of (1 - z)**2 / (p z) + log z + 1 - z, which 1 is a root of too."""
    from scipy.optimize import brentq

    # divided by (1 - z)**2 the root at 1 is gone: 1/p - 1/2 there, and infinite at 0
    return float(brentq(lambda z: 1 / (p * z) + (math.log(z) + 1 - z) / (1 - z) ** 2, 1e-300, 1 - 1e-3, xtol=1e-16))


def one_step(p: int, temperature: float) -> tuple[float, float]:
    """Overlap within a state and breakpoint; 0 and 1 above the static transition, 1 and 0 at zero temperature."""
    from scipy.optimize import brentq

    if temperature >= thresholds_of(p)["static"]:
        return 0.0, 1.0
    z = universal(p)
    side = math.sqrt(2 * z / p) * temperature
    # in 1 - q, so that small temperatures lose no digits; the left side grows up to 1 - q = 2 / p
    rest = brentq(lambda r: r * (1 - r) ** ((p - 2) / 2) - side, 0.0, min(2 / p, z * (1 + 1e-12)), xtol=1e-300)
    q = 1 - float(rest)
    return q, float(rest) * (1 - z) / (z * q)


def thresholds_of(p: int) -> dict[str, float]:
    """The static and the dynamic transition temperature."""
    z = universal(p)
    dynamic = math.sqrt(p * (p - 2) ** (p - 2) / (2 * (p - 1) ** (p - 1)))
    return {"static": math.sqrt(p / 2 * z * (1 - z) ** (p - 2)), "dynamic": dynamic}
