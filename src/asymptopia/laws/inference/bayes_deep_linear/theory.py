r"""The scale that the posterior of a deep linear network settles at, and what follows from it.

All averages over Marchenko and Pastur's law follow from $p = E[\lambda/(c+\lambda)]$, which solves
$p^2 + (\lambda + \alpha - 1) p = \lambda$. Per dimension the exponent of evidence times prior of $Q = q^L$ is

$$-\tfrac12 \Big( \alpha \log 2\pi S + p - 1 - \log p + \alpha \log(\lambda + p) + \frac{1-p}{S}
  + \frac{\text{noise}\,\alpha}{(\lambda + p) S} \Big) + \frac{\text{width}\, L}{2} (\log q - q + 1) .$$
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from . import BayesDeepLinear

GRID = np.linspace(-30.0, 12.0, 841)  # of log q


class Spectrum(NamedTuple):
    """lambda, p = E[lambda / (c + lambda)] and its derivative."""

    penalty: float
    p: float
    slope: float


def predict(law: BayesDeepLinear) -> dict[str, Any]:
    """The observables of the law at the scale of largest exponent."""
    law.check()
    log_q = _best(law)
    S, at = _kernel(law, log_q), _spectrum(law.alpha, law.temperature / _kernel(law, log_q))
    lam, p, slope = at
    return {
        "scale": math.exp(law.layers * log_q),
        "evidence": _exponent(law, log_q) / law.alpha,
        "test_error": p - lam * slope + law.noise * slope,
        "variance": S * p,
        "train_loss": (lam**2 * slope + law.noise * (p - lam * slope + law.alpha - 1)) / law.alpha,
    }


def _best(law: BayesDeepLinear) -> float:
    """log q at the largest maximum of the exponent: the best of all roots of its slope."""
    from scipy.optimize import brentq

    slopes = np.array([_slope(law, u) for u in GRID])
    roots = np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0))
    if not len(roots):
        raise ArithmeticError("The exponent of the scale has no maximum between exp(-30) and exp(12).")
    maxima = [float(brentq(lambda u: _slope(law, u), GRID[k], GRID[k + 1], xtol=1e-15)) for k in roots]
    return max(maxima, key=lambda u: _exponent(law, u))


def _slope(law: BayesDeepLinear, log_q: float) -> float:
    """The derivative of the exponent in log q, times 2 / L."""
    S = _kernel(law, log_q)
    lam, p, slope = _spectrum(law.alpha, law.temperature / S)
    return law.width * (1 - math.exp(log_q)) - (1 - p) + (1 - p - lam * slope + law.noise * slope) / S


def _exponent(law: BayesDeepLinear, log_q: float) -> float:
    S, a = _kernel(law, log_q), law.alpha
    lam, p, _ = _spectrum(a, law.temperature / S)
    fit = a * math.log(2 * math.pi * S) + p - 1 - math.log(p) + a * math.log(lam + p)
    fit += (1 - p) / S + law.noise * a / ((lam + p) * S)
    return -fit / 2 + law.width * law.layers / 2 * (log_q - math.exp(log_q) + 1)


def _kernel(law: BayesDeepLinear, log_q: float) -> float:
    """S, the prior variance of a coefficient given the scale."""
    return law.weight_variance ** (law.layers + 1) * math.exp(law.layers * log_q)


def _spectrum(alpha: float, penalty: float) -> Spectrum:
    b = penalty + alpha - 1
    root = math.sqrt(b**2 + 4 * penalty)
    p = 2 * penalty / (b + root) if b > 0 else (root - b) / 2
    return Spectrum(penalty, p, (1 - p) / root)
