"""Parallel tempering of Ising spins whose couplings join several spins at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from .checks import checked_count, checked_ladder

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


def product_tempering(
    members: Int[ArrayLike, "couplings p"],
    strengths: Real[ArrayLike, " couplings"],
    temperatures: Sequence[float] | Real[np.ndarray, " T"],
    sweeps: int,
    rng: np.random.Generator,
    *,
    burn: int | None = None,
) -> dict[str, Float[np.ndarray, " T"]]:
    r"""Sample $H = -\sum_a J_a s_{i_{a1}} ... s_{i_{ap}}$ at each of the temperatures, two replicas each.

    members: (couplings, p), the different spins 0, 1, ... that each coupling joins. strengths: (couplings,), J. The
    rest is as in `spin_tempering`. Returns means over the run at each temperature: `energy` per spin, and
    `squared_overlap` of the two replicas; and `exchanged`, the share of the exchanges between neighbouring temperatures
    that were made. Raises `StatementError`.

    sweeps, rng, burn: as in `spin_tempering`.
    """
    from .product_moves import temper

    at, J, T = np.asarray(members), np.ascontiguousarray(strengths, float), checked_ladder(temperatures)
    if at.ndim != 2 or not len(at) or not np.issubdtype(at.dtype, np.integer) or at.min() < 0:
        raise StatementError(
            f"`members` must be whole numbers >= 0 of shape (couplings, p), but is {at.dtype} of shape {at.shape}."
        )
    if (np.diff(np.sort(at, axis=1), axis=1) == 0).any():
        raise StatementError("Every coupling in `members` must join different spins, but one has a spin twice.")
    if J.shape != at.shape[:1] or not np.isfinite(J).all():
        raise StatementError(f"`strengths` must be {len(at)} finite numbers, but has shape {J.shape} or is not finite.")
    sweeps = checked_count("sweeps", sweeps, 2)
    burn = sweeps // 3 if burn is None else checked_count("burn", burn, 0)
    if burn >= sweeps:
        raise StatementError(f"`burn` must be below `sweeps` = {sweeps}, but is {burn}.")
    n = int(at.max()) + 1
    at = np.ascontiguousarray(at, np.int64)
    of = np.argsort(at.ravel(), kind="stable") // at.shape[1]
    start = np.append(0, np.cumsum(np.bincount(at.ravel(), minlength=n)))
    total, squared, swaps = temper(at, J, start, of, 1 / T, sweeps, burn, rng)
    proposed = np.where(np.arange(len(T) - 1) % 2, sweeps // 2, (sweeps + 1) // 2)
    measured = sweeps - burn
    return {
        "energy": total / (measured * n),
        "squared_overlap": squared / measured,
        "exchanged": swaps / (2 * proposed),
    }
