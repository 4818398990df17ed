r"""The end of the dynamics of a sphere in a Gaussian landscape of covariance n f(q), with or without a signal.

With the static response $\chi$ of a state and its self-overlap $q = 1 - T\chi$:

- ageing from a random start (Cugliandolo and Kurchan, Phys. Rev. Lett. 71 (1993) 173) ends at marginal states,
  $f''(q) \chi^2 = 1$, with energy $-[(f(1) - f(q))/T + X f(q)]$, $X = 1/(f'(q)\chi) - \chi/q$;
- near a signal of strength $\lambda$: $q - m^2 = \chi^2 f'(q)$, $m = \chi\lambda f'(m)$, energy
  $-(f(1) - f(q))/T - \lambda f(m)$;
- a small overlap with the signal grows exponentially in marginal states if $\lambda f''(0)\chi > 1$
  (Sarao Mannelli, Biroli, Cammarota, Krzakala and Zdeborova, NeurIPS 32 (2019) 8676).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval

from ..contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float

Landscape = tuple[float, ...]
HORIZONS = (16.0, 64.0, 256.0)


def checked_times(times: tuple, name: str) -> None:
    """Raise `StatementError` unless these are finite, increasing times >= 0."""
    numbers = all(isinstance(t, (int, float)) and not isinstance(t, bool) and math.isfinite(t) for t in times)
    if not times or not numbers or times[0] < 0 or any(b <= a for a, b in itertools.pairwise(times)):
        raise StatementError(f"`times` of {name} must be finite, >= 0 and increase, but is {times}.")


def two_time_limit(
    f: Landscape, temperature: float, times: tuple, signal: float, overlap: float
) -> dict[str, Float[np.ndarray, "..."]]:
    """Energy, overlap and correlation at the times, and `<name>_error`. Raises `StatementError` if memory is short."""
    from ..numerics.two_time import solve_two_time

    try:
        solution: Any = solve_two_time(f, temperature, times, signal=signal, overlap=overlap)
    except MemoryError as reason:
        raise StatementError(f"The two-time equations do not fit: {reason}") from reason
    names = ("energy", "overlap", "correlation")
    return {k: getattr(solution, k) for name in names for k in (name, f"{name}_error")}


def value(f: Landscape, q: float, derivative: int = 0) -> float:
    """f(q), or its derivative of this order, of a polynomial f given by its coefficients, constant first."""
    return float(polyval(q, polyder(np.asarray(f), derivative)))


def dynamic_temperature(f: Landscape) -> float:
    r"""The temperature below which a random start ages: $T_d^2 = \max_q f'(q) (1 - q) / q$."""
    slope = polyder(np.asarray(f))[1:]
    return float(np.sqrt(_largest(lambda q: polyval(q, slope) * (1 - q))))


def static_temperature(f: Landscape) -> float:
    r"""The temperature below which equilibrium is a glass: $T_s^2 = \max_q f(q) / (-q - \log(1 - q))$."""

    def ratio(q: np.ndarray) -> np.ndarray:
        small = 0.5 + q / 3 + q**2 / 4
        exact = (-q - np.log1p(-q)) / np.where(q > 0, q, 1) ** 2
        return polyval(q, np.asarray(f)[2:]) / np.where(q < 1e-4, small, exact)

    return float(np.sqrt(_largest(ratio)))


def marginal_response(f: Landscape, temperature: float) -> float | None:
    """The response chi of marginal states, f''(1 - T chi) chi**2 = 1, at the largest q; None if T is too high."""
    if temperature >= dynamic_temperature(f):
        return None
    return _smallest_root(lambda chi: value(f, 1 - temperature * chi, 2) * chi**2 - 1, _ceiling(f, temperature))


def ageing_energy(f: Landscape, temperature: float) -> float:
    """The energy per spin at long times from a random start: of the paramagnet, or of marginal states."""
    chi = marginal_response(f, temperature)
    if chi is None:
        return -value(f, 1) / temperature
    q = 1 - temperature * chi
    return _state_energy(f, temperature, chi) - (q / (value(f, q, 1) * chi) - chi) / q * value(f, q)


def signal_state(
    f: Landscape, temperature: float, signal: float, side: float = 1.0
) -> tuple[float, float, float] | None:
    """Overlap, energy and f''(q) chi**2 (stable below 1) of the state near the signal; None if there is none.

    side: 1, or -1 for the state near minus the signal.
    """

    def overlap(chi: float) -> float:
        q = 1 - temperature * chi
        return side * float(np.sqrt(max(q - chi**2 * value(f, q, 1), 0.0)))

    def residual(chi: float) -> float:
        m = overlap(chi)
        return chi * signal * value(f, m, 1) / m - 1 if m != 0 else np.nan

    chi = _smallest_root(residual, _ceiling(f, temperature))
    if chi is None:
        return None
    m = overlap(chi)
    return m, _state_energy(f, temperature, chi) - signal * value(f, m), value(f, 1 - temperature * chi, 2) * chi**2


def asymptotic_energy(f: Landscape, temperature: float, signal: float, overlap: float) -> float:
    r"""The energy per spin at long times from a start with this overlap with the signal.

    It is that of the state near the signal if the dynamics reaches it, else that of ageing. A small overlap grows if
    $\lambda f''(0) \chi > 1$. Otherwise the two-time equations are followed until the overlap exceeds three quarters,
    or falls below a quarter, of that of the state on its side. Raises `ArithmeticError` if that is not decided in time.
    """
    if signal == 0 or overlap == 0:
        return ageing_energy(f, temperature)
    state = signal_state(f, temperature, signal, math.copysign(1.0, overlap))
    if state is None:
        return ageing_energy(f, temperature)
    chi = marginal_response(f, temperature) or 1 / temperature
    if abs(overlap) == 1 or signal * value(f, 0, 2) * chi > 1:
        return state[1]
    for horizon in HORIZONS:
        reached = float(two_time_limit(f, temperature, (horizon,), signal, overlap)["overlap"][-1]) / state[0]
        if not 0.25 < reached < 0.75:
            return state[1] if reached > 0.5 else ageing_energy(f, temperature)
    raise ArithmeticError(
        f"Whether an overlap of {overlap:g} with the signal grows or is lost is not decided by the time {horizon:g}."
    )


def _state_energy(f: Landscape, temperature: float, chi: float) -> float:
    if temperature == 0:
        return -value(f, 1, 1) * chi
    return -(value(f, 1) - value(f, 1 - temperature * chi)) / temperature


def _ceiling(f: Landscape, temperature: float) -> float:
    """No state has a larger response: q > 0, and q >= chi**2 f'(q) or f''(q) chi**2 = 1."""
    zero = 3 / np.sqrt(value(f, 1, 1))
    return min(zero, 1 / temperature) if temperature > 0 else zero


def _largest(function: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]]) -> float:
    from scipy.optimize import minimize_scalar

    q = np.linspace(0, 1 - 1e-9, 2001)
    values = function(q)
    k = int(np.argmax(values))
    ends = (q[max(k - 1, 0)], q[min(k + 1, len(q) - 1)])
    maximum = minimize_scalar(
        lambda x: -float(function(np.array([x]))[0]), bounds=ends, method="bounded", options={"xatol": 1e-12}
    )
    return max(float(values[k]), -float(maximum.fun))


def _smallest_root(function: Callable[[float], float], high: float) -> float | None:
    from scipy.optimize import brentq

    grid = np.linspace(1e-9, high * (1 - 1e-12), 2001)
    values = np.array([function(x) for x in grid])
    change = np.flatnonzero((values[:-1] * values[1:]) <= 0)
    if not len(change):
        return None
    k = int(change[0])
    return float(brentq(function, grid[k], grid[k + 1], xtol=1e-15, rtol=1e-14))
