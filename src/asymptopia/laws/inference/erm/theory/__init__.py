"""The replica-symmetric fixed point of empirical risk minimisation, many problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .....contract.batching import stacked
from .....contract.record import with_arrays
from .....parts.loss import Logistic, Square
from .....parts.prior import Prior
from .....theory.overlaps import pack, solve, test_error, unpack, wide
from .....theory.replica import output_averages
from .....theory.scalar import observation_averages
from .....theory.uncertainty import scores
from .recovery import last_exact, nearly_recovering, recovering, soft_moments

if TYPE_CHECKING:
    from .. import ERM

__all__ = ["last_exact", "predict_many"]


def predict_many(law: ERM) -> dict[str, Any]:
    """The observables of `ERM`, with arrays in its number fields for many problems at once."""
    count = stacked(law)
    exact, near = recovering(law, count), nearly_recovering(law, count)
    through = _interpolating(law, count) | exact
    rho = wide(law.prior.second_moment, count)
    m, q, V, residual = _solve_where(~(through | near.where), law, rho)
    averages = output_averages(law.loss, law.teacher, m, q, V, rho)
    least = (np.where(exact, rho, value) for value in _least_norm(law, rho, count))
    m, q = (np.where(through, a, b) for a, b in zip(least, (m, q), strict=True))
    values = {
        "overlap": m,
        "norm": q,
        "test_error": test_error(law.teacher if law.noisy_test else law.teacher.noiseless(), m, q, rho),
        "train_loss": np.where(through, 0.0, averages.loss),
        "train_error": np.where(through, 0.0, averages.error),
    }
    if isinstance(law.loss, Logistic):
        values |= scores(law.teacher, m, q, rho, lambda z: z)
    if near.where.any():
        values = {k: np.where(near.where, near.values[k], v) for k, v in values.items()}
        residual = np.where(near.where, near.residual, residual)
    values |= {f"{k}_error": residual * np.maximum(np.abs(v), 1e-3) for k, v in list(values.items())}
    return values


def _interpolating(law: ERM, count: int) -> np.ndarray:
    """The problems (count,) without penalty and with fewer samples than dimensions: the student fits them all."""
    alpha, ridge, l1 = (wide(v, count) for v in (law.alpha, law.ridge, law.l1))
    return (ridge == 0) & (l1 == 0) & (alpha < 1) & (not law.loss.margin)


def _least_norm(law: ERM, rho: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """m and q of the interpolator of least norm: m = alpha E y z0, and q = m^2 / rho + alpha E (y - omega)^2.

    The moments of the labels are those of the square loss at a cavity field that knows nothing.
    """
    alpha, one = wide(law.alpha, count), np.ones(count)
    at = output_averages(Square(), law.teacher, 0 * one, one, one, rho, training=False)
    cross, power = 2 * at.signal * rho, 4 * at.f2 - 1
    m = alpha * cross
    with np.errstate(divide="ignore", invalid="ignore"):
        return m, (m**2 / rho + alpha * (power - 2 * m * cross / rho)) / (1 - alpha)


def _solve_where(unsolved: np.ndarray, law: ERM, rho: np.ndarray) -> tuple[np.ndarray, ...]:
    """m, q, V and residual, (count,) each, solved for the problems `unsolved` alone; elsewhere of no knowledge."""
    values = np.zeros_like(rho), rho.copy(), np.ones_like(rho), np.zeros_like(rho)
    members = np.flatnonzero(unsolved)
    if len(members):
        for value, new in zip(values, solved(with_arrays(law, lambda a: a[members]), rho[members]), strict=True):
            value[members] = new
    return values


def solved(law: ERM, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """m, q, V and residual, (count,) each, for teachers of second moment rho (count,)."""
    count = len(rho)
    alpha, ridge, l1 = (wide(v, count) for v in (law.alpha, law.ridge, law.l1))
    start = np.stack([np.full(count, 0.5), np.log(0.3 * rho), np.log(1 / (1 + alpha))], axis=1)
    solutions, residual = solve(lambda penalty: _step(law, rho, alpha, penalty, l1), ridge, start)
    return *unpack(solutions, rho), residual


def _step(law: ERM, rho: np.ndarray, alpha: np.ndarray, ridge: np.ndarray, l1: np.ndarray) -> Any:
    def step(x: np.ndarray, members: np.ndarray) -> np.ndarray:
        part = with_arrays(law, lambda a: a[members])
        r, a, penalty, threshold = rho[members], alpha[members], ridge[members], l1[members]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
            m, q, V = unpack(x, r)
            averages = output_averages(part.loss, part.teacher, m, q, V, r, training=False)
            m_hat, q_hat, V_hat = a * averages.signal, a * averages.f2, -a * averages.slope
            m, q, V = _student(part.prior, m_hat, q_hat, V_hat, penalty, threshold)
            return pack(m, q, V, r)

    return step


def _student(
    prior: Prior, m_hat: np.ndarray, q_hat: np.ndarray, V_hat: np.ndarray, ridge: np.ndarray, l1: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, q, V of the student's coordinates: soft(B, l1) / (ridge + V_hat), B = m_hat w* + sqrt(q_hat) xi."""
    curvature = ridge + V_hat
    if not np.any(l1):
        rho = prior.second_moment
        return rho * m_hat / curvature, (rho * m_hat**2 + q_hat) / curvature**2, 1 / curvature
    mixture = prior.components()
    if mixture is None:
        return _observed(prior, m_hat, q_hat, l1, curvature)
    m, q, passed = np.zeros_like(m_hat), np.zeros_like(m_hat), np.zeros_like(m_hat)
    for weight, mean, variance in zip(*mixture, strict=True):
        first, second, share = soft_moments(m_hat * mean, np.sqrt(m_hat**2 * variance + q_hat), l1)
        m += weight * (mean * first + m_hat * variance * share)
        q += weight * second
        passed += weight * share
    return m / curvature, q / curvature**2, passed / curvature


def _observed(
    prior: Prior, m_hat: np.ndarray, q_hat: np.ndarray, l1: np.ndarray, curvature: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """m, q, V for a prior of which only the log-partition is known: B / sqrt(q_hat) is an observation of w*."""
    scale, sign = np.sqrt(q_hat), np.where(m_hat < 0, -1.0, 1.0)
    cut = l1 / scale

    def values(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, log_p: np.ndarray, owner: np.ndarray) -> Any:
        soft = np.sign(x) * np.maximum(np.abs(x) - cut[owner, None], 0.0)
        return np.stack([mean * soft, soft**2, soft != 0])

    first, second, passed = observation_averages(prior, m_hat**2 / q_hat, values, np.stack([-cut, cut], axis=1))
    return sign * scale * first / curvature, q_hat * second / curvature**2, passed / curvature
