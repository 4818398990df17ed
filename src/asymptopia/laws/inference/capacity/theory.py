"""Storage capacity and entropy of random constraints: replica symmetry, first moments, and where they are unstable."""

from __future__ import annotations

from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.arrays import ArrayLike
from ....numerics.fixed_points import NotConverged
from ....numerics.gaussian import legendre, nodes
from ....numerics.tails import hazard

if TYPE_CHECKING:
    from . import Capacity


STARTS = tuple(product((-4.0, -2.0, -1.0, -0.3, 0.0), (-1.0, 0.5, 2.0, 3.5, 5.0, 7.0), (0.0, 1.5, 2.5, 3.5, 5.0, 7.0)))
LEAST_LOG_MU = -8.0  # smaller ones, replica symmetry, leave no digits of the energy
TRIED = 3  # of these places, by chi over that of replica symmetry, q0 and mu: those of the largest energy
AROUND = np.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0])


def log_mass(kappa: float, constraint: str) -> float:
    """The logarithm of the probability that a standard normal field satisfies the constraint."""
    from scipy.special import log_ndtr

    above = float(log_ndtr(-kappa))
    if constraint == "halfspace":
        return above
    outside = np.log(2) + above
    return outside if constraint == "outside" else float(np.log(-np.expm1(outside)))


def squared_distance(kappa: float, constraint: str) -> float:
    """The mean squared distance of a standard normal field from the values that satisfy the constraint."""
    from scipy.special import ndtr

    if constraint == "outside":
        t, w = legendre(64)
        z = min(kappa, 40.0) * t
        return float(2 * min(kappa, 40.0) * (w * (kappa - z) ** 2 * _normal(z)).sum())
    if constraint == "halfspace" and kappa > 0:
        return float((1 + kappa**2) * ndtr(kappa) + kappa * _normal(kappa))
    x = kappa if constraint == "halfspace" else -kappa
    ratio, excess, _ = hazard(x)
    one_side = float(_normal(x) * (1 + x * excess) / ratio)
    return one_side if constraint == "halfspace" else 2 * one_side


def _normal(z: ArrayLike) -> Any:
    return np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)


def capacity(kappa: float, weights: str, constraint: str) -> float:
    """The largest number of constraints per weight that random constraints leave satisfiable (replica symmetric)."""
    if weights == "spherical":
        with np.errstate(divide="ignore"):
            return float(1 / np.float64(squared_distance(kappa, constraint)))
    if constraint != "halfspace":
        return float(-np.log(2) / log_mass(kappa, constraint))
    return _krauth_mezard(kappa)[0]


def entropy(alpha: float, kappa: float, weights: str, constraint: str) -> float:
    """The logarithm, per weight, of the number (or share of the sphere) of weights that satisfy all constraints."""
    if alpha >= capacity(kappa, weights, constraint):
        return -np.inf
    if constraint != "halfspace":
        return (np.log(2) if weights == "binary" else 0.0) + alpha * log_mass(kappa, constraint)
    return _state(_solve(alpha, kappa, weights), kappa, weights)[1]


def fewest_errors(alpha: float, kappa: float) -> float:
    r"""The least share of patterns with fields below kappa on the sphere, with one step of replica symmetry breaking.

    The energy per weight is the largest value of $-\frac{1}{2\mu} \log(1 + \mu (1-q_0)/\chi)
    - \frac{q_0}{2 (\chi + \mu (1-q_0))} - \frac{\alpha}{\mu} E_{z_0} \log E_{z_1} e^{-\mu M}$, where M is the
    Moreau envelope, of parameter chi, of the step at kappa, at $\sqrt{q_0} z_0 + \sqrt{1-q_0} z_1$ (Majer, Engel and
    Zippelius, J. Phys. A 26 (1993) 7405; its limit of small mu: Gardner and Derrida, J. Phys. A 21 (1988) 271).
    """
    from scipy.optimize import minimize

    if alpha <= capacity(kappa, "spherical", "halfspace"):
        return 0.0
    width = _missed_width(alpha, kappa)

    def energy(x: np.ndarray) -> float:
        if np.any(np.abs(x) > 30) or x[2] < LEAST_LOG_MU:
            return np.inf
        value = _broken_energy(x, alpha, kappa)
        return -value if np.isfinite(value) else np.inf

    places = sorted((np.add(place, [np.log(width**2 / 2), 0, 0]) for place in STARTS), key=energy)
    values = []
    for x in places[:TRIED]:
        for _ in range(3):  # a simplex that has collapsed starts again
            best = minimize(energy, x, method="Nelder-Mead", options=dict(xatol=1e-8, fatol=1e-14, maxfev=3000))
            x = best.x
        values.append(-float(best.fun))
    return max(values) / alpha


def symmetric_errors(alpha: float, kappa: float) -> float:
    """The replica-symmetric share of patterns below kappa, a lower bound (Gardner and Derrida 1988)."""
    from scipy.special import ndtr

    if alpha <= capacity(kappa, "spherical", "halfspace"):
        return 0.0
    return float(ndtr(kappa - _missed_width(alpha, kappa)))


def _missed_width(alpha: float, kappa: float) -> float:
    """The width s with alpha E (kappa - Z)^2 1[kappa - s < Z < kappa] = 1, for Z standard normal."""
    from scipy.optimize import brentq
    from scipy.special import ndtr

    def excess(s: float) -> float:
        low = kappa - s
        inside = (1 + kappa**2) * (ndtr(kappa) - ndtr(low)) + kappa * _normal(kappa) - (kappa + s) * _normal(low)
        return float(alpha * inside - 1)

    return float(brentq(excess, 1e-9, 40.0 + abs(kappa), xtol=1e-13, rtol=1e-14))


def _broken_energy(x: np.ndarray, alpha: float, kappa: float) -> float:
    """The energy at log chi, the log-odds of q0, and log mu; the inner average is over three pieces of the envelope."""
    from scipy.special import expit, ndtr

    chi, q0, left, mu = np.exp(x[0]), expit(x[1]), expit(-x[1]), np.exp(x[2])
    b, cut = np.sqrt(left), kappa - np.sqrt(2 * chi)
    z, weights = nodes(np.concatenate([kappa + b * AROUND, cut + b * AROUND]) / max(np.sqrt(q0), 1e-3))
    a = np.sqrt(q0) * z
    stiffness = 1 + mu / chi * left
    s = b / np.sqrt(stiffness)
    centre = (a + mu / chi * left * kappa) / stiffness
    drawn = np.exp(-((a - kappa) ** 2) * mu / chi / (2 * stiffness)) / np.sqrt(stiffness)
    middle = drawn * (ndtr((kappa - centre) / s) - ndtr((cut - centre) / s))
    total = ndtr((a - kappa) / b) + np.exp(-mu) * ndtr((cut - a) / b) + middle
    with np.errstate(divide="ignore"):
        average = weights @ np.log(total)
    return float(-np.log1p(mu * left / chi) / (2 * mu) - q0 / (2 * (chi + mu * left)) - alpha / mu * average)


def instability(alpha: float, kappa: float, weights: str, constraint: str) -> float:
    """The eigenvalue that exceeds 1 where replica symmetry is unstable (de Almeida and Thouless).

    Where the overlap vanishes (constraints that do not change with the sign of the field), alpha times the square of
    the mean of Z**2 - 1 over fields that satisfy the constraint.
    """
    if constraint == "halfspace":
        return _state(_solve(alpha, kappa, weights), kappa, weights)[2]
    density, mass = _normal(kappa), np.exp(log_mass(kappa, constraint))
    return float(alpha * (2 * kappa * density / mass) ** 2)


def stability(alpha: float, weights: str, constraint: str) -> dict[str, float]:
    """The kappa at which the capacity is alpha; for `outside` on binary weights also where `instability` is 1 there."""
    from scipy.optimize import brentq

    def excess(kappa: float) -> float:
        return float(np.log(capacity(kappa, weights, constraint) / alpha))

    def unstable(kappa: float) -> float:
        return instability(capacity(kappa, weights, constraint), kappa, weights, constraint) - 1

    step = 1.0
    ends = (-1.0, 1.0) if constraint == "halfspace" else (0.5, 1.0)
    while excess(ends[0]) * excess(ends[1]) > 0:
        step *= 2
        ends = (-step, step) if constraint == "halfspace" else (0.5 / step, 1 + step / 4)
        if step > 64:
            raise NotConverged(f"No kappa with a capacity of {alpha:g} was found between {ends[0]:g} and {ends[1]:g}.")
    thresholds = {"capacity": float(brentq(excess, *ends, xtol=1e-13, rtol=1e-14))}
    if (weights, constraint) == ("binary", "outside"):
        thresholds["replica_symmetry"] = float(brentq(unstable, 0.1, 2.0, xtol=1e-13, rtol=1e-14))
    return thresholds


def _state(x: float, kappa: float, weights: str) -> tuple[float, float, float]:
    """alpha, entropy and stability eigenvalue of the replica-symmetric state; its overlap q increases with x.

    For the half space both order parameters are explicit in one of them: alpha = q_hat (1 - q) / E h(u)**2, with h the
    hazard and u = (kappa - sqrt(q) z) / sqrt(1 - q); x is log q_hat for binary weights, log(q / (1 - q)) otherwise.
    """
    from scipy.special import log_ndtr

    if weights == "binary":
        q_hat = np.exp(x)
        z, w = nodes()
        b = np.sqrt(q_hat) * z
        square = 1 / np.cosh(np.clip(b, -300, 300)) ** 2
        left, fourth = float(w @ square), float(w @ square**2)
        q = float(w @ np.tanh(b) ** 2)
        free = -q_hat * left / 2 + float(w @ np.logaddexp(b, -b))
    else:
        q, left = 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x))
        q_hat, fourth = q / left**2, left**2
        free = 0.5 * np.log(left) + q / (2 * left)
    s, width = np.sqrt(q), np.sqrt(left)
    z, w = nodes((kappa + width * AROUND) / max(s, 1e-3))
    u = (kappa - s * z) / width
    h, excess, _ = hazard(-u)
    alpha = q_hat * left / float(w @ h**2)
    eigenvalue = alpha * float(w @ (h * excess) ** 2) * fourth / left**2
    return float(alpha), float(free + alpha * (w @ log_ndtr(-u))), float(eigenvalue)


def _solve(alpha: float, kappa: float, weights: str) -> float:
    """The x of `_state` at which alpha is the given one, on the branch that starts at no constraints."""
    from scipy.optimize import brentq

    def excess(x: float) -> float:
        return np.log(_state(x, kappa, weights)[0] / alpha)

    low, high = _first(excess, 40.0)
    return float(brentq(excess, low, high, xtol=1e-13, rtol=1e-14))


@lru_cache(maxsize=256)
def _krauth_mezard(kappa: float) -> tuple[float, float]:
    """alpha at which the entropy of binary weights on a half space vanishes, and the x of `_state` there."""
    from scipy.optimize import brentq

    def negative(x: float) -> float:
        return -_state(x, kappa, "binary")[1]

    low, high = _first(negative, 12.0)
    x = float(brentq(negative, low, high, xtol=1e-13, rtol=1e-14))
    return _state(x, kappa, "binary")[0], x


def _first(function: Any, end: float) -> tuple[float, float]:
    """A short interval in which the function changes from negative to positive for the first time."""
    grid = np.arange(-40.0, end, 0.25)
    low = grid[0]
    for x in grid[1:]:
        if function(x) > 0:
            return low, x
        low = x
    raise NotConverged(f"No replica-symmetric state was found up to an order parameter of exp({end:g}).")


def predict(law: Capacity) -> dict[str, Any]:
    """The observables in the limit."""

    limit = capacity(law.kappa, law.weights, law.constraint)
    values = {
        "capacity": limit,
        "satisfiable": float(law.alpha < limit),
        "entropy": entropy(law.alpha, law.kappa, law.weights, law.constraint),
    }
    return values | ({"errors": fewest_errors(law.alpha, law.kappa)} if law.counts_errors() else {})
