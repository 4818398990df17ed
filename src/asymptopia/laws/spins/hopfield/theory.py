"""The replica-symmetric equations of Hopfield's model: its states along curves on which all is explicit."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....numerics.gaussian import nodes
from ....numerics.roots import bracketed_roots, peaks
from ....theory.replica_symmetric import TURNS, log_two_cosh

if TYPE_CHECKING:
    from . import Hopfield


GRID = np.linspace(math.log(60.0), math.log(0.1), 160)


class States(NamedTuple):
    r"""States (K,) at one temperature, and the loads `alpha` at which they solve the equations.

    sigma: $\sqrt{\alpha r}$, the deviation of the crosstalk. m: mean of $\tilde\xi s$.
    q: overlap of two configurations. slack: $1 - \beta \Delta (1 - q)$, positive in a state that exists.
    """

    alpha: np.ndarray
    sigma: np.ndarray
    m: np.ndarray
    q: np.ndarray
    slack: np.ndarray


class Model(NamedTuple):
    """Temperature and mean of the patterns."""

    temperature: float
    bias: float

    @property
    def variance(self) -> float:
        """Of an entry of a pattern."""
        return 1 - self.bias**2

    @property
    def entries(self) -> tuple[tuple[float, float], ...]:
        """Absolute values of the centred entries of a pattern, with their probabilities."""
        if self.bias == 0:
            return ((1.0, 1.0),)
        return ((1 - self.bias, (1 + self.bias) / 2), (1 + self.bias, (1 - self.bias) / 2))


def averages(model: Model, m: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    r"""$E\,\tilde\xi t$, $q = E\,t^2$ and $\beta (1 - q)$, where $t = \tanh(\beta (\tilde\xi m + \sigma z))$."""
    T = model.temperature
    first, q, rest = np.zeros_like(m), np.zeros_like(m), np.zeros_like(m)
    for c, share in model.entries:
        if T == 0:
            from scipy.special import erf

            x = c * m / sigma
            first += share * c * erf(x / math.sqrt(2))
            q += share
            rest += share * math.sqrt(2 / math.pi) / sigma * np.exp(-(x**2) / 2)
            continue
        z, weight = nodes((TURNS * T - c * m[:, None]) / sigma[:, None])
        x = (c * m[:, None] + sigma[:, None] * z) / T
        t, decay = np.tanh(x), np.exp(-2 * np.abs(x))
        first += share * c * (t * weight).sum(axis=1)
        q += share * (t**2 * weight).sum(axis=1)
        rest += share * (4 * decay / (1 + decay) ** 2 * weight).sum(axis=1) / T  # 1 / cosh(x)**2
    return first, q, rest


def states(model: Model, m: np.ndarray, sigma: np.ndarray) -> States:
    """The states of these means and deviations, with the loads that give them."""
    _, q, rest = averages(model, m, sigma)
    slack = 1 - model.variance * rest
    with np.errstate(all="ignore"):
        alpha = np.where((slack > 0) & (q > 0), (sigma * slack / model.variance) ** 2 / q, np.nan)
    return States(alpha, sigma, m, q, slack)


def retrieval(model: Model, log_ratio: np.ndarray) -> States:
    """The states with an overlap at given logarithms of m / sigma; one each below the temperature `variance`.

    With m = ratio sigma the equation of m has one positive solution, since its right side is concave in sigma.
    """
    ratio = np.exp(log_ratio)
    if model.temperature == 0:
        sigma = averages(model, ratio, np.ones_like(ratio))[0] / ratio
    else:

        def excess(log_sigma: np.ndarray, members: np.ndarray) -> np.ndarray:
            sigma = np.exp(log_sigma)
            return averages(model, ratio[members] * sigma, sigma)[0] / (ratio[members] * sigma) - 1

        low, high = np.full_like(ratio, -18.0), np.log(model.variance / ratio) + 1e-9
        sigma = np.exp(bracketed_roots(excess, low, high))
    return states(model, ratio * sigma, sigma)


def glass(model: Model, log_sigma: np.ndarray) -> States:
    """The states without an overlap at given logarithms of sigma."""
    sigma = np.exp(log_sigma)
    return states(model, np.zeros_like(sigma), sigma)


@lru_cache(maxsize=512)
def capacity(model: Model) -> tuple[float, float]:
    """The largest load of a retrieval state, and the logarithm of m / sigma there; (0, nan) if there is none."""
    if model.temperature >= model.variance:
        return 0.0, math.nan
    alpha = np.nan_to_num(retrieval(model, GRID).alpha, nan=-1.0)
    k = int(np.argmax(np.append(alpha[1:] < alpha[:-1], True)))

    def load(log_ratio: np.ndarray, members: np.ndarray) -> np.ndarray:
        return np.nan_to_num(retrieval(model, log_ratio).alpha, nan=-1.0)

    ends = GRID[min(k + 1, len(GRID) - 1)], GRID[max(k - 1, 0)]
    top = peaks(load, np.array([ends[0]]), GRID[k : k + 1], np.array([ends[1]]))
    largest = float(load(top, np.arange(1))[0])
    return (largest, float(top[0])) if largest > 0 else (0.0, math.nan)


def retrieval_at(model: Model, alpha: float) -> States | None:
    """The retrieval state at a load, or None beyond capacity."""
    largest, place = capacity(model)
    if alpha > largest:
        return None

    def excess(log_ratio: np.ndarray, members: np.ndarray) -> np.ndarray:
        return np.log(np.maximum(retrieval(model, log_ratio).alpha, 1e-300) / alpha)

    high = max(math.log(60.0), math.log(10 / math.sqrt(alpha)))
    return retrieval(model, bracketed_roots(excess, np.array([place]), np.array([high])))


def glass_at(model: Model, alpha: float) -> States:
    """The state without an overlap at a load: frozen, or with q = 0 above the line of the spin glass."""
    T, variance = model.temperature, model.variance
    if variance * (1 + math.sqrt(alpha)) <= T:
        zero = np.zeros(1)
        return States(np.array([alpha]), zero, zero, zero, 1 - variance / T + zero)

    def excess(log_sigma: np.ndarray, members: np.ndarray) -> np.ndarray:
        state = glass(model, log_sigma)
        load = np.where(state.slack > 0, state.alpha, 0.0)
        return np.log(np.maximum(np.nan_to_num(load), 1e-300) / alpha)

    high = math.log(2 * variance * (math.sqrt(alpha) + 1) + T)
    return glass(model, bracketed_roots(excess, np.array([-18.0]), np.array([high])))


def energy(model: Model, alpha: float, at: States) -> float:
    r"""$\frac{\alpha\Delta}2 - \frac{m^2}2 - \frac\alpha2 (\Delta (1-q) / slack + r / \Delta)$, per spin."""
    D = model.variance
    noise = (D * (1 - at.q) / at.slack + at.q * D / at.slack**2)[0]
    return float(alpha * D / 2 - at.m[0] ** 2 / 2 - alpha / 2 * noise)


def free_energy(model: Model, alpha: float, at: States) -> float:
    """Per spin."""
    T, D = model.temperature, model.variance
    if T == 0:
        return energy(model, alpha, at)
    m, sigma, q, slack = (float(v[0]) for v in (at.m, at.sigma, at.q, at.slack))
    r = q * (D / slack) ** 2
    mean = 0.0
    for c, share in model.entries:
        if sigma == 0:
            mean += share * float(log_two_cosh(np.array(c * m / T)))
            continue
        z, weight = nodes((TURNS * T - c * m) / sigma)
        mean += share * float(log_two_cosh((c * m + sigma * z) / T) @ weight)
    coupling = alpha / 2 * (T * math.log(slack) - D * q / slack) + alpha * r * (1 - q) / (2 * T)
    return alpha * D / 2 + m**2 / 2 + coupling - T * mean


def advantage(model: Model, alpha: float) -> float:
    """The free energy of the glass minus that of the retrieval state, which must exist."""
    at = retrieval_at(model, alpha)
    if at is None:
        raise ValueError(f"There is no retrieval state at alpha = {alpha:g}.")
    return free_energy(model, alpha, glass_at(model, alpha)) - free_energy(model, alpha, at)


def coexistence(model: Model) -> float:
    """The load at which the retrieval states and the spin glass have the same free energy; 0 if there is none."""
    from scipy.optimize import brentq

    largest, _ = capacity(model)
    if largest == 0:
        return 0.0
    low, high = 1e-6 * largest, largest * (1 - 1e-12)
    if advantage(model, high) >= 0:
        return largest
    return float(brentq(lambda alpha: advantage(model, alpha), low, high, xtol=1e-15, rtol=1e-14))


def melting(bias: float, alpha: float) -> dict[str, float]:
    """The temperatures at which the states around patterns lose the least free energy, and end; that of the glass."""
    from scipy.optimize import brentq

    variance = 1 - bias**2
    temperatures = {"spin_glass": variance * (1 + math.sqrt(alpha))}
    if capacity(Model(0.0, bias))[0] <= alpha:
        return temperatures
    end = float(brentq(lambda T: capacity(Model(T, bias))[0] - alpha, 0.0, variance, xtol=1e-12))
    temperatures["retrieval"] = end
    # the line bends back at low temperatures: the highest temperature is meant
    below = [T for T in np.linspace(0, end * (1 - 1e-9), 12) if advantage(Model(float(T), bias), alpha) > 0]
    if below:
        ends = float(below[-1]), end * (1 - 1e-9)
        temperatures["thermodynamic"] = float(brentq(lambda T: advantage(Model(T, bias), alpha), *ends, xtol=1e-12))
    return temperatures


def predict(law: Hopfield) -> dict[str, Any]:
    """The observables in the limit."""
    from . import theory as theory

    model, alpha = theory.Model(float(law.temperature), abs(float(law.pattern_bias))), float(law.alpha)
    at = theory.retrieval_at(model, alpha) or theory.glass_at(model, alpha)
    return {
        "overlap": float(at.m[0]) / model.variance,
        "energy": theory.energy(model, alpha, at),
        "free_energy": theory.free_energy(model, alpha, at),
        "freezing": float(at.q[0]),
    }
