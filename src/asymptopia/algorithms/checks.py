"""Checks of the solvers' input, and the error for a solver that fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class NotSolved(RuntimeError):
    """A solver stopped before its certificate reached the tolerance; the message says how far it got."""


def checked_data(
    X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], margin: bool
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """X (n, d) and y (n,) as floats; raises `StatementError` unless they fit, and y = +-1 if `margin`."""
    X, y = np.ascontiguousarray(X, float), np.asarray(y, float)
    if X.ndim != 2 or X.size == 0:
        raise StatementError(f"`X` must have shape (n, d) with n, d >= 1, but has shape {X.shape}.")
    if y.shape != X.shape[:1]:
        raise StatementError(f"`y` must have shape {X.shape[:1]}, one label a row of `X`, but has shape {y.shape}.")
    for name, array in (("X", X), ("y", y)):
        if not np.all(np.isfinite(array)):
            count = np.sum(~np.isfinite(array))
            raise StatementError(f"`{name}` must be finite, but has {count} entries that are not.")
    if margin and np.any(np.abs(y) != 1):
        raise StatementError(f"`y` must hold labels -1 and 1, but has {y[np.abs(y) != 1][0]:g}.")
    return X, y
