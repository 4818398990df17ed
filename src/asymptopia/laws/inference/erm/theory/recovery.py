"""Weak penalties on labels without noise: where the student is the teacher, or all but the teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .....numerics.fixed_points import NotConverged
from .....parts.channel import Linear
from .....theory.overlaps import wide

if TYPE_CHECKING:
    from .. import ERM

HOMOGENEOUS_STEPS = 5000
LEAST_PENALTY = 1e-6  # weaker ones are not told from none
WEAK = 3e-4  # the error of a student, relative to the teacher, below which it is proportional to the penalties


def recovering(law: ERM, count: int) -> np.ndarray:
    """The problems (count,) whose labels have no noise and whose only minimum is the teacher."""
    if not isinstance(law.teacher, Linear) or not law.loss.location:
        return np.zeros(count, bool)
    alpha, ridge, l1, noise = (wide(v, count) for v in (law.alpha, law.ridge, law.l1, law.teacher.noise))
    free = (ridge == 0) & (l1 == 0)
    penalised = (noise == 0) & ~free
    if not penalised.any():
        return (noise == 0) & (alpha > 1)
    exact = _exact_with_penalty(law, alpha, np.where(penalised, ridge, 1.0), l1)
    return (noise == 0) & np.where(free, alpha > 1, exact)


def last_exact(law: ERM, along: str) -> float:
    """The largest strength of the penalty `along` at which the teacher is still the minimum; 0 if there is none."""

    def exact(strength: float) -> bool:
        return bool(recovering(law.replace(**{along: strength}), 1)[0])

    low, high = LEAST_PENALTY, 1.0
    if not exact(low):
        return 0.0
    while exact(high):
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if exact(middle) else (low, middle)
    return low


def _exact_with_penalty(law: ERM, alpha: np.ndarray, ridge: np.ndarray, l1: np.ndarray) -> np.ndarray:
    """Whether a penalty leaves the teacher the minimum, (count,), for a loss whose slope jumps at the label.

    Near the teacher only the slopes a < 0 < b beside the label matter. With residuals of variance t V^2 the equations
    are homogeneous in V: t = E g^2 / S^2, where g is soft(-penalty's slope + sqrt(q_hat) xi), S the share of
    coordinates that move, q_hat = alpha E clip(r, a, b)^2 and r ~ N(0, t). V shrinks to 0 if S < alpha P(a < r < b).
    """
    mixture = law.prior.components()
    if mixture is None or not np.any(law.loss.kinks(np.array([0.0])) == 0):
        return np.zeros(len(alpha), bool)
    a, b = (float(law.loss.gradient(np.zeros(1), np.array([side]))[0]) for side in (-1e-9, 1e-9))
    t = np.full(len(alpha), 1.0) + ridge**2 + l1**2
    for _ in range(HOMOGENEOUS_STEPS):
        _, square = _clipped(a, b, np.sqrt(t))
        power, moving = _moved(mixture, np.sqrt(alpha * square), ridge, l1)
        new = power / moving**2
        settled = np.abs(new - t) <= 1e-12 * t
        t = new
        if np.all(settled):
            break
    if not np.all(settled):
        raise NotConverged("The equations of exact recovery under a penalty did not settle.")
    inside, _ = _clipped(a, b, np.sqrt(t))
    return settled & (moving < alpha * inside)


class Nearly(NamedTuple):
    """The problems whose student is the teacher but for an error proportional to the penalties; arrays (count,).

    where: which problems. values: their observables by name. residual: the relative error of these values.
    """

    where: np.ndarray
    values: dict[str, np.ndarray]
    residual: np.ndarray


def nearly_recovering(law: ERM, count: int) -> Nearly:
    """The limit of weak penalties and a loss with curvature c at the label: basis pursuit that recovers, if l1 alone.

    The equations become homogeneous in the penalties. With g = soft(-penalty's slope + sqrt(q_hat) xi) and S the share
    of coordinates that move, alpha q_hat = E g^2, V_hat = c (alpha - S), and the squared error is E g^2 / V_hat^2:
    alpha = M(theta) of Donoho, Maleki and Montanari (2009), equation 5, for l1 alone. No solution: no recovery.
    """
    nowhere = Nearly(np.zeros(count, bool), {}, np.zeros(count))
    mixture = law.prior.components()
    if mixture is None or not isinstance(law.teacher, Linear) or not law.loss.location:
        return nowhere
    zero = np.zeros(count)
    alpha, ridge, l1, noise = (wide(v, count) for v in (law.alpha, law.ridge, law.l1, law.teacher.noise))
    rho, slope, c = (wide(v, count) for v in (law.prior.second_moment, *_at_label(law.loss, zero)))
    first = (np.maximum(ridge, l1) > 0) & (noise == 0) & (slope == 0) & (c > 0)
    if not first.any():
        return nowhere
    scale = np.where(first, np.hypot(ridge * np.sqrt(rho), l1), 1.0)  # homogeneous: solved at penalties of order one
    power, moving, settled = _settled(mixture, alpha, ridge / scale, l1 / scale)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        V_hat = c * (alpha - moving)
        missed = power * (scale / V_hat) ** 2
        bias = scale * _pulled(mixture, ridge / scale, l1 / scale) / V_hat
        left = ((alpha - moving) / alpha) ** 2 * missed
        size = np.sqrt(missed / rho) + scale / V_hat / np.sqrt(rho)
        where = first & settled & (moving < alpha) & (size < WEAK) & _parabolic(law.loss, c, np.sqrt(left))
    values = {"overlap": rho - bias, "norm": rho - 2 * bias + missed, "test_error": missed}
    values |= {"train_loss": c / 2 * left, "train_error": left}
    return Nearly(where, values, np.where(where, size**2, 0.0))


def _at_label(loss: Any, zero: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest slope beside a label, 0 if the loss is smooth there, and the curvature at it, (count,) each."""
    step = np.full_like(zero, 1e-9)
    slope = np.maximum(np.abs(loss.gradient(zero, -step)), np.abs(loss.gradient(zero, step)))
    curvature = np.minimum(loss.curvature(zero, -step), loss.curvature(zero, step))
    return np.where(slope <= 2e-9 * np.maximum(curvature, 1.0), 0.0, slope), curvature


def _parabolic(loss: Any, c: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Whether the loss is c r^2 / 2 for residuals r up to eight times `width`, (count,)."""
    r = 8 * np.where(np.isfinite(width), width, 0.0)
    zero = np.zeros_like(r)
    slopes = np.abs(loss.gradient(zero, r) - c * r), np.abs(loss.gradient(zero, -r) + c * r)
    return np.asarray(np.maximum(*slopes) <= 1e-3 * c * r)


def _settled(
    mixture: Any, alpha: np.ndarray, ridge: np.ndarray, l1: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E g^2 = alpha q_hat from below, the share that moves, and whether there is such a q_hat, (count,) each."""
    q_hat, settled = np.full_like(alpha, 1e-12), np.zeros_like(alpha, bool)
    for _ in range(HOMOGENEOUS_STEPS):
        power, moving = _moved(mixture, np.sqrt(q_hat), ridge, l1)
        settled = np.abs(power / alpha - q_hat) <= 1e-13 * q_hat
        q_hat = np.where(settled, q_hat, np.minimum(power / alpha, 1e12))
        if np.all(settled | (q_hat >= 1e12)):
            break
    return power, moving, settled & (q_hat < 1e12)


def _pulled(mixture: Any, ridge: np.ndarray, l1: np.ndarray) -> np.ndarray:
    """E w (ridge w + l1 sign w), the overlap of the teacher with the slope of the penalty at it."""
    total = np.zeros_like(ridge)
    for weight, mean, variance in zip(*mixture, strict=True):
        total = total + weight * (ridge * (mean**2 + variance) + l1 * _mean_size(mean, variance))
    return total


def _mean_size(mean: float, variance: float) -> float:
    """E|w| of a normal w."""
    from scipy.special import ndtr

    width = np.sqrt(max(float(variance), 1e-300))
    bell = np.exp(-((mean / width) ** 2) / 2) * np.sqrt(2 / np.pi)
    return float(width * bell + mean * (1 - 2 * ndtr(-mean / width)))


def _clipped(a: float, b: float, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(a < r < b) and E clip(r, a, b)^2 for r ~ N(0, scale^2) and a < 0 < b."""
    from scipy.special import ndtr

    below, above = ndtr(a / scale), ndtr(-b / scale)
    with np.errstate(over="ignore"):  # residuals far below the slopes
        bell = np.exp(-((np.array([[a], [b]]) / scale) ** 2) / 2) / np.sqrt(2 * np.pi)
    inside = 1 - below - above
    return inside, scale**2 * inside - scale * (b * bell[1] - a * bell[0]) + a**2 * below + b**2 * above


def _moved(mixture: Any, noise: np.ndarray, ridge: np.ndarray, l1: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E g^2 and the share of coordinates that move, where a teacher's zero is held by l1."""
    power, moving = np.zeros_like(noise), np.zeros_like(noise)
    for weight, mean, variance in zip(*mixture, strict=True):
        if mean == variance == 0:
            _, second, share = soft_moments(np.zeros_like(noise), noise, l1)
        else:
            size = _mean_size(mean, variance)
            second = ridge**2 * (mean**2 + variance) + 2 * ridge * l1 * size + l1**2 + noise**2
            share = np.ones_like(noise)
        power, moving = power + weight * second, moving + weight * share
    return power, moving


def soft_moments(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """E soft(B, t), E soft(B, t)**2 and P(|B| > t) for B ~ N(a, b**2)."""
    from scipy.special import ndtr

    first, second, share = 0.0, 0.0, 0.0
    for sign in (1.0, -1.0):
        excess = sign * a - t
        u = excess / b
        tail, bell = ndtr(u), np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
        first = first + sign * (excess * tail + b * bell)
        second = second + (excess**2 + b**2) * tail + excess * b * bell
        share = share + tail
    return np.asarray(first), np.asarray(second), np.asarray(share)
