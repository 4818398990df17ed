"""Checks of couplings, fields, temperatures and counts for the spin algorithms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def checked_couplings(couplings: Real[ArrayLike, "n n"]) -> Float[np.ndarray, "n n"]:
    """The couplings as floats; raises `StatementError` unless (n, n), symmetric, finite and of zero diagonal."""
    J = np.ascontiguousarray(couplings, float)
    if J.ndim != 2 or J.shape[0] != J.shape[1] or J.shape[0] < 2:
        raise StatementError(f"`couplings` must have shape (n, n) with n >= 2, but has shape {J.shape}.")
    if not np.isfinite(J).all():
        i, j = np.argwhere(~np.isfinite(J))[0]
        raise StatementError(f"`couplings` must be finite, but the one of spins {i} and {j} is {J[i, j]}.")
    if np.diagonal(J).any():
        i = np.flatnonzero(np.diagonal(J))[0]
        raise StatementError(f"`couplings` must have a diagonal of zeros, but that of spin {i} is {J[i, i]:g}.")
    if (J != J.T).any():
        i, j = np.argwhere(J != J.T)[0]
        raise StatementError(
            f"`couplings` must be symmetric, but that of {i} to {j} is {J[i, j]!r} and that of {j} to {i} {J[j, i]!r}: "
            "(J + J.T) / 2 has the same energies."
        )
    return J


def checked_field(field: Real[ArrayLike, "..."], n: int) -> Float[np.ndarray, " spins"]:
    """The field at every spin (n,), from one number or n; raises `StatementError` otherwise."""
    h = np.asarray(field, float)
    if h.shape not in ((), (n,)) or not np.isfinite(h).all():
        raise StatementError(
            f"`field` must be a finite number or {n} of them, but is {np.array2string(h, threshold=6)}."
        )
    return np.ascontiguousarray(np.broadcast_to(h, (n,)))


def checked_ladder(temperatures: Real[ArrayLike, " T"] | Sequence[float]) -> Float[np.ndarray, " T"]:
    """The temperatures as an array; raises `StatementError` unless two or more, positive and ascending."""
    T = np.asarray(temperatures, float)
    if T.ndim != 1 or len(T) < 2:
        raise StatementError(f"`temperatures` must be at least two, to exchange between, but is {temperatures}.")
    if not (np.isfinite(T).all() and (T > 0).all() and (np.diff(T) > 0).all()):
        raise StatementError(f"`temperatures` must be positive, finite and ascending, but is {T.tolist()}.")
    return T


def checked_count(name: str, value: Real[ArrayLike, ""], least: int) -> int:
    """The value as a whole number >= `least`; raises `StatementError` otherwise."""
    if isinstance(value, bool) or value != int(value) or value < least:
        raise StatementError(f"`{name}` must be a whole number >= {least}, but is {value}.")
    return int(value)
