r"""Ridge regression on the features of a network after one giant step, through their conditional Gaussian equivalent.

A unit's weights after the step are those of `weights`, the spike s common to all units and a rest b of covariance
$\Omega$. Given the field $\theta\kappa = s \cdot x / \sqrt d$ of the spike a feature is

$$m_0(\kappa) + m_1(\kappa)\, b \cdot x / \sqrt d + \tfrac12 m_2(\kappa)\, k / \sqrt d + m_\star(\kappa)\, \xi, \qquad
  k = (|b|^2 - E |b|^2) / \sqrt d :$$

the lengths of the rows fluctuate by as little as their components along g, and count as much. As $m_0$ is of order one
its coefficient, the mean of the readout, costs no penalty. A sample acts on the readout through its residual over
$1 + V$, $V(\kappa) = m_1^2 V_1 + m_\star^2 V_2$; the responses $V_1$, $V_2$ solve two equations of their own, and what
is left is linear.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .....contract.record import StatementError
from .....numerics.bivariate import quadrant
from .....numerics.gaussian import nodes
from .weights import Population, Spiked, spiked

if TYPE_CHECKING:
    from .. import OneGiantStep

KAPPA, SPACING = 9.0, 0.05  # the grid of the spike's field, in standard deviations
ROUNDS, SETTLED = 20_000, 1e-12


@dataclass(frozen=True)
class Features:
    """What a feature is given the spike's field, on a grid of it: m0, m1, m2/2 and m_star^2; with the weights."""

    kappa: np.ndarray
    weight: np.ndarray
    m0: np.ndarray
    m1: np.ndarray
    half_m2: np.ndarray
    rest: np.ndarray


def features(law: OneGiantStep, s: Spiked) -> Features:
    """The conditional Gaussian equivalent of the features."""
    count = round(KAPPA / SPACING)
    kappa = SPACING * np.arange(-count, count + 1)
    weight = SPACING * np.exp(-(kappa**2) / 2) / math.sqrt(2 * math.pi)
    power = 1 + s.tau
    field, deviation = s.theta * kappa, math.sqrt(power)
    u, w = nodes(np.asarray(law.activation.breaks(), float), field, deviation)
    z = (u - field[:, None]) / deviation
    f = np.asarray(law.activation(u), float)
    m0, m1 = (w * f).sum(axis=1), (w * z * f).sum(axis=1) / deviation
    m2 = (w * (z**2 - 1) * f).sum(axis=1) / power
    rest = (w * (f - m0[:, None] - m1[:, None] * (u - field[:, None])) ** 2).sum(axis=1)
    return Features(kappa, weight, m0, m1, m2 / 2, rest)


def predict(law: OneGiantStep) -> dict[str, Any]:
    """The errors and the alignment."""
    s = spiked(law)
    population, f, c = Population(s, law.alpha0), features(law, s), 1 / law.features
    V1, V2, zeta, m, residual = responses(law, population, f, c)
    W = 1 / (1 + f.m1**2 * V1 + f.rest * V2)
    V_hat = law.alpha * f.weight @ (W * f.m1**2)
    R = population.resolvent(m).real
    A, force, M = readout(law, s, f, W, V_hat, (np.eye(3) - R) / V_hat)
    mean = f.m0 * A + f.m1 * f.kappa * M[0] + f.half_m2 * M[2]
    square = misfit(law, s, f, mean, M)
    q, Q = lengths(law, population, f, W, (V_hat, zeta, m, c), square, (force, M))
    spread = f.m1**2 * q + f.rest * Q
    return {
        "test_error": wrong_signs(s, f, mean, M, spread),
        "test_loss": float(f.weight @ (square + spread)) / 2,
        "train_loss": float(f.weight @ (W**2 * (square + spread))) / 2,
        "norm": Q,
        "spike_overlap": s.alignment,
    } | {f"{k}_error": residual for k in ("test_error", "test_loss", "train_loss", "norm")}


def responses(
    law: OneGiantStep, population: Population, f: Features, c: float
) -> tuple[float, float, float, float, float]:
    """V1, V2 of the linear and the other part of the field, zeta, m, and the residual of their equations."""
    V = np.array([1.0, 1.0])
    for _ in range(ROUNDS):
        W = 1 / (1 + f.m1**2 * V[0] + f.rest * V[1])
        V1_hat, V2_hat = (law.alpha * (f.weight @ (W * a)) for a in (f.m1**2, f.rest))
        zeta = (law.ridge + c * V2_hat) / V1_hat
        m = population.companion(zeta, c)
        fresh = m / V1_hat * np.array([population.mean(population.omega / (1 + m * population.omega)), 1.0])
        residual = float(np.max(np.abs(fresh / V - 1)))
        V = fresh
        if residual < SETTLED:
            return V[0], V[1], zeta, m, residual
    raise ArithmeticError(f"The responses did not settle in {ROUNDS} rounds; their residual is {residual:.2g}.")


def labels(s: Spiked, f: Features) -> tuple[np.ndarray, np.ndarray]:
    """E[y | kappa] and E[y nu | kappa], nu the teacher's field but for the spike's part."""
    from scipy.special import erf

    rest = math.sqrt(1 - s.alignment**2)
    clean = s.teacher * math.sqrt(math.pi / 2)
    u = s.alignment * f.kappa / rest
    return clean * erf(u / math.sqrt(2)), clean * math.sqrt(2 / math.pi) * np.exp(-(u**2) / 2)


def readout(
    law: OneGiantStep, s: Spiked, f: Features, W: np.ndarray, V_hat: float, H: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean of the readout A, the force on the three directions, and the readout M = H force along them."""
    y, y_nu = labels(s, f)
    weight = f.weight * W
    inputs = np.stack([f.m1 * f.kappa, f.half_m2])
    gram = np.zeros((3, 3))
    gram[np.ix_([0, 2], [0, 2])] = (inputs * weight) @ inputs.T
    gram[1, 1] = weight @ f.m1**2
    mixed, target = np.zeros(3), np.zeros(3)
    mixed[[0, 2]], target[[0, 2]] = inputs @ (weight * f.m0), inputs @ (weight * y)
    target[1] = weight @ (f.m1 * y_nu)
    system = np.zeros((4, 4))
    system[:3, :3] = np.eye(3) + (law.alpha * gram - V_hat * np.eye(3)) @ H
    system[:3, 3] = law.alpha * mixed
    system[3, :3], system[3, 3] = law.alpha * mixed @ H, law.alpha * weight @ f.m0**2
    known = law.alpha * np.append(target, weight @ (f.m0 * y))
    solution = np.linalg.lstsq(system, known, rcond=1e-13)[0]
    return float(solution[3]), solution[:3], H @ solution[:3]


def misfit(law: OneGiantStep, s: Spiked, f: Features, mean: np.ndarray, M: np.ndarray) -> np.ndarray:
    """E[(y - what the readout makes of the spike and the teacher)^2 | kappa]."""
    y, y_nu = labels(s, f)
    return np.asarray(1 - 2 * mean * y + mean**2 - 2 * f.m1 * M[1] * y_nu + (f.m1 * M[1]) ** 2)


def lengths(
    law: OneGiantStep,
    population: Population,
    f: Features,
    W: np.ndarray,
    solved: tuple[float, float, float, float],
    square: np.ndarray,
    signal: tuple[np.ndarray, np.ndarray],
) -> tuple[float, float]:
    """q of the linear part beside the three directions, and Q = |a|^2/p, from their two linear equations."""
    (V_hat, zeta, m, c), (force, M) = solved, signal
    slope = population.slope(m, c)
    tiny = 1e-30
    D = slope * population.resolvent(m + 1j * tiny).imag / tiny
    R = population.resolvent(m).real
    r = 1 / (1 + m * population.omega)
    bulk = -slope * population.mean(population.omega * r**2)
    full = m * population.mean(population.omega * r)
    weight = law.alpha * f.weight * W**2
    parts = np.stack([f.m1**2, f.rest])
    onto = np.array([[full - zeta * bulk, c * bulk], [c * bulk, -c * slope]])
    start = np.array([force @ (np.eye(3) - R - zeta * D) @ force, c * force @ D @ force]) / V_hat**2
    start[0] -= M @ M
    noise, mixing = parts @ (weight * square), (parts * weight) @ parts.T
    onto = onto / V_hat**2
    q, Q = np.linalg.solve(np.eye(2) - onto @ mixing, start + onto @ noise)
    if not (q >= -1e-9 and Q >= -1e-9):
        raise ArithmeticError(f"The readout must have a length, but its squares are {q:.3g} and {Q:.3g}.")
    return max(float(q), 0.0), max(float(Q), 0.0)


def wrong_signs(s: Spiked, f: Features, mean: np.ndarray, M: np.ndarray, spread: np.ndarray) -> float:
    """P(the student's sign differs from the teacher's)."""
    from scipy.special import ndtr

    rest = math.sqrt(1 - s.alignment**2)
    deviation = np.sqrt(np.maximum(spread + (f.m1 * M[1]) ** 2, 1e-300))
    r, left = f.m1 * M[1] / deviation, np.sqrt(spread) / deviation
    h, k = mean / deviation, s.alignment * f.kappa / rest
    both = quadrant(h, k, r, np.maximum(left, 1e-12))
    return float(f.weight @ (ndtr(h) + ndtr(k) - 2 * both))


def check_activation(law: OneGiantStep) -> None:
    """Raise `StatementError` unless the activation is odd and without jumps."""
    z = np.array([0.1, 0.7, 1.9, 3.3])
    values = np.asarray(law.activation(z), float)
    if not np.allclose(values, -np.asarray(law.activation(-z), float), rtol=1e-9, atol=1e-12):
        raise StatementError(
            f"`activation` of OneGiantStep must be odd, sigma(-z) = -sigma(z), like Tanh() or Erf(), but is "
            f"{law.activation!r}."
        )
    z, w = nodes(np.asarray(law.activation.breaks(), float))
    if abs(w @ np.asarray(law.activation.derivative(z), float) - law.activation.moments().mu1) > 1e-6:
        raise StatementError(f"`activation` of OneGiantStep must not jump, but {law.activation!r} does.")
