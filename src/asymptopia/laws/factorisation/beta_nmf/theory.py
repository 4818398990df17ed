"""The minimum of a nonnegative factorisation to high precision, and how fast multiplicative updates approach it.

Nothing here iterates an update: the minimum is found by quasi-Newton steps from many starts and Newton's method on the
entries that are not zero, and the rate follows from the first and second derivatives there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ....contract.law import NoLimit
from ....parts.nonnegative import NonnegativeData

if TYPE_CHECKING:
    from . import BetaNMF


ZERO = 1e-7
RESIDUAL = 1e-9
MOST = 2000
"""Entries of both factors: Newton's method solves systems of that size, in seconds each, up to 60 of them."""


@dataclass(frozen=True)
class Minimum:
    """Stationary factors z = (W, H.T) as one vector (N,), with zeros exact.

    value: the mean divergence of an entry of X; residual: the largest |z x slope|, relative to the sum of z x den.
    """

    X: np.ndarray
    z: np.ndarray
    rank: int
    beta: float
    l1: float
    value: float
    residual: float

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """W (n, r) and H.T (m, r)."""
        return unpacked(self.z, self.X.shape, self.rank)


def unpacked(z: np.ndarray, shape: tuple[int, ...], rank: int) -> tuple[np.ndarray, np.ndarray]:
    """The two factors in a vector."""
    split = shape[0] * rank
    return z[:split].reshape(-1, rank), z[split:].reshape(-1, rank)


def divergence(X: np.ndarray, V: np.ndarray, beta: float) -> np.ndarray:
    """Entry by entry, for X > 0 (or X >= 0 and beta > 0), written with log and expm1 apart from the experiment's."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if beta == 0:
            return X / V - 1 - np.log(X / V)
        if beta == 1:
            return np.where(X > 0, X * np.log(X / V), 0.0) + V - X
    return V**beta / beta - X * V ** (beta - 1) / (beta - 1) + X**beta / (beta * (beta - 1))


def slopes(X: np.ndarray, V: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of the divergence in V."""
    first = V ** (beta - 1) - X * V ** (beta - 2)
    if beta == 2:  # V may be zero
        return first, np.ones_like(V)
    return first, (beta - 1) * V ** (beta - 2) - (beta - 2) * X * V ** (beta - 3)


@lru_cache(maxsize=64)
def minimum(data: NonnegativeData, rank: int, beta: float, l1: float, starts: int) -> Minimum:
    """The lowest of the minima found from random starts; `ArithmeticError` if it is not stationary.

    Raises `NoLimit` where the factors have more than `MOST` entries.
    """
    X = data.matrix()
    if rank * sum(X.shape) > MOST:
        raise NoLimit(
            f"The factors of rank {rank} of a {X.shape[0]} x {X.shape[1]} matrix have {rank * sum(X.shape)} entries, "
            f"and a minimum is found to the last digits with at most {MOST}; take a smaller `rank` or fewer `data`."
        )
    rng = np.random.default_rng(20_111)
    descents = [_descended(X, rank, beta, l1, rng) for _ in range(starts)]
    best = min(descents, key=lambda pair: pair[0])[1]
    return _polished(X, best, rank, beta, l1)


def _descended(X: np.ndarray, rank: int, beta: float, l1: float, rng: np.random.Generator) -> tuple[float, np.ndarray]:
    """Value and vector of a local minimum, to about the square root of the rounding error, in the roots of entries."""
    from scipy.optimize import minimize

    def value(u: np.ndarray) -> tuple[float, np.ndarray]:
        z = u * u + 1e-30
        W, Ht = unpacked(z, X.shape, rank)
        V = W @ Ht.T
        slope = slopes(X, V, beta)[0]
        gradient = np.concatenate([(slope @ Ht).ravel(), (slope.T @ W).ravel()])
        return float(divergence(X, V, beta).sum()) + l1 * float(z.sum()), 2 * u * (gradient + l1)

    size = rank * sum(X.shape)
    u = np.sqrt(rng.uniform(0.2, 1.8, size) * np.sqrt(X.mean() / rank))
    options = dict(maxiter=4000, maxfun=8000, maxcor=20, ftol=1e-14, gtol=1e-10)
    result = minimize(value, u, jac=True, method="L-BFGS-B", options=options)
    return float(result.fun), result.x**2


def _polished(X: np.ndarray, z: np.ndarray, rank: int, beta: float, l1: float) -> Minimum:
    """Newton's method on the entries above `ZERO`, which moves the scales of the components as little as possible."""
    z = _balanced(z, X.shape, rank)
    free = z > ZERO * z.mean()
    z = np.where(free, z, 0.0)
    for _ in range(60):
        gradient, curvature, den = derivatives(X, z, rank, beta, l1)
        residual = float(np.abs(z * gradient).max() / (z * den).sum())
        if residual < 1e-16:
            break
        if not np.isfinite(residual):
            break
        inner = np.ix_(free, free)
        move = np.linalg.lstsq(curvature[inner], -gradient[free], rcond=1e-11)[0]
        shrink = np.max(-move / z[free])
        z[free] += move * min(1.0, 0.9 / max(shrink, 1e-300)) if shrink > 0 else move
        dying = free & (z < ZERO * z.mean())
        free &= ~dying
        z[dying] = 0.0
    gradient, _, den = derivatives(X, z, rank, beta, l1)
    residual = float(np.abs(z * gradient).max() / (z * den).sum())
    if not residual < RESIDUAL or (gradient[~free] < -1e-9 * den[~free]).any():
        raise ArithmeticError(
            f"The minimum of rank {rank} at beta = {beta:g} was not found: a relative residual {residual:.1g} is left."
        )
    W, Ht = unpacked(z, X.shape, rank)
    return Minimum(X, z, rank, beta, l1, float(divergence(X, W @ Ht.T, beta).mean()), residual)


def _balanced(z: np.ndarray, shape: tuple[int, ...], rank: int) -> np.ndarray:
    W, Ht = unpacked(z, shape, rank)
    ratio = np.sqrt(Ht.sum(axis=0) / W.sum(axis=0))
    return np.concatenate([(W * ratio).ravel(), (Ht / ratio).ravel()])


def derivatives(
    X: np.ndarray, z: np.ndarray, rank: int, beta: float, l1: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gradient (N,) and Hessian (N, N) of the objective, and the part of the gradient from v**beta / beta."""
    W, Ht = unpacked(z, X.shape, rank)
    (n, m), r = X.shape, rank
    V = W @ Ht.T
    first, second = slopes(X, V, beta)
    gradient = np.concatenate([(first @ Ht).ravel(), (first.T @ W).ravel()]) + l1
    Q = V ** (beta - 1)
    den = np.concatenate([(Q @ Ht).ravel(), (Q.T @ W).ravel()])
    curvature = np.zeros((len(z), len(z)))
    for i, block in enumerate(np.einsum("ij,jk,jl->ikl", second, Ht, Ht)):
        curvature[i * r : (i + 1) * r, i * r : (i + 1) * r] = block
    for j, block in enumerate(np.einsum("ij,ik,il->jkl", second, W, W)):
        at = (n + j) * r
        curvature[at : at + r, at : at + r] = block
    mixed = np.einsum("ij,jk,il->ikjl", second, Ht, W)
    mixed += np.einsum("ij,kl->ikjl", first, np.eye(r))
    mixed = mixed.reshape(n * r, m * r)
    curvature[: n * r, n * r :], curvature[n * r :, : n * r] = mixed, mixed.T
    return gradient, curvature, den


def flat_directions(W: np.ndarray, Ht: np.ndarray, zero: np.ndarray) -> int:
    """The number of directions that leave W H as it is: mixtures (W A, -A H) that move no entry from zero."""
    r = W.shape[1]
    tangent = np.zeros((W.size + Ht.size, r, r))
    for k in range(r):
        for other in range(r):
            move_W, move_H = np.zeros_like(W), np.zeros_like(Ht)
            move_W[:, other], move_H[:, k] = W[:, k], -Ht[:, other]
            tangent[:, k, other] = np.concatenate([move_W.ravel(), move_H.ravel()])
    held = tangent[zero].reshape(-1, r * r)
    return r * r - int(np.linalg.matrix_rank(held, tol=1e-9 * np.abs(tangent).max()) if len(held) else 0)


def isolated(point: Minimum) -> bool:
    """Whether only the scales of the components can change without changing the objective."""
    return point.l1 > 0 or flat_directions(*point.factors(), point.z == 0) == point.rank


def update_spectrum(point: Minimum, heuristic: bool) -> np.ndarray:
    r"""Moduli of the eigenvalues, largest first, of the derivative of the update at an isolated minimum.

    An entry z > 0 is where the slope $den \, t^{b-1} - num \, t^{a-1} + l1$ of the majoriser vanishes at t = 1, so that
    the update has the derivative $1 - (z / s) \nabla$ with $s = (b - 1) den - (a - 1) num$ there; over W and then over
    H that is $(1 - D_H F_H)(1 - D_W F_W)$ with F the Hessian's rows and D = diag(z / s). An entry at zero is multiplied
    by the root t < 1. Without a penalty the scales of the components have eigenvalue 1, and are left out.
    """
    beta, l1 = point.beta, point.l1
    gradient, curvature, den = derivatives(point.X, point.z, point.rank, beta, l1)
    num = den + l1 - gradient
    free = point.z > 0
    a, b = min(beta - 1, 1.0), max(beta, 1.0)
    s = num if heuristic else (b - 1) * den - (a - 1) * num
    steps = (point.z[free] / s[free])[:, None] * curvature[np.ix_(free, free)]
    left = (np.flatnonzero(free) < point.X.shape[0] * point.rank)[:, None]
    eye = np.eye(len(steps))
    product = (eye - np.where(left, 0.0, steps)) @ (eye - np.where(left, steps, 0.0))
    values = np.linalg.eigvals(product)
    order = np.argsort(np.abs(values - 1))
    flat = 0 if l1 > 0 else point.rank
    if np.abs(values[order[:flat]] - 1).max(initial=0.0) > 1e-7:
        raise ArithmeticError(f"The update moves along directions that leave W H as it is: {values[order[:flat]]}.")
    outer = [_multiplier(p, q, l1, a, b, heuristic) for p, q in zip(num[~free], den[~free], strict=True)]
    return np.sort(np.concatenate([np.abs(values[order[flat:]]), outer]))[::-1]


def _multiplier(num: float, den: float, l1: float, a: float, b: float, heuristic: bool) -> float:
    """The factor of an entry near zero: where the majoriser's slope vanishes, or num / (den + l1)."""
    from scipy.optimize import brentq

    if heuristic or num <= 0:
        return max(num, 0.0) / (den + l1)
    if a == 1 and num <= l1:
        return 0.0
    return float(brentq(lambda t: den * t ** (b - a) - num + l1 * t ** (1 - a), 0.0, 1.0 + 1e-9, xtol=1e-15))


def predict(law: BetaNMF) -> dict[str, Any]:
    """The observables in the limit."""

    best = minimum(law.data, int(law.rank), float(law.beta), float(law.l1), 2 * int(law.starts))
    if not isolated(best):
        raise NoLimit(
            f"`l1` of BetaNMF must be > 0 here, but is {law.l1:g}: without, mixtures of the components leave the "
            "divergence as it is, and the rate depends on which of them is reached."
        )
    spectrum = update_spectrum(best, law.heuristic)
    return {"divergence": best.value, "violations": 0.0, "rate": float(spectrum[0])}
