"""The exact posterior of a deep linear network: a mixture, over one scale, of ridge regressions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.batching import generator, whole

if TYPE_CHECKING:
    import jax

    from . import BayesDeepLinear

SPACING = 0.01
LOW, HIGH = -16.0, 6.0  # of log Q


def realize(law: BayesDeepLinear, n: int, key: jax.Array) -> dict[str, Any]:
    """The posterior of one data set in dimension n."""
    rng = generator(key)
    samples, units = whole(law.alpha * n, rng), max(1, round(law.width * n))
    X = rng.standard_normal((samples, n)) / np.sqrt(n)
    star, noise = rng.standard_normal(n), rng.standard_normal(samples)
    star *= np.sqrt(n) / np.linalg.norm(star)
    noise *= np.sqrt(law.noise * samples) / np.linalg.norm(noise)
    y = X @ star + noise
    left, singular, right = np.linalg.svd(X, full_matrices=False)
    c, seen = singular**2, left.T @ y
    beyond = float(y @ y - seen @ seen)  # of the labels, outside the span of the inputs
    logs, prior = scale_law(units, law.layers)
    S = law.weight_variance ** (law.layers + 1) * np.exp(logs)[:, None]
    total = S * c + law.temperature
    evidence = -np.sum(np.log(total) + seen**2 / total, axis=1) / 2 - samples * np.log(2 * np.pi) / 2
    if samples > len(c):
        evidence -= (samples - len(c)) * np.log(law.temperature) / 2 + beyond / (2 * law.temperature)
    joint = evidence + prior
    top = joint.max()
    weight = np.exp(joint - top)
    if max(weight[0], weight[-1]) > 1e-12:
        raise ArithmeticError("The posterior of the scale must lie between exp(-16) and exp(6), but has mass outside.")
    log_evidence = top + np.log(weight.sum() * SPACING)
    weight /= weight.sum()
    means = S * singular / total * seen  # of the coefficients along the right singular vectors, for each scale
    mean = weight @ means
    spread = weight @ (np.sum(S * law.temperature / total, axis=1) + S[:, 0] * (n - len(c)))
    spread += np.sum(weight @ means**2 - mean**2)
    return {
        "scale": weight @ np.exp(logs),
        "evidence": log_evidence / samples,
        "test_error": np.sum((right.T @ mean - star) ** 2) / n,
        "variance": spread / n,
        "train_loss": np.mean((y - left @ (singular * mean)) ** 2),
    }


@lru_cache(maxsize=32)
def scale_law(units: int, layers: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of log Q, evenly spaced, and the log-density of log Q there; Q a product of chi2_N / N over the layers.

    Convolved with logarithms as they are, so that also far tails keep their digits.
    """
    from scipy.special import gammaln

    logs = np.arange(round(LOW / SPACING), round(HIGH / SPACING) + 1) * SPACING
    half = units / 2
    one = half * (logs + np.log(half)) - half * np.exp(logs) - gammaln(half)
    zero = round(-LOW / SPACING)
    density = one
    for _ in range(layers - 1):
        following = np.full(len(logs), -np.inf)
        for k in range(len(logs)):
            # log Q = logs[k]: one factor at logs[j], the others at logs[k] - logs[j]
            j = np.arange(max(0, k + zero - len(logs) + 1), min(len(logs), k + zero + 1))
            terms = one[j] + density[k + zero - j]
            following[k] = np.logaddexp.reduce(terms) + np.log(SPACING)
        density = following
    return logs, density
