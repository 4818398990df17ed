"""The mean-field flow of attention and its stationary densities, in zonal harmonics."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ....contract.record import StatementError
from ....numerics.fixed_points import fixed_point

if TYPE_CHECKING:
    from . import AttentionParticles

MODES, FINE = 64, 96
NARROW = 0.3  # the last harmonics over the largest one, beyond which a density is not resolved
GENTLE = 8.0  # up to this beta the field of tokens is summed in harmonics; beyond, rounding hides its least values
MOST_SPEEDS = 10_000  # computed for tokens that are followed one by one
TOKENS = {True: (1000, 800), False: (200, 160)}  # followed without noise, with a gentle field and with a steep one


class Harmonics(NamedTuple):
    """Zonal functions of s = x_1 at Gauss's nodes of the uniform distribution on the sphere.

    s, w: nodes and weights, which sum to 1. P, slope: orthonormal polynomials and their derivatives, (modes, nodes).
    rates: k (k + d - 2). kernel: eigenvalues of convolution with exp(beta x.y) (Funk and Hecke).
    """

    s: np.ndarray
    w: np.ndarray
    P: np.ndarray
    slope: np.ndarray
    rates: np.ndarray
    kernel: np.ndarray


def harmonics(d: int, beta: float, modes: int) -> Harmonics:
    from scipy.special import gammaln, ive, roots_jacobi

    s, w = roots_jacobi(3 * modes, (d - 3) / 2, (d - 3) / 2)
    P, slope = _polynomials(s, d, modes)
    order = np.arange(modes)
    front = gammaln(d / 2) + (d / 2 - 1) * math.log(2 / beta) + beta
    kernel = math.exp(front) * ive(d / 2 - 1 + order, beta)
    return Harmonics(s, w / w.sum(), P, slope, order * (order + d - 2.0), kernel)


def _polynomials(s: np.ndarray, d: int, modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal polynomials of s = x_1, x uniform on the sphere, and their derivatives, each (modes, points)."""
    lam, k = (d - 2) / 2, np.arange(1, modes)
    with np.errstate(invalid="ignore", divide="ignore"):
        b = np.sqrt(k * (k + 2 * lam - 1) / ((k + lam) * (k + lam - 1))) / 2
    b[0] = math.sqrt(1 / d)  # E s^2 = 1/d
    P, slope = np.zeros((modes, len(s))), np.zeros((modes, len(s)))
    P[0], P[1], slope[1] = 1.0, s / b[0], 1 / b[0]
    for j in range(1, modes - 1):
        P[j + 1] = (s * P[j] - b[j - 1] * P[j - 1]) / b[j]
        slope[j + 1] = (P[j] + s * slope[j] - b[j - 1] * slope[j - 1]) / b[j]
    return P, slope


def predict(law: AttentionParticles) -> dict[str, Any]:
    """The order in time, and that of the clustered stationary branch."""
    stationary = stationary_order(law)
    if law.temperature == 0:
        fine, coarse = (_characteristics(law, nodes) for nodes in TOKENS[law.beta <= GENTLE])
    else:
        fine, coarse = (_flow(law, modes) for modes in (FINE, MODES))
    return {"order": fine, "order_error": np.abs(fine - coarse), "stationary_order": stationary}


def _flow(law: AttentionParticles, modes: int) -> np.ndarray:
    """R at the times, from the coefficients of the density."""
    from scipy.integrate import solve_ivp

    H = harmonics(law.dimension, law.beta, modes)
    start = np.exp(law.concentration * (H.s - 1))
    coefficients = H.P @ (H.w * start) / (H.w @ start)
    spread = H.w * (1 - H.s**2)
    softmax = law.attention == "softmax"

    def slope(_: float, a: np.ndarray) -> np.ndarray:
        pull = (H.kernel * a) @ H.slope / law.beta
        if softmax:
            pull = pull / ((H.kernel * a) @ H.P)
        return -law.temperature * H.rates * a + H.slope @ (spread * (a @ H.P) * pull)

    def resolved(_: float, a: np.ndarray) -> float:
        return float(NARROW * np.abs(a).max() - np.abs(a[-2:]).max())

    resolved.terminal = True  # type: ignore[attr-defined]

    last = max(law.times)
    end, options = last or 1.0, dict(t_eval=law.times, rtol=1e-10, atol=1e-12, events=resolved)
    run = solve_ivp(slope, (0.0, end), coefficients, "LSODA", **options)
    if run.status == 1 or resolved(0.0, coefficients) < 0:
        raise ArithmeticError(
            f"The density of {law.short()} becomes too narrow for {modes} harmonics: take a smaller `beta` or "
            "`concentration`, a higher `temperature`, or earlier `times`."
        )
    if not run.success:
        raise ArithmeticError(f"The density could not be followed: {run.message}")
    return np.asarray(np.abs((H.P @ (H.w * H.s)) @ run.y))


def _characteristics(law: AttentionParticles, nodes: int) -> np.ndarray:
    """R at the times without noise: every point of the start moves, and keeps its mass."""
    from scipy.integrate import solve_ivp
    from scipy.special import roots_jacobi

    power = law.dimension - 2
    if law.beta <= GENTLE:  # midpoints
        angles = (np.arange(nodes) + 0.5) * math.pi / nodes
        weights, drift = np.sin(angles) ** power, _drift_of_harmonics
    else:
        s, weights = roots_jacobi(nodes, (power - 1) / 2, (power - 1) / 2)
        angles, drift = np.arccos(s), _drift_of_pairs
    mass = weights * np.exp(law.concentration * (np.cos(angles) - 1))
    mass /= mass.sum()
    last = max(law.times)
    options: dict[str, Any] = dict(t_eval=law.times, rtol=1e-9, atol=1e-10)
    if law.attention == "softmax":
        options |= dict(method="DOP853")
    else:  # clusters that form without a norm are stiff
        options |= dict(method="LSODA", jac=_jacobian_of_pairs(law, mass))
    run = solve_ivp(drift(law, mass), (0.0, last or 1.0), angles, **options)
    if not run.success or not np.isfinite(run.y).all():
        raise ArithmeticError(f"The tokens could not be followed: {run.message}")
    return np.asarray(np.abs(mass @ np.cos(run.y)))


def _drift_of_harmonics(law: AttentionParticles, mass: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
    """The speed of angles of tokens with these masses, from the harmonics of their density."""
    H = harmonics(law.dimension, law.beta, MODES)

    def drift(_: float, angle: np.ndarray) -> np.ndarray:
        P, slope = _polynomials(np.cos(angle), law.dimension, MODES)
        a = H.kernel * (P @ mass)
        return -np.sin(angle) * (a @ slope) / (law.beta * (a @ P if law.attention == "softmax" else 1.0))

    return drift


def _drift_of_pairs(law: AttentionParticles, mass: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
    """The same, from sums over pairs, of which no term is negative: for steep fields."""
    d, beta = law.dimension, law.beta
    even, odd = _around((d - 3) / 2, beta), _around((d - 1) / 2, beta)
    computed = itertools.count()

    def drift(time: float, angle: np.ndarray) -> np.ndarray:
        if next(computed) == MOST_SPEEDS:
            raise ArithmeticError(
                f"The tokens of {law.short()} fall one after the other into a cluster that pulls up to exp({beta:g}) "
                f"times as fast as they drift, and could be followed until the time {time:.4g} only: take earlier "
                "`times`, a smaller `beta`, some `temperature` or softmax."
            )
        c, sin = np.cos(angle), np.sin(angle)
        y = beta * np.outer(sin, sin)
        weight = np.exp(beta * np.outer(c, c))
        flat, bent = even(y), odd(y) * y / (d - 1)
        pull = weight * (-np.outer(sin, c) * flat + np.outer(c, sin) * bent) @ mass
        return pull / ((weight * flat) @ mass) if law.attention == "softmax" else pull

    return drift


def _jacobian_of_pairs(law: AttentionParticles, mass: np.ndarray) -> Callable[[float, np.ndarray], np.ndarray]:
    r"""The derivatives of the speeds without a norm: those of $\partial_i e^{\beta c_i c_j} F(\beta s_i s_j) / \beta$.

    F is the mean of `_around`, with $F'' = F - (d - 2) F' / y$.
    """
    d, beta = law.dimension, law.beta
    even, odd = _around((d - 3) / 2, beta), _around((d - 1) / 2, beta)

    def jacobian(_: float, angle: np.ndarray) -> np.ndarray:
        c, s = np.cos(angle), np.sin(angle)
        cc, ss, sc = np.outer(c, c), np.outer(s, s), np.outer(s, c)
        weight, y = np.exp(beta * cc) * mass, beta * ss
        flat, bent = even(y), odd(y) / (d - 1)
        slope, curve = bent * y, flat - (d - 2) * bent
        pull = -sc * flat + sc.T * slope
        mixed = ss * flat + cc * slope + beta * (sc * (sc.T * curve - sc * slope) - sc.T * pull)
        own = -cc * flat - ss * slope + beta * (sc.T * (sc.T * curve - sc * slope) - sc * pull)
        return np.asarray(weight * mixed + np.diag((weight * own).sum(axis=1)))

    return jacobian


@lru_cache(maxsize=8)
def _around(nu: float, most: float) -> Callable[[np.ndarray], np.ndarray]:
    """The mean of exp(y u_1), 0 <= y <= most, on the sphere of u: Gamma(nu + 1) (2 / y)**nu I_nu(y), from a table."""
    from scipy.interpolate import CubicSpline
    from scipy.special import gammaln, ive

    y = np.linspace(0.0, most, 4097)
    logs = gammaln(nu + 1) + nu * np.log(2 / y[1:]) + np.log(ive(nu, y[1:])) + y[1:]
    if nu > 2:  # where Bessel's function underflows: the first terms of its series
        first = y[1:] ** 2 / (4 * (nu + 1))
        logs = np.where(first < 1e-3, first - first**2 / (2 * (nu + 2)), logs)
    table = CubicSpline(y, np.append(0.0, logs))
    return lambda y: np.asarray(np.exp(table(y)))


def linear(beta: float, d: int, attention: str) -> float:
    """The temperature below which the uniform distribution is unstable."""
    H = harmonics(d, beta, MODES)
    return float(H.kernel[1] / (beta * (H.kernel[0] if attention == "softmax" else 1.0)))


def stationary_order(law: AttentionParticles) -> float:
    """R of the stationary density of largest order; 0 if there is only the uniform one."""
    T = law.temperature
    if T == 0:
        return 1.0
    edge = linear(law.beta, law.dimension, law.attention)
    if edge <= T and (law.attention == "softmax" or law.beta <= tricritical(law.dimension)):
        return 0.0
    if edge <= T and _spinodal(law.beta, law.dimension)[1] <= T:
        return 0.0
    branch = Branch.of(law.beta, law.dimension, law.attention, math.ceil(MODES * max(1.0, 0.3 / math.sqrt(T))))
    start = branch.H.s * max(30.0, 3 / T)  # almost a point
    log_rho = fixed_point(lambda u: branch.exponent(u) / T, start, tolerance=1e-11, damping=0.3)
    return branch.order(log_rho)


class Branch(NamedTuple):
    """Stationary densities exp(psi / T), as logarithms at the nodes, up to a constant."""

    beta: float
    attention: str
    H: Harmonics

    @classmethod
    def of(cls, beta: float, d: int, attention: str, modes: int = MODES) -> Branch:
        """With so many harmonics in d dimensions."""
        return cls(beta, attention, harmonics(d, beta, modes))

    def density(self, log_rho: np.ndarray) -> np.ndarray:
        rho = np.exp(log_rho - log_rho.max())
        return np.asarray(rho / (self.H.w @ rho))

    def exponent(self, log_rho: np.ndarray) -> np.ndarray:
        """psi of the density, shifted to 0 at the node of largest s."""
        H = self.H
        field = ((H.P @ (H.w * self.density(log_rho))) * H.kernel) @ H.P
        psi = np.log(field) / self.beta if self.attention == "softmax" else field / self.beta
        return np.asarray(psi - psi[-1])

    def order(self, log_rho: np.ndarray) -> float:
        return float(self.H.w @ (self.density(log_rho) * self.H.s))

    def at(self, order: float) -> tuple[float, np.ndarray]:
        """The temperature at which the stationary density has this order, and its logarithm."""
        from scipy.optimize import brentq

        def slope(psi: np.ndarray) -> float:
            """1 / T such that exp(psi / T) has the order."""
            return float(np.exp(brentq(lambda u: self.order(np.exp(u) * psi) - order, -20, 20, xtol=1e-14)))

        first = brentq(lambda c: self.order(c * self.H.s) - order, 0.0, 500.0)
        log_rho = fixed_point(
            lambda u: (lambda psi: slope(psi) * psi)(self.exponent(u)),
            first * (self.H.s - self.H.s[-1]),
            tolerance=1e-11,
        )
        return 1 / slope(self.exponent(log_rho)), log_rho

    def free_energy(self, order: float) -> float:
        """That of the density of this order less that of the uniform one, at its temperature; unnormalised only."""
        T, log_rho = self.at(order)
        H, rho = self.H, self.density(log_rho)
        a = H.P @ (H.w * rho)
        entropy = float(H.w @ (rho * np.log(np.maximum(rho, 1e-300))))
        return T * entropy - float((a**2 * H.kernel)[1:].sum()) / (2 * self.beta)


def _spinodal(beta: float, d: int) -> tuple[float, float]:
    """Order and temperature at which the clustered branch of unnormalised attention ends."""
    from scipy.optimize import minimize_scalar

    branch = Branch.of(beta, d, "unnormalised")
    maximum = minimize_scalar(
        lambda R: -branch.at(R)[0], bounds=(0.02, 0.98), method="bounded", options={"xatol": 1e-6}
    )
    return float(maximum.x), float(-maximum.fun)


def _transition(beta: float, d: int, least: float) -> float:
    """The temperature at which the clustered and the uniform density have the same free energy; least: its order."""
    from scipy.optimize import brentq

    branch = Branch.of(beta, d, "unnormalised")
    R = brentq(branch.free_energy, least, 0.99, xtol=1e-10)
    return branch.at(R)[0]


def tricritical(d: int) -> float:
    """The beta above which the transition of unnormalised attention is of first order."""
    from scipy.optimize import brentq
    from scipy.special import ive

    return float(brentq(lambda b: ive(d / 2 + 1, b) / ive(d / 2, b) - 1 / d, 1e-3, 10.0 * d, xtol=1e-14))


def thresholds(law: AttentionParticles, along: str) -> dict[str, float]:
    """The transitions along temperature or beta."""
    beta, d, usa = law.beta, law.dimension, law.attention == "unnormalised"
    if along == "beta" and usa:
        return {"tricritical": tricritical(d)}
    if along != "temperature":
        raise StatementError(
            f"AttentionParticles has no known transition along {along!r}; there are some along 'temperature' and, "
            "unnormalised, along 'beta'."
        )
    betas = {"linear": linear(beta, d, law.attention)}
    if usa and beta > tricritical(d) * (1 + 1e-6):
        order, spinodal = _spinodal(beta, d)
        betas |= {"transition": _transition(beta, d, order), "spinodal": spinodal}
    return betas
