"""The beta-divergence between nonnegative numbers, for every real beta."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def beta_divergence(x: Real[ArrayLike, "..."], v: Real[ArrayLike, "..."], beta: float) -> Float[np.ndarray, "..."]:
    r"""The beta-divergence $d_\beta(x|v)$ of each entry: zero where x = v, else positive.

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


def beta_at_zero(x: Float[np.ndarray, "..."], beta: float) -> Float[np.ndarray, "..."]:
    """The divergence of x > 0 from v = 0, which is finite only for beta > 1."""
    return x**beta / (beta * (beta - 1)) if beta > 1 else np.full_like(x, np.inf)


def exponent(beta: float) -> float:
    """The power gamma(beta) of the multiplicative update that minimises the majoriser.

    1 / (2 - beta) below 1, 1 between 1 and 2, 1 / (beta - 1) above 2 (Fevotte and Idier, table 2).
    """
    return 1 / (2 - beta) if beta < 1 else 1 / (beta - 1) if beta > 2 else 1.0


def orders(beta: float) -> tuple[float, float]:
    """The orders a, b of the two terms $-num \\, t^a / a + den \\, t^b / b$ of the majoriser along a coordinate.

    The convex part of the divergence is bounded by Jensen, the concave one by its tangent: a = beta - 1 where
    $-x v^{\\beta-1} / (\\beta-1)$ is convex (beta <= 2), b = beta where $v^\\beta / \\beta$ is (beta >= 1), and else 1.
    """
    return (beta - 1 if beta <= 2 else 1.0), (beta if beta >= 1 else 1.0)


def power_into(
    v: Float[np.ndarray, " *shape"], order: float, out: Float[np.ndarray, " *shape"]
) -> Float[np.ndarray, " *shape"]:
    """Write v**order into `out`, by roots and reciprocals where possible, at a tenth of the cost of a power."""
    if order == 0:
        out[...] = 1.0
    elif order == 1:
        out[...] = v
    elif order in (-1, -2):
        np.divide(1.0, v, out=out)
        if order == -2:
            out *= out
    elif order in (0.5, -0.5, -1.5):
        np.sqrt(v, out=out)
        if order < 0:
            if order == -1.5:
                out *= v
            np.divide(1.0, out, out=out)
    else:
        np.power(v, order, out=out)
    return out


def row_sums(
    x: Float[np.ndarray, "n m"],
    v: Float[np.ndarray, "n m"],
    beta: float,
    weights: Float[np.ndarray, "n m"] | None,
    spare: Float[np.ndarray, "n m"],
) -> Float[np.ndarray, " n"]:
    """The weighted divergences summed over each row, apart from terms in x alone; finite at x = 0 for every beta."""
    s = weights
    if beta == 1:
        np.log(v, out=spare)
        if s is None:
            return v.sum(axis=1) - np.einsum("ij,ij->i", x, spare)
        return np.einsum("ij,ij->i", s, v) - np.einsum("ij,ij,ij->i", s, x, spare)
    power_into(v, beta - 1, spare)
    if s is not None:
        spare *= s
    slope = np.einsum("ij,ij->i", x, spare) / (beta - 1)
    if beta != 0:
        return np.einsum("ij,ij->i", v, spare) / beta - slope
    np.log(v, out=spare)
    return (spare.sum(axis=1) if s is None else np.einsum("ij,ij->i", s, spare)) - slope
