"""Exact optimal transport between two clouds of points."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from ...numerics.arrays import ArrayLike
from .given import checked_cost, checked_masses

if TYPE_CHECKING:
    from jaxtyping import Float, Real

MOST = 10_000_000


def exact_coupling(
    cost: Real[ArrayLike, "n m"], a: Real[ArrayLike, " n"] | None = None, b: Real[ArrayLike, " m"] | None = None
) -> Float[np.ndarray, "n m"]:
    r"""The coupling that minimises $\sum P c$ with row masses a and column masses b; equal ones by default.

    By the network simplex method of POT (`pip install asymptopia[ot]`). Without POT, equal masses of equally many
    points are matched by SciPy, which takes several times as long; for other masses an `ImportError` says what to
    install.

    cost: c, (n, m). Raises `ArithmeticError` if the network simplex method does not end.
    """
    cost = checked_cost(cost)
    n, m = cost.shape
    masses = [checked_masses(w, k, name) for w, k, name in ((a, n, "a"), (b, m, "b"))]
    if find_spec("ot") is None:
        if n != m or a is not None or b is not None:
            raise ImportError("Exact transport of unequal masses needs POT: pip install asymptopia[ot]")
        from scipy.optimize import linear_sum_assignment

        plan = np.zeros((n, m))
        plan[linear_sum_assignment(cost)] = 1 / n
        return plan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of POT's own source, when it is first compiled
        import ot

    plan, log = ot.emd(*masses, np.ascontiguousarray(cost, float), numItermax=MOST, log=True)
    if log["warning"]:
        raise ArithmeticError(f"The network simplex method did not end: {log['warning']}")
    return np.asarray(plan)
