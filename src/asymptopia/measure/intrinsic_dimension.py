"""The dimension of the function space that the units of a hidden layer span, over all weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from ..parts.activation import Activation, Identity, PolynomialUnit, Power

if TYPE_CHECKING:
    from jaxtyping import Float


def coefficients(activation: Activation) -> tuple[float, ...] | None:
    """The coefficients a_0, a_1, ... of a polynomial activation; None for any other."""
    if isinstance(activation, Identity):
        return (0.0, 1.0)
    if isinstance(activation, Power):
        return (0.0,) * activation.degree + (1.0,)
    return tuple(activation.coefficients) if isinstance(activation, PolynomialUnit) else None


def intrinsic_dimension(activation: Activation, inputs: int, bias: bool = False) -> float:
    r"""The dimension of the span of $x \mapsto \sigma(w \cdot x)$ over all w; inf unless $\sigma$ is polynomial.

    With $\sigma(z) = \sum_k a_k z^k$ it is that of all homogeneous polynomials of the degrees that occur,
    $\sum_{k: a_k \ne 0} \binom{d + k - 1}{k}$ in d inputs; with a bias in each unit that of all polynomials up to the
    largest degree K, $\binom{d + K}{K}$ (Venturi, Bandeira and Bruna, J. Mach. Learn. Res. 20 (2019) 133).
    """
    if inputs < 1:
        raise StatementError(f"`inputs` must be at least 1, but is {inputs}.")
    a = coefficients(activation)
    if a is None:
        return math.inf
    degrees = [k for k, value in enumerate(a) if value != 0]
    if bias:
        return math.comb(inputs + degrees[-1], degrees[-1])
    return sum(math.comb(inputs + k - 1, k) for k in degrees)


def numerical_rank(matrix: Float[np.ndarray, "rows columns"]) -> tuple[int, float]:
    """The rank of a matrix, and its smallest singular value in units of round-off.

    Singular values above round-off count, which is max(shape) * eps * largest singular value. Returns (0, 0.0) for a
    matrix of zeros.
    """
    s = np.linalg.svd(matrix, compute_uv=False)
    if not len(s) or s[0] == 0:
        return 0, 0.0
    level = max(matrix.shape) * np.finfo(float).eps * s[0]
    rank = int((s > level).sum())
    return rank, float(s[rank - 1] / level)
