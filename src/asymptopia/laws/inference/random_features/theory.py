"""The replica-symmetric fixed point of random features through their Gaussian equivalent, many problems at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import stacked
from ....contract.record import with_arrays
from ....parts.activation import Activation
from ....theory.overlaps import pack, solve, test_error, unpack, wide
from ....theory.replica import output_averages
from ....theory.separability import separability

if TYPE_CHECKING:
    from . import RandomFeatures


def predict_many(law: RandomFeatures) -> dict[str, Any]:
    """The observables of `RandomFeatures`, with arrays in its number fields for many problems at once."""
    count = stacked(law)
    m, q, V, residual = fixed_point(law, count)
    one = np.ones(count)
    averages = output_averages(law.loss, law.teacher, m, q, V, one)
    values = {
        "test_error": test_error(law.teacher.noiseless(), m, q, one),
        "train_loss": averages.loss,
    }
    values |= {f"{k}_error": residual * np.maximum(np.abs(v), 1e-3) for k, v in list(values.items())}
    return values


def fixed_point(law: RandomFeatures, count: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """m = E[z nu], q = E[z**2], V of the student's field z, and the residual; (count,) each."""
    one = np.ones(count)
    alpha, features, ridge = (wide(v, count) for v in (law.alpha, law.features, law.ridge))
    mu1, mu_star = coefficients(law.activation, count)
    power = mu1**2 + mu_star**2
    start = pack(0.3 * np.sqrt(0.3 * power), 0.3 * power, power / (ridge + alpha), one)

    def step_at(ridge: np.ndarray) -> Any:
        def step(x: np.ndarray, members: np.ndarray) -> np.ndarray:
            part, r, p = with_arrays(law, lambda a: a[members]), ridge[members], features[members]
            with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
                m, q, V = unpack(x, one[members])
                averages = output_averages(part.loss, part.teacher, m, q, V, one[members], training=False)
                m_hat, q_hat, V_hat = (alpha[members] / p * a for a in (averages.signal, averages.f2, -averages.slope))
                degrees, degrees2, power, power2 = traces(r / V_hat, p, mu1[members], mu_star[members])
                m = m_hat / V_hat * power
                q = (q_hat * degrees2 + m_hat**2 * power2) / V_hat**2
                return pack(m, q, degrees / V_hat, one[members])

        return step

    x, residual = solve(step_at, ridge, start)
    return *unpack(x, one), residual


def coefficients(activation: Activation, count: int) -> tuple[np.ndarray, np.ndarray]:
    """mu1 and mu_star of each problem's activation, (count,) each."""
    if stacked(activation) == 1:
        moments = activation.moments()
        return wide(moments.mu1, count), wide(moments.mu_star, count)
    each = [with_arrays(activation, lambda a, i=i: a[i]).moments() for i in range(count)]  # type: ignore[misc]
    return np.array([f.mu1 for f in each]), np.array([f.mu_star for f in each])


def traces(
    kappa: np.ndarray, features: np.ndarray, mu1: np.ndarray, mu_star: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """tr(Omega R)/p, tr(Omega R Omega R)/p, b R b and b R Omega R b; R = (Omega + kappa)^-1, arrays of one shape.

    Omega = mu1**2 F F'/d + mu_star**2 and b = mu1 F w_star/d, with F (p x d) of independent entries of unit variance.
    With s = mu1**2 (F F'/d) and t = mu_star**2 + kappa, the trace g = tr (s + t)^-1 / p of Marchenko and Pastur is the
    positive root of t c g**2 + (t + mu1**2 - c) g - 1 = 0, c = mu1**2 features; h = tr s (s + t)^-1 / p. Nothing
    cancels in what follows from them.
    """
    t, c, rest = mu_star**2 + kappa, mu1**2 * features, mu_star**2
    middle = t + mu1**2 - c
    root = np.sqrt(middle**2 + 4 * t * c)
    g = np.where(middle > 0, 2 / (root + np.abs(middle)), (root + np.abs(middle)) / np.maximum(2 * t * c, 1e-300))
    h = mu1**2 * g / (1 + c * g)
    both = ((mu1**2 - c) ** 2 + 2 * t * (mu1**2 + c)) / (root * (root + t))
    squared, mixed, inverse2 = h * both, h / root, g * (1 + c * g) / root
    return (
        h + rest * g,
        squared + 2 * rest * mixed + rest**2 * inverse2,
        features * h,
        features * (squared + rest * mixed),
    )


def interpolating_features(law: RandomFeatures) -> float:
    """The features per dimension from which on the training samples can be fitted without error; inf if none do."""
    from scipy.optimize import brentq

    def excess(log_features: float) -> float:
        return float(np.log(interpolating_samples(law.replace(features=float(np.exp(log_features)))) / law.alpha))

    low, high = np.log(law.alpha) + np.array([-12.0, 0.0])
    if excess(high) < 0:
        return float("inf")
    return float(np.exp(brentq(excess, low, high, xtol=1e-12)))


def interpolating_samples(law: RandomFeatures) -> float:
    """The samples per dimension up to which they can be fitted: as many as features, or separable classes."""
    moments = law.activation.moments()
    rank = law.features if moments.mu_star > 1e-9 else min(law.features, 1.0)
    if not (law.loss.margin and law.teacher.binary):
        return rank
    with np.errstate(over="ignore", divide="ignore"):
        kappa, features, mu1, mu_star = np.array([1e-12, law.features, moments.mu1, moments.mu_star])
        known = float(traces(kappa, features, mu1, mu_star)[2])
    return rank * separability(law.teacher, 1.0, min(known, 1.0))
