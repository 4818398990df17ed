"""The beta-divergence between nonnegative numbers, for every real beta."""

from __future__ import annotations

import numpy as np


def beta_divergence(x: np.ndarray, v: np.ndarray, beta: float) -> np.ndarray:
    r"""Entry by entry $d_\beta(x|v)$, which is zero where x = v and positive elsewhere.

    $$d_\beta(x|v) = \frac{x^\beta + (\beta - 1) v^\beta - \beta x v^{\beta-1}}{\beta (\beta - 1)},$$

    with the limits $x \log(x/v) - x + v$ at beta = 1 (Kullback and Leibler) and $x/v - \log(x/v) - 1$ at beta = 0
    (Itakura and Saito); half the square at beta = 2. At x = 0 it is $v^\beta / \beta$ for beta > 0 and infinite for
    beta <= 0. Source: Fevotte and Idier, Neural Computation 23 (2011) 2421, equation (3).
    """
    x, v = np.broadcast_arrays(np.asarray(x, float), np.asarray(v, float))
    with np.errstate(all="ignore"):
        if beta == 2:
            return (x - v) ** 2 / 2
        if beta == 1:
            return np.where(x > 0, x * np.log(x / v), 0.0) - x + v
        if beta == 0:
            return np.where(x > 0, x / v - np.log(x / v) - 1, np.inf)
        t = x / v
        inner = (t**beta + (beta - 1) - beta * t) / (beta * (beta - 1))
        return np.where(v > 0, v**beta * inner, np.where(x > 0, beta_at_zero(x, beta), 0.0))


def beta_at_zero(x: np.ndarray, beta: float) -> np.ndarray:
    """The divergence of x > 0 from v = 0: finite for beta > 1 only."""
    return x**beta / (beta * (beta - 1)) if beta > 1 else np.full_like(x, np.inf)


def exponent(beta: float) -> float:
    """The power gamma(beta) of the multiplicative update that minimises the majoriser.

    1 / (2 - beta) below 1, 1 between 1 and 2, 1 / (beta - 1) above 2 (Fevotte and Idier, table 2).
    """
    return 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1.0


def orders(beta: float) -> tuple[float, float]:
    """The orders a, b of the two terms $-num \\, t^a / a + den \\, t^b / b$ of the majoriser along a coordinate.

    The convex part of the divergence is bounded by Jensen, the concave one by its tangent: a = beta - 1 where
    $-x v^{\\beta-1} / (\\beta-1)$ is convex (beta <= 2), else 1; b = beta where $v^\\beta / \\beta$ is (beta >= 1), else 1.
    """
    return (beta - 1 if beta <= 2 else 1.0), (beta if beta >= 1 else 1.0)


def gradient_parts(x: np.ndarray, v: np.ndarray, beta: float) -> tuple[np.ndarray, np.ndarray]:
    r"""$x v^{\beta-2}$ and $v^{\beta-1}$, whose difference is minus the derivative in v, with as few powers as can be."""
    if beta == 2:
        return x, v
    if beta == 1:
        return x / v, np.ones_like(v)
    if beta == 0:
        r = 1 / v
        return r * r * x, r
    if beta == 0.5 or beta == 1.5:
        root = np.sqrt(v)
        p = 1 / root
        if beta == 1.5:
            p *= x
            return p, root
        p2 = p / v
        p2 *= x
        return p2, p
    p = v ** (beta - 2)
    q = p * v
    p *= x
    return p, q


def without_constant(x: np.ndarray, v: np.ndarray, beta: float) -> np.ndarray:
    """The divergence up to a term in x alone; cheap, and finite at x = 0 for every beta."""
    if beta == 2:
        d = v - x
        d *= d
        d /= 2
        return d
    if beta == 1:
        d = np.log(v)
        d *= x
        np.subtract(v, d, out=d)
        return d
    if beta == 0:
        d = x / v
        d += np.log(v)
        return d
    p, q = gradient_parts(x, v, beta)
    q *= v
    q /= beta
    p *= v
    p /= beta - 1
    q -= p
    return q
