"""Zig-zag, bouncy particle and boomerang on normal distributions, with closed-form event times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from . import gaussian_kernels as kernels

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class GaussianPath(NamedTuple):
    """A path on a normal distribution of mean zero.

    mean, second_moment: averages of x and of x**2 along the path, integrated exactly; (d,) each.
    positions: at the times asked for, (times, d).
    velocity: at the end; (d,).
    events, refreshments: how many there were.
    """

    mean: Float[np.ndarray, " d"]
    second_moment: Float[np.ndarray, " d"]
    positions: Float[np.ndarray, "times d"]
    velocity: Float[np.ndarray, " d"]
    events: int
    refreshments: int


def gaussian_zig_zag(
    precision: Real[ArrayLike, "... d"],
    start: Real[ArrayLike, " d"],
    length: float,
    rng: np.random.Generator,
    *,
    times: Real[ArrayLike, " times"] | Sequence[float] = (),
    refreshment: float = 0.0,
) -> GaussianPath:
    """The zig-zag process on the normal distribution with this precision: (d, d), or the diagonal (d,).

    It starts at `start` in random directions, and is followed for the time `length`; `refreshment` is the rate at which
    each coordinate turns without reason. Event times need no bound that could fail. O(d) operations an event.
    """
    A, x = _checked(precision, start, length, refreshment)
    v = np.where(rng.random(len(x)) < 0.5, -1.0, 1.0)
    return _followed(kernels.zig_zag, (A,), x, v, refreshment, length, times, rng)


def gaussian_bouncy_particle(
    precision: Real[ArrayLike, "... d"],
    start: Real[ArrayLike, " d"],
    length: float,
    rng: np.random.Generator,
    *,
    times: Real[ArrayLike, " times"] | Sequence[float] = (),
    refreshment: float = 1.0,
) -> GaussianPath:
    """The bouncy particle sampler on the normal distribution with this precision, with standard normal velocities.

    Arguments as for `gaussian_zig_zag`; `refreshment` is the rate at which the velocity is drawn anew.
    """
    A, x = _checked(precision, start, length, refreshment)
    return _followed(kernels.bouncy, (A,), x, rng.standard_normal(len(x)), refreshment, length, times, rng)


def gaussian_boomerang(
    precision: Real[ArrayLike, "... d"],
    start: Real[ArrayLike, " d"],
    length: float,
    rng: np.random.Generator,
    *,
    variances: Real[ArrayLike, " d"] | None = None,
    times: Real[ArrayLike, " times"] | Sequence[float] = (),
    refreshment: float = 1.0,
) -> GaussianPath:
    """The boomerang sampler on the normal distribution with this precision.

    variances: of the reference, d numbers; by default those of the coordinates. The rest as for
    `gaussian_bouncy_particle`.
    """
    A, x = _checked(precision, start, length, refreshment)
    exact = 1 / A if A.ndim == 1 else np.diag(np.linalg.inv(A))
    s = exact if variances is None else np.array(variances, float)
    if s.shape != x.shape or not ((s > 0) & np.isfinite(s)).all():
        raise StatementError(f"`variances` must be {len(x)} numbers > 0, but is {variances!r}.")
    excess = A - 1 / s if A.ndim == 1 else A - np.diag(1 / s)
    v = np.sqrt(s) * rng.standard_normal(len(x))
    return _followed(kernels.boomerang, (excess, s), x, v, refreshment, length, times, rng)


def _followed(
    kernel: Any,
    laws: tuple[Float[np.ndarray, "..."], ...],
    x: Float[np.ndarray, " d"],
    v: Float[np.ndarray, " d"],
    refreshment: float,
    length: float,
    times: Real[ArrayLike, " times"] | Sequence[float],
    rng: np.random.Generator,
) -> GaussianPath:
    t = np.array(times, float)
    if t.ndim != 1 or not ((t >= 0) & (t <= length)).all() or (np.diff(t) < 0).any():
        raise StatementError(f"`times` must ascend from 0 to `length` = {length:g} at most, but is {times!r}.")
    positions, sums = np.empty((len(t), len(x))), np.zeros((2, len(x)))
    events, afresh = kernel(*laws, x, v, float(refreshment), float(length), t, positions, sums, rng)
    return GaussianPath(sums[0] / length, sums[1] / length, positions, v, int(events), int(afresh))


def _checked(
    precision: Real[ArrayLike, "... d"], start: Real[ArrayLike, " d"], length: float, refreshment: float
) -> tuple[Float[np.ndarray, "... d"], Float[np.ndarray, " d"]]:
    A, x = np.array(precision, float), np.array(start, float)
    if x.ndim != 1 or not len(x) or not np.isfinite(x).all():
        raise StatementError(f"`start` must be a vector of finite numbers, but is {start!r}.")
    d = len(x)
    if A.shape not in ((d,), (d, d)) or not np.isfinite(A).all():
        raise StatementError(
            f"`precision` must be finite, of shape ({d},) or ({d}, {d}), but has shape {A.shape}"
            + ("." if A.shape not in ((d,), (d, d)) else " with entries that are not.")
        )
    if A.ndim == 2 and not np.allclose(A, A.T, rtol=1e-10, atol=1e-12 * np.abs(A).max()):
        raise StatementError("`precision` must be symmetric, but is not.")
    least = A.min() if A.ndim == 1 else np.linalg.eigvalsh(A)[0]
    if least <= 0:
        raise StatementError(
            f"`precision` must be positive definite, or there is no such density, but its smallest eigenvalue is "
            f"{least:.6g}."
        )
    for name, value, positive in (("length", length, True), ("refreshment", refreshment, False)):
        if not np.isfinite(value) or value < 0 or (positive and value == 0):
            raise StatementError(f"`{name}` must be {'> 0' if positive else '>= 0'} and finite, but is {value}.")
    return A, x
