"""The replica-symmetric solution of the Sherrington-Kirkpatrick model, and its stability."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..numerics.gaussian import nodes

if TYPE_CHECKING:
    from jaxtyping import Float

TURNS = np.array([-40.0, -18.0, -8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0, 18.0, 40.0])


def mean_over_fields(
    function: Callable[[Float[np.ndarray, " N"]], Float[np.ndarray, " N"]], beta: float, h: float, q: float
) -> float:
    """E function(beta (h + q**(1/2) z)) over standard normal z, for functions that vary near 0 on a scale of 1."""
    if q == 0:
        return float(function(np.array([beta * h]))[0])
    z, weight = nodes((TURNS / beta - h) / math.sqrt(q))
    return float(function(beta * (h + math.sqrt(q) * z)) @ weight)


def moment(beta: float, h: float, q: float) -> float:
    """E tanh(beta (h + q**(1/2) z))**2."""
    return mean_over_fields(lambda x: np.tanh(x) ** 2, beta, h, q)


def log_two_cosh(x: Float[np.ndarray, " *shape"]) -> Float[np.ndarray, " *shape"]:
    """log(2 cosh x), without overflow."""
    return np.asarray(np.abs(x) + np.log1p(np.exp(-2 * np.abs(x))))


def sech(x: Float[np.ndarray, " *shape"], power: int) -> Float[np.ndarray, " *shape"]:
    """1 / cosh(x)**power, without overflow."""
    return np.asarray(np.exp(-power * (log_two_cosh(x) - math.log(2))))


def overlap(beta: float, h: float) -> float:
    """The largest q = E tanh(beta (h + q**(1/2) z))**2; in a field the only one (Guerra, Latala)."""
    from scipy.optimize import brentq

    h = abs(h)
    if h == 0 and beta <= 1:
        return 0.0
    # the ratio of both sides falls with q, so that log q has one root; the right side is at least that of q = 0
    least = math.tanh(beta * h) ** 2 / 4 if h else (1 - 1 / beta) / 100
    if least >= 1:
        return 1.0

    def ratio(log_q: float) -> float:
        q = math.exp(log_q)
        return moment(beta, h, q) / q - 1

    return math.exp(brentq(ratio, math.log(max(least, 1e-290)), 0.0, xtol=1e-15, rtol=1e-15))


def replicon(beta: float, h: float) -> float:
    """beta**2 E cosh(...)**-4; the replica-symmetric solution is stable if this is at most 1 (de Almeida, Thouless)."""
    return beta**2 * mean_over_fields(lambda x: sech(x, 4), beta, h, overlap(beta, h))


def free_energy(beta: float, h: float) -> dict[str, float]:
    """Overlap, magnetisation, and energy, free energy and entropy per spin, by name."""
    q = overlap(beta, h)
    magnetisation = mean_over_fields(np.tanh, beta, h, q)
    rest = beta * mean_over_fields(lambda x: sech(x, 2), beta, h, q)  # beta (1 - q), without cancellation
    free = -(rest**2) / (4 * beta) - mean_over_fields(log_two_cosh, beta, h, q) / beta
    entropy = mean_over_fields(lambda x: log_two_cosh(x) - x * np.tanh(x), beta, h, q) - rest**2 / 4
    return {
        "overlap": q,
        "energy": -rest * (1 + q) / 2 - h * magnetisation,
        "free_energy": free,
        "entropy": entropy,
        "magnetisation": magnetisation,
    }


def critical_beta(h: float) -> float:
    """The inverse temperature above which replica symmetry is broken in the field h."""
    from scipy.optimize import brentq

    if h == 0:
        return 1.0
    high = 2.0
    while replicon(high, h) < 1:
        high *= 2
        if high > 1e12:
            return math.inf
    return math.exp(brentq(lambda x: replicon(math.exp(x), h) - 1, math.log(0.5), math.log(high), xtol=1e-14))


def critical_field(beta: float) -> float | None:
    """The field above which replica symmetry holds at this temperature; None above the transition temperature."""
    from scipy.optimize import brentq

    if beta <= 1:
        return None
    high = 0.5
    while replicon(beta, high) > 1:
        high *= 2
    return float(brentq(lambda h: replicon(beta, h) - 1, 1e-9, high, xtol=1e-14))
