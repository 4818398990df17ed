"""The Ising ferromagnet with the same number of neighbours at every site: exact on the square lattice, and mean fields.

Energies and magnetisations are per site, of H = -sum over edges of s s'. Each approximation gives the solution of
largest magnetisation. `degree` is the number of neighbours, t = tanh(beta).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from . import IsingMeanField


CRITICAL_SQUARE = math.log1p(math.sqrt(2)) / 2


def onsager(beta: float) -> dict[str, float]:
    """Energy and heat capacity (Onsager, 1944) and magnetisation (Yang, 1952) of the square lattice."""
    from scipy.special import ellipe, ellipkm1

    x = 2 * beta
    tanh, sech = math.tanh(x), 2 * math.exp(-x) / (1 + math.exp(-2 * x))
    modulus = 2 * tanh * sech
    complement = 2 * tanh**2 - 1  # zero at the transition, where the heat capacity diverges
    K, E = float(ellipkm1(complement**2)), float(ellipe(modulus**2))
    heat = (beta / tanh) ** 2 * 4 / math.pi * (K - E - (1 - tanh**2) * (math.pi / 2 + complement * K))
    inverse = 2 * math.exp(-x) / -math.expm1(-2 * x)  # 1 / sinh(2 beta)
    return {
        "energy": -(1 + 2 / math.pi * complement * K) / tanh,
        "magnetisation": (1 - inverse**4) ** 0.125 if inverse < 1 else 0.0,
        "heat_capacity": heat,
    }


def bethe(degree: int, beta: float) -> dict[str, float]:
    """Energy, magnetisation and heat capacity from the field h on a site with one neighbour taken away.

    h = (degree - 1) u, u = atanh(t tanh(h)), and the spins of neighbours have the correlation
    (t + tanh(h)**2) / (1 + t tanh(h)**2).
    """

    def message(h: float) -> float:
        return (_log_cosh(beta + h) - _log_cosh(beta - h)) / 2

    branches, t = degree - 1, math.tanh(beta)
    h = _largest(lambda h: branches * message(h) - h, branches * beta) if branches * t > 1 else 0.0
    forward, backward = math.tanh(beta + h), math.tanh(beta - h)
    h_beta = branches * (forward - backward) / (2 - branches * (forward + backward)) if h else 0.0
    tau = math.tanh(h)
    below = 1 + t * tau**2
    slope = ((1 - tau**4) * (1 - t**2) + 2 * tau * (1 - t**2) * (1 - tau**2) * h_beta) / below**2
    return {
        "energy": -degree / 2 * (t + tau**2) / below,
        "magnetisation": math.tanh(degree * message(h)),
        "heat_capacity": beta**2 * degree / 2 * slope,
    }


def naive(degree: int, beta: float) -> dict[str, float]:
    """Independent spins: m = tanh(beta degree m), energy -degree m**2 / 2."""
    m = _largest(lambda m: math.tanh(beta * degree * m) - m, 1.0)
    return {"energy": -degree / 2 * m**2, "magnetisation": m}


def tap(degree: int, beta: float) -> dict[str, float]:
    """Thouless, Anderson and Palmer (1977): with the reaction of the neighbours to a spin, to second order in beta.

    m = tanh(beta degree m - beta**2 degree (1 - m**2) m), energy -(degree/2) (m**2 + beta (1 - m**2)**2).
    """
    m = _largest(lambda m: math.tanh(beta * degree * m * (1 - beta * (1 - m**2))) - m, 1.0)
    return {"energy": -degree / 2 * (m**2 + beta * (1 - m**2) ** 2), "magnetisation": m}


def transitions(degree: int) -> dict[str, float]:
    """Inverse temperatures at which a magnetisation appears continuously, where one does."""
    couplings = {"naive": 1 / degree}
    if degree > 2:
        couplings["bethe"] = math.atanh(1 / (degree - 1))
    if degree >= 4:  # where beta degree (1 - beta) = 1
        couplings["tap"] = (1 - math.sqrt(1 - 4 / degree)) / 2
    return couplings


def _largest(excess: Callable[[float], float], highest: float) -> float:
    """The largest zero of a function that is negative above it, up to `highest`; 0 if there is none above 0."""
    from scipy.optimize import brentq

    grid = np.append(np.geomspace(1e-9, 1e-2, 57), np.linspace(0.01, 1, 400)[1:]) * highest
    above = np.flatnonzero([excess(float(x)) > 0 for x in grid])
    if not len(above):
        return 0.0
    if above[-1] == len(grid) - 1:
        return highest
    return float(brentq(excess, grid[above[-1]], grid[above[-1] + 1], xtol=1e-300, rtol=1e-15))


def _log_cosh(x: float) -> float:
    return abs(x) + math.log1p(math.exp(-2 * abs(x))) - math.log(2)


def predict(law: IsingMeanField) -> dict[str, Any]:
    """The observables in the limit."""
    z, beta = int(law.graph.degree), float(law.beta)
    approximate = {"bethe": bethe(z, beta), "tap": tap(z, beta), "naive": naive(z, beta)}
    best = onsager(beta) if law._square() else approximate["bethe"]
    beside = {f"{k}_{name}": v[name] for k, v in approximate.items() for name in ("energy", "magnetisation")}
    return best | beside
