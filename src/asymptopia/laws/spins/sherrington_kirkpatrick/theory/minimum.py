"""The step functions, and the continuous ones, at which Parisi's functional is least."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....numerics.gaussian import legendre
from .parisi import Functional, parisi

Build = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
ACCEPTED = 1e-12  # how far above the minimum a solution may be


class Minimum(NamedTuple):
    """The functional at its minimum, the step function there, its parameters, and the inverse of the Hessian."""

    functional: Functional
    t: np.ndarray
    gamma: np.ndarray
    parameters: np.ndarray
    inverse: np.ndarray


def minimise(build: Build, start: np.ndarray, temperature: float, h: float) -> Minimum:
    """The minimum over parameters of step functions (t, gamma) = build(parameters).

    A quasi-Newton descent, finished by Newton steps with second derivatives from differences of the first. Accepted
    where Newton's model says that the minimum is less than `ACCEPTED` below. Raises `NotConverged`.
    """
    from scipy.optimize import minimize

    def minus(x: np.ndarray) -> tuple[float, np.ndarray]:
        functional = _functional(build, x, temperature, h)
        return (
            (math.inf, np.zeros_like(x))
            if functional is None
            else (-functional.free_energy, -_slope(build, x, functional))
        )

    descended = minimize(minus, start, jac=True, method="BFGS", options={"gtol": 1e-6})
    return polish(build, np.asarray(descended.x), temperature, h)


def polish(build: Build, start: np.ndarray, temperature: float, h: float, inverse: np.ndarray | None = None) -> Minimum:
    """Newton steps from a point close to the minimum; the inverse Hessian may be that of a close problem."""
    x, fresh = start, False
    left = math.inf
    for _ in range(40):
        functional = _functional(build, x, temperature, h)
        if functional is None:
            raise NotConverged("Newton's method left the step functions that ascend: the start was too far away.")
        if inverse is None:
            inverse, fresh = _inverse_hessian(build, x, temperature, h), True
        slope = -_slope(build, x, functional)
        step = inverse @ slope
        before, left = left, float(slope @ step) / 2
        if left <= ACCEPTED and (left >= 0.1 * before or left <= 1e-3 * ACCEPTED):
            t, gamma = build(x)
            return Minimum(functional, t, gamma, x, inverse)
        step /= max(1.0, float(np.abs(step).max()))
        x = _shortened(build, x, step, temperature, h, -functional.free_energy)
        if fresh or left > 0.1 * before:
            inverse, fresh = None, False
    raise NotConverged(f"Parisi's functional is still {left:.1e} above its minimum, more than {ACCEPTED:g}.")


def _shortened(build: Build, x: np.ndarray, step: np.ndarray, temperature: float, h: float, value: float) -> np.ndarray:
    least = x
    for share in 0.5 ** np.arange(12):
        functional = _functional(build, x - share * step, temperature, h)
        if functional is not None:
            least = x - share * step
            if -functional.free_energy <= value + 1e-13:
                break
    return least


def _functional(build: Build, x: np.ndarray, temperature: float, h: float) -> Functional | None:
    t, gamma = build(x)
    if not (np.isfinite(t).all() and np.isfinite(gamma).all() and (np.diff(t) > 1e-12).all()):
        return None
    # at the minimum gamma (1 - t)**(1/2) is below 1; far above it a trial is hopeless
    highest = np.minimum(1 / temperature if temperature else math.inf, 3 / np.sqrt(1 - (t[1:] + t[:-1]) / 2))
    if not ((gamma > 0) & (gamma < highest)).all():
        return None
    return parisi(t, gamma, temperature, h)


def _slope(build: Build, x: np.ndarray, functional: Functional) -> np.ndarray:
    """Derivatives of the free energy by the parameters: the steps' own times those of the steps, by differences."""
    slope = np.empty_like(x)
    for i, h in enumerate(1e-5 * np.maximum(1, np.abs(x))):
        ends = [build(x + sign * h * (np.arange(len(x)) == i)) for sign in (1, -1)]
        (t, gamma), (t_down, gamma_down) = ends
        slope[i] = (functional.by_gamma @ (gamma - gamma_down) + functional.by_t @ (t - t_down)) / (2 * h)
    return slope


def _inverse_hessian(build: Build, x: np.ndarray, temperature: float, h: float) -> np.ndarray:
    """With absolute eigenvalues, so that a Newton step leads down away from the minimum too."""
    rows = []
    for i, d in enumerate(1e-4 * np.maximum(1, np.abs(x))):
        ends = [x + sign * d * (np.arange(len(x)) == i) for sign in (1, -1)]
        functionals = [_functional(build, end, temperature, h) for end in ends]
        if functionals[0] is None or functionals[1] is None:
            raise NotConverged("The minimum lies at the edge of the step functions that ascend.")
        rows.append(-(_slope(build, ends[0], functionals[0]) - _slope(build, ends[1], functionals[1])) / (2 * d))
    H = np.array(rows)
    values, vectors = np.linalg.eigh((H + H.T) / 2)
    return np.asarray((vectors / np.maximum(np.abs(values), 1e-11 * np.abs(values).max())) @ vectors.T)


def close_levels(y: np.ndarray) -> np.ndarray:
    """Roughly the level at t = 1 - y**2, where to start from: close to independent of temperature and field."""
    return (1 - y**2) * (0.64 + 0.65 * y**2) / y


def grading(s: np.ndarray) -> np.ndarray:
    """Places y = (1 - t)**(1/2) for equally spaced s in [0, 1] that make the error of steps about the least."""
    return np.asarray(s ** (5 / 3) * (5 - 2 * s) / 3)


def steps(k: int) -> Callable[[float, float], Build]:
    """Step functions of k levels: parameters are the logarithms of ratios of lengths, then those of the levels."""

    def of(temperature: float, h: float) -> Build:
        free = k + (temperature > 0)

        def build(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            lengths = np.exp(np.append(x[:free], 0.0) - max(x[:free].max(), 0.0))
            t = np.cumsum(lengths)
            t = t / t[-1]
            t = t[:-1] if temperature > 0 else np.append(t[:-1], 1.0)
            return t, np.exp(x[free:])

        return build

    return of


def steps_start(k: int, temperature: float, lowest: float, highest: float) -> np.ndarray:
    """Parameters of `steps` for places between these ends, at close levels."""
    ends = np.sqrt([1 - highest, 1 - lowest])
    s = np.interp(ends, grading(grid := np.linspace(0, 1, 200)), grid)
    y = grading(np.linspace(s[1], s[0], k + 1))
    t = 1 - y**2
    lengths = np.diff(np.concatenate([[0.0], t, [1.0] if temperature else []]))
    middle = np.sqrt(1 - (t[1:] + t[:-1]) / 2)
    return np.log(np.append(lengths[:-1] / lengths[-1], close_levels(middle)))


def continuous(degree: int, count: int, temperature: float, h: float) -> Build:
    r"""Step functions that follow a continuous one: its means over `count` steps.

    In $y = \sqrt{1 - t}$ it is t times a polynomial over y. Parameters: the Chebyshev coefficients, then, as logits,
    the first place if there is a field (else it is 0) and the last at temperature > 0 (else it is 1).
    """
    nodes, weights = legendre(4)

    def build(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lowest = _logistic(x[degree + 1]) if h else 0.0
        rest = (1 - lowest) * _logistic(-x[-1]) if temperature else 0.0
        bottom, top = math.sqrt(rest), math.sqrt(1 - lowest)
        ends = grading(np.linspace(_graded(top), _graded(bottom), count + 1))
        ends[0], ends[-1] = top, bottom
        lengths = -np.diff(ends)[:, None]
        y = ends[1:, None] + lengths * nodes
        z = (2 * y - top - bottom) / (top - bottom)
        gamma = (1 - y**2) / y * np.polynomial.chebyshev.chebval(z, x[: degree + 1])
        t = 1 - ends**2
        return t, (gamma * 2 * y * lengths * weights).sum(axis=1) / np.maximum(np.diff(t), 1e-300)

    return build


def continuous_start(degree: int, temperature: float, h: float, lowest: float, highest: float) -> np.ndarray:
    """Parameters of `continuous` for places between these ends, at close levels."""
    bottom, top = math.sqrt(1 - highest), math.sqrt(1 - lowest)
    y, z = np.linspace(bottom, top, 40)[1:-1], np.linspace(-1, 1, 40)[1:-1]
    x = np.polynomial.chebyshev.chebfit(z, close_levels(y) * y / (1 - y**2), min(degree, 2))
    x = np.append(x, np.zeros(degree + 1 - len(x)))
    ends = [math.log(lowest / (1 - lowest))] if h else []
    if temperature:
        ends.append(math.log((highest - lowest) / (1 - highest)))
    return np.append(x, ends)


def _logistic(x: float) -> float:
    return (1 + math.tanh(x / 2)) / 2 if x > 0 else math.exp(x) / (1 + math.exp(x))


def _graded(y: float) -> float:
    """The s of `grading` at y."""
    from scipy.optimize import brentq

    return 0.0 if y == 0 else float(brentq(lambda s: float(grading(s)) - y, 0.0, 1.0 + 1e-12, xtol=1e-15))
