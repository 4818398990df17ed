"""Entropic optimal transport between two clouds of points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from .given import checked_cost, checked_masses

if TYPE_CHECKING:
    from jaxtyping import Float, Real

LARGEST = 1e30  # scalings beyond this are absorbed into the kernel


def sinkhorn(
    cost: Real[ArrayLike, "n m"],
    regularisation: float,
    tolerance: float = 1e-10,
    steps: int = 100_000,
    a: Real[ArrayLike, " n"] | None = None,
    b: Real[ArrayLike, " m"] | None = None,
) -> Float[np.ndarray, "n m"]:
    r"""The coupling that minimises $\sum P c + \epsilon \sum P \log P$ with row masses a and column masses b.

    Equal masses unless given. Sinkhorn's iterations (Cuturi, NeurIPS 26 (2013) 2292) on the kernel, into which scalings
    that grow too large are absorbed (Schmitzer, SIAM J. Sci. Comput. 41 (2019) A1443), so that no regularisation
    underflows. The columns of the result are exact; it is accepted once no scaling of a column changes by more than
    `tolerance` in one step, relatively. A pair of infinite cost is forbidden. Raises `ArithmeticError` if that
    takes more
    than `steps` steps, and `ValueError` unless `regularisation` is > 0, and masses are >= 0 and add up to 1.
    """
    cost = checked_cost(cost, forbidden=True)
    if not (np.isfinite(regularisation) and regularisation > 0):
        raise ValueError(f"`regularisation` must be > 0 and finite, but is {regularisation!r}.")
    n, m = cost.shape
    a, b = checked_masses(a, n, "a"), checked_masses(b, m, "b")
    rows, columns = a > 0, b > 0
    plan = np.zeros((n, m))
    plan[np.ix_(rows, columns)] = _positive(
        -cost[np.ix_(rows, columns)] / regularisation, a[rows], b[columns], tolerance, steps
    )
    return plan


def _positive(
    exponent: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    tolerance: float,
    steps: int,
) -> Float[np.ndarray, "n m"]:
    right = np.zeros(len(b))
    done, settled = 0, False
    while done < steps:
        left = np.log(a) - _log_sum(exponent + right, 1)
        before = right
        right = np.log(b) - _log_sum(exponent + left[:, None], 0)
        kernel = np.exp(exponent + left[:, None] + right)
        # a row's mass is a times a mean of exp(right - before) under its own weights
        if settled or _change(right - before) <= tolerance:
            return kernel
        v, spent, settled = _scaled(kernel, a, b, tolerance, steps - done)
        done += spent + 1
        right = right + np.log(v)
    raise ArithmeticError(f"Sinkhorn's iterations did not converge in {steps} steps.")


def _scaled(
    kernel: Float[np.ndarray, "n m"],
    a: Float[np.ndarray, " n"],
    b: Float[np.ndarray, " m"],
    tolerance: float,
    steps: int,
) -> tuple[Float[np.ndarray, " m"], int, bool]:
    """Scalings of the columns after steps until they settle or grow too large; how many steps, and which it was."""
    v = np.ones(len(b))
    for done in range(1, steps + 1):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            u = a / (kernel @ v)
            new = b / (u @ kernel)
            changed = np.abs(new / v - 1).max()
        if not (np.isfinite(u).all() and np.isfinite(new).all() and new.min() > 0):
            break
        v = new
        if changed <= tolerance:
            return v, done, True
        if max(u.max(), v.max()) > LARGEST or min(u.min(), v.min()) < 1 / LARGEST:
            break
    return v, done, False


def _change(logs: Float[np.ndarray, " m"]) -> float:
    """The largest relative change."""
    with np.errstate(over="ignore"):
        return float(np.abs(np.expm1(logs)).max())


def _log_sum(x: Float[np.ndarray, "n m"], axis: int) -> np.ndarray:
    top = x.max(axis=axis)
    return top + np.log(np.exp(x - np.expand_dims(top, axis)).sum(axis=axis))
