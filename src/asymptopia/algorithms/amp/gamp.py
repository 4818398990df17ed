"""Generalised approximate message passing, run to convergence, with fallbacks where it fails."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .iteration import Denoiser, Output, checked, iterates, product
from .settle import Callback, Estimate, first_settled, settled
from .spectral import beginning
from .vamp import DAMPINGS, vamp

if TYPE_CHECKING:
    from jaxtyping import Float, Real

UNLIKE = 0.2
"""Excess of the second moment of the spectrum beyond which a matrix is not treated as one of independent entries."""

PROBES = 8
"""Random vectors from which that moment is estimated."""


def gamp(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    prior: Denoiser,
    channel: Output,
    *,
    start: tuple[Any, Any] | None = None,
    damping: float | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    full_variances: bool = False,
    callback: Callback | None = None,
) -> Estimate:
    r"""Posterior means and variances of w, given labels y of the fields X w, by approximate message passing.

    X: shape (n, d), of any scale, float32 or float64; y: shape (n,). Steps as `iterates` has them are taken until the
    estimates change by less than `tolerance` (not less than ten units of X's precision) in units of the signal; exact
    in the limit of large matrices of independent entries, wherever there is one fixed point.

    start: means and variances, numbers or of shape (d,); by default the prior's, or, where the labels tell nothing
    there because w and -w have the same labels, the direction found by `spectral`.
    damping: the share of the last step that is kept. By default none; where the estimates then diverge, oscillate or
    do not settle in `iterations` steps, 0.5, then 0.85, then `vamp`, which is made for matrices of any spectrum and
    comes first where the spectrum of X is not that of a matrix of independent entries (`full_variances` says that the
    variances of the entries are why).
    callback: called with iteration, means and variances after each step of a method.

    Raises `StatementError` for bad input, `NotSolved` where nothing converges; what is returned has converged.

    prior: of the coordinates of w; channel: how a field makes a label, its log-probability and derivatives.
    """
    X, y = checked(X, y)
    if iterations < 1 or not tolerance > 0:
        raise StatementError(f"`iterations` must be >= 1 and `tolerance` > 0, but are {iterations} and {tolerance}.")
    tolerance = max(tolerance, 10 * float(np.finfo(X.dtype).eps))
    means, variances, memory = beginning(X, y, prior, channel, start)
    start = means, variances

    def passing(share: float) -> Estimate:
        steps = iterates(X, y, prior, channel, start=start, memory=memory, damping=share, full_variances=full_variances)
        method = f"gamp with damping {share:g}" if share else "gamp"
        triples = ((now.means, now.variances, now.residual) for now in steps)
        return settled(triples, method, iterations, tolerance, callback)

    def vector() -> Estimate:
        return vamp(X, y, prior, channel, start=start, iterations=iterations, tolerance=tolerance, callback=callback)

    if damping is not None:
        return passing(damping)
    tries = [partial(passing, share) for share in DAMPINGS]
    made_for_it = full_variances or abs(spectrum_excess(X)) < UNLIKE
    return first_settled([*tries, vector] if made_for_it else [vector, *tries[1:]])


def spectrum_excess(X: Float[np.ndarray, "n d"]) -> float:
    """How far tr (X^T X)^2, estimated, exceeds its value for independent entries, relative to that value."""
    n, d = X.shape
    r = np.random.default_rng(0).standard_normal((d, PROBES))
    u = product(X, r)
    v = product(X.T, u)
    first, second, ones = (np.sum(a**2) for a in (u, v, r))
    return float(second * ones / first**2 * n / (n + d)) - 1
