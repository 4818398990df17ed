"""The replica-symmetric fixed point of classification of Gaussian clusters, and the error of the best classifier.

The K centres are the corners of a regular simplex, and all but the first weigh the same: whatever permutes the others
leaves the problem as it is. Matrices of order parameters in R^(K-1) are therefore numbers on two subspaces, the
direction of the first centre and the K - 2 dimensions orthogonal to it; arrays over the two are called parts below
(there is one for two clusters).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .....contract.batching import stacked
from .....contract.record import with_arrays
from .....numerics.arrays import ArrayLike
from .....numerics.gaussian import nodes
from .....theory.overlaps import pack, solve, unpack, wide
from .....theory.replica import column, rule
from .classes import Averages, Classes

if TYPE_CHECKING:
    from .....parts.loss import Loss
    from .. import MixtureERM

_FLAT = 1e-4  # a smaller mean curvature says nothing of the intercept


def predict_many(law: MixtureERM) -> dict[str, Any]:
    """The observables of `MixtureERM`, with arrays in its number fields for many problems at once."""
    count = stacked(law)
    values = _predict(law, count, Classes.of(law.clusters, law.loss))
    if law.clusters > 2:
        coarse = _predict(law, count, Classes.of(law.clusters, law.loss, coarse=True))
        for k in ("test_error", "train_loss", "overlap"):
            values[f"{k}_error"] = values[f"{k}_error"] + np.abs(values[k] - coarse[k])
    return values


def _predict(law: MixtureERM, count: int, classes: Classes) -> dict[str, np.ndarray]:
    s, first = wide(law.separation, count), shares(law, count)
    m, q, V, b, residual = fixed_point(law, count, classes)
    averages = _averages(law, m, q, V, b, s, first, np.arange(count), classes)
    sizes = np.array([1, law.clusters - 2])[: m.shape[1]]
    values = {
        "test_error": np.array([error(law.clusters, *row) for row in zip(s, first, m, q, b, strict=True)]),
        "train_loss": averages.loss,
        "overlap": m @ sizes / sizes.sum(),
    }
    values |= {f"{k}_error": residual * np.maximum(np.abs(v), 1e-3) for k, v in list(values.items())}
    values["bayes_error"] = bayes_error(law.clusters, wide(law.alpha, count), s, first)
    return values


def shares(law: MixtureERM, count: int) -> np.ndarray:
    """The share of the samples that are of the first cluster, (count,)."""
    balance = wide(law.balance, count)
    return balance / (balance + law.clusters - 1)


def fixed_point(
    law: MixtureERM, count: int, classes: Classes
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """m, q, V (count, parts), the intercept b (count,) along the first direction, and the residual (count,)."""
    parts = 1 if law.clusters == 2 else 2
    alpha, s, ridge = (wide(v, count) for v in (law.alpha, law.separation, law.ridge))
    first, one = shares(law, count), np.ones(count)
    start = pack(0.15 * one, 0.1 * one, 1 / (ridge + alpha), one)
    start = np.concatenate([np.tile(start, parts), np.zeros((count, 1))], axis=1)

    def step_at(ridge: np.ndarray) -> Any:
        def step(x: np.ndarray, members: np.ndarray) -> np.ndarray:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
                m, q, V, b = _apart(x, parts)
                V = np.minimum(V, 1 / ridge[members, None])
                given = (s[members], first[members], members, classes)
                averages = _averages(law, m, q, V, b, *given, training=False)
                a = alpha[members, None]
                shrink = ridge[members, None] - a * averages.slope
                m_hat, q_hat = a * s[members, None] * averages.signal, a * averages.f2
                b = b + np.clip(averages.drift / np.maximum(-averages.slope[:, 0], _FLAT), -1.0, 1.0)
                return _together(m_hat / shrink, (m_hat**2 + q_hat) / shrink**2, 1 / shrink, b)

        return step

    x, residual = solve(step_at, ridge, start)
    return *_apart(x, parts), residual


def _apart(x: np.ndarray, parts: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    triples = [unpack(x[:, 3 * j : 3 * j + 3], np.ones(len(x))) for j in range(parts)]
    m, q, V = (np.stack(v, axis=1) for v in zip(*triples, strict=True))
    return m, q, V, x[:, -1]


def _together(m: np.ndarray, q: np.ndarray, V: np.ndarray, b: np.ndarray) -> np.ndarray:
    one = np.ones(len(b))
    return np.concatenate([*(pack(m[:, j], q[:, j], V[:, j], one) for j in range(m.shape[1])), b[:, None]], axis=1)


def _averages(
    law: MixtureERM, m: np.ndarray, q: np.ndarray, V: np.ndarray, b: np.ndarray, s: np.ndarray, first: np.ndarray,
    members: np.ndarray, classes: Classes, training: bool = True,
) -> Averages:  # fmt: skip
    """Averages over the cavity fields, for two clusters or more."""
    if law.clusters == 2:
        return _two(with_arrays(law, lambda a: a[members]).loss, m[:, 0], q[:, 0], V[:, 0], b, s, first)
    rows = [classes.averages(*row) for row in zip(m, q, V, b, s, first, strict=True)]
    return Averages(*(np.array(v) for v in zip(*rows, strict=True)))


def _two(loss: Loss, m: np.ndarray, q: ArrayLike, V: np.ndarray, b: np.ndarray, s: np.ndarray, first: Any) -> Averages:
    """Two clusters: the field is +-(s m) + b + sqrt(q) xi."""
    loss, total = column(loss), np.zeros((5, len(m)))
    for label, share in ((1.0, first), (-1.0, 1 - first)):
        y, mean = np.full(len(m), label), label * s * m + b
        at = rule(loss, y, mean, np.sqrt(q), V, np.zeros((len(m), 0)))
        w = share[:, None] * at.weight
        terms = (at.f**2, at.slope, label * at.f, at.f, loss(y[:, None], at.z))
        total += np.array([np.einsum("kn,kn->k", w, np.asarray(v, float)) for v in terms])
    f2, slope, signal, drift, value = total
    return Averages(f2[:, None], slope[:, None], signal[:, None], drift, value)


def error(clusters: int, s: float, first: float, m: np.ndarray, q: np.ndarray, b: float) -> float:
    """The probability that the largest score is not that of the cluster.

    Scores are B zeta, with an orthonormal basis B of what sums to zero in R^K, zeta = s m eps_y + b + sqrt(q) xi on
    each part and eps_y the corners of the simplex. The scores but the first, with part of the noise of the first, are
    independent given the label: one integral is left.
    """
    from scipy.special import ndtr

    if clusters == 2:
        width = np.sqrt(q[0])
        return float(first * ndtr(-(s * m[0] + b) / width) + (1 - first) * ndtr(-(s * m[0] - b) / width))
    K = clusters
    stretch = np.sqrt(K / (K - 1))
    width, lead = np.sqrt(q[1]), s * m[1] * stretch
    left = stretch**2 * q[0] - q[1] / (K - 1)
    if not left > 0:
        raise ArithmeticError(f"The scores of {K} clusters this unbalanced are too correlated: raise `balance`.")
    narrow = np.sqrt(left)
    ahead, behind = stretch * (s * m[0] + b), stretch * (b - s * m[0] / (K - 1))
    t, w = nodes(np.array([0.0, -lead / width, ahead / narrow, behind / narrow]), order=24)
    of_first = w @ ndtr((ahead + narrow * t) / width) ** (K - 1)
    above_first = ndtr((width * t + lead * (K - 2) / (K - 1) - behind) / narrow)
    of_others = w @ (ndtr(t + lead / width) ** (K - 2) * above_first)
    return float(1 - first * of_first - (1 - first) * of_others)


def bayes_error(clusters: int, alpha: np.ndarray, s: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The least error of any classifier that knows separation and shares, and the samples; (count,).

    Of the centres' directions g ~ N(0, I) the posterior knows R = 1 - 1 / (1 + alpha s**2 S), S = E eps eps': the best
    classifier is linear with m = q = R, and an intercept for the shares.
    """
    K, others = clusters, (1 - first) / (clusters - 1)
    spread = np.stack([first + others / (K - 1), others * K / (K - 1)], axis=1)[:, : 1 if K == 2 else 2]
    known = 1 - 1 / (1 + alpha[:, None] * s[:, None] ** 2 * spread)
    away = 1 / (K - 1) ** 2
    rest = (1 - away) * known[:, 1] if K > 2 else 0.0
    tilt = np.log(first / others) - s**2 / 2 * (known[:, 0] * (1 - away) - rest)
    b = tilt / (s * K / (K - 1))
    return np.array([error(K, *row) for row in zip(s, first, known, known, b, strict=True)])


def separability(s: float, first: float) -> float:
    """The samples per dimension up to which two clusters can be separated by a plane, with intercept.

    1 / alpha = min over cosine c and intercept b of E (Z - s c - y b)_+**2 / (1 - c**2).
    """
    from scipy.optimize import minimize
    from scipy.special import ndtr

    def excess(a: ArrayLike) -> Any:
        return (1 + a**2) * ndtr(-a) - a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi)

    def objective(x: np.ndarray) -> float:
        c, b = np.tanh(x[0]), x[1]
        return float(np.log(first * excess(s * c + b) + (1 - first) * excess(s * c - b)) + 2 * np.log(np.cosh(x[0])))

    options = dict(xatol=1e-10, fatol=1e-15, maxiter=4000)
    best = minimize(objective, np.array([np.arcsinh(s) / 2, 0.0]), method="Nelder-Mead", options=options)
    return float(np.exp(-best.fun))
