"""Approximate message passing for a matrix of rank one in noise, symmetric or rectangular."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float, Real

DAMPINGS = (0.0, 0.5, 0.85)
FAINT = 1e-4  # noise to begin with: until it has grown, message passing is linear and finds the leading direction


class Denoiser(Protocol):
    """The interface of a prior; each method is elementwise."""

    def posterior(
        self, A: Real[ArrayLike, "..."], B: Real[ArrayLike, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]: ...
    def log_partition(self, A: Real[ArrayLike, "..."], B: Real[ArrayLike, "..."]) -> Any: ...


@dataclass(frozen=True)
class Factor:
    """One factor of the matrix: the estimate, and the Gaussian likelihood that it was computed from.

    means, variances: of the posterior of each entry, (N,).
    precision, field: the posterior is the prior tilted by exp(field x - precision x**2 / 2).
    """

    means: Float[np.ndarray, " n"]
    variances: Float[np.ndarray, " n"]
    precision: float
    field: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class LowRank:
    """The result of message passing for a matrix of rank one.

    x:            the factor, or the right one, of length N.
    u:            the left factor, of length M; None for a symmetric matrix.
    history:      in each iteration the mean of the estimates' squares and the root mean square of their change.
    converged:    whether the last change is at most the tolerance.
    damping:      the share of the old estimate that was kept.
    free_entropy: Bethe's log-evidence divided by N, against the matrix without a spike.
    """

    x: Factor
    u: Factor | None
    history: Float[np.ndarray, "steps 2"]
    converged: bool
    damping: float
    free_entropy: float

    @property
    def iterations(self) -> int:
        """The number of iterations."""
        return len(self.history)

    def require(self) -> LowRank:
        """This result; raises `NotSolved` if it has not converged."""
        if not self.converged:
            raise NotSolved(
                f"After {self.iterations} iterations the estimate still changes by {self.history[-1, 1]:.1g}."
            )
        return self


def low_rank_amp(
    Y: Real[ArrayLike, "M N"],
    prior: Denoiser,
    snr: float,
    *,
    rows: Denoiser | None = None,
    start: Real[ArrayLike, " N"] | None = None,
    damping: float | None = None,
    tolerance: float = 1e-7,
    iterations: int = 500,
    watch: Callable[[int, Float[np.ndarray, " N"]], object] | None = None,
    seed: int = 0,
) -> LowRank:
    r"""The posterior of x in $Y = \sqrt{snr/N}\, x x^T + W$, or of u and x in $Y = \sqrt{snr/N}\, u x^T + W$.

    W has independent entries of mean 0 and variance 1 (symmetric in the first case); noise of another variance is
    scaled away. With $f$ and $v$ the posterior's mean and variance under the prior, tilted by $e^{B x - A x^2/2}$,

    $$B^t = \sqrt{snr/N}\, Y \hat x^t - \frac{snr}{N} \sum_i v_i^t\, \hat x^{t-1}, \quad
      A^t = \frac{snr}{N} \sum_i (\hat x_i^t)^2, \quad \hat x^{t+1} = f(A^t, B^t),$$

    and for a rectangular matrix the same in turn for the rows, from $\hat x$, and for the columns, from $\hat u$.

    Y:       (N, N), symmetric, if `rows` is None, else (M, N). float32 is kept, for large matrices.
    prior:   of the entries of x; `rows` that of u. Any with `posterior` and `log_partition`.
    start:   estimate (N,) of x at which to begin; by default the prior's mean and a little noise from `seed`.
    damping: the share of the old estimates, of both factors, that is kept; by default none, and then, from where that
             ended without settling, 0.5 and 0.85.
    watch:   called as watch(iteration, means) with the estimate of x before each iteration, and at the end.

    Iterates that are not finite raise `NotSolved`; iterates that do not settle leave `converged` False. Raises
    `StatementError` for arrays that do not fit.
    Source: Lesieur, Krzakala and Zdeborova, J. Stat. Mech. (2017) 073403, equations 53 to 56 and 62 to 67.

    iterations: at most so many with each damping; tolerance: of the largest change of the means, at which to stop.
    """
    Y = _checked(Y, snr, rows, damping)
    first = _first(prior, Y.shape[1], start, seed)
    failure: NotSolved | None = None
    for share in DAMPINGS if damping is None else (damping,):
        step = _Symmetric(Y, prior, snr) if rows is None else _Rectangular(Y, prior, rows, snr, share)
        try:
            estimates = _iterated(step, first, share, tolerance, iterations, watch)
        except NotSolved as diverged:
            failure = diverged
            continue
        if estimates.converged:
            break
        first = estimates.x
    else:
        if failure is not None:
            raise failure
    return estimates


def _iterated(
    step: _Symmetric | _Rectangular,
    x: Factor,
    damping: float,
    tolerance: float,
    iterations: int,
    watch: Callable[[int, Float[np.ndarray, " N"]], object] | None,
) -> LowRank:
    history: list[tuple[float, float]] = []
    converged = False
    while len(history) < iterations and not converged:
        if watch is not None:
            watch(len(history), x.means)
        new = step(x)
        change = max(_distance(new.means, x.means), step.change)
        if not np.isfinite(change):
            raise NotSolved(f"Message passing diverged in iteration {len(history) + 1}: its estimate is not finite.")
        converged = change <= tolerance
        kept = damping * x.means + (1 - damping) * new.means if damping else new.means
        x = Factor(kept, new.variances, new.precision, new.field)
        history.append((float(np.mean(x.means**2)), change))
    if watch is not None:
        watch(len(history), x.means)
    return LowRank(x, step.u, np.array(history).reshape(-1, 2), converged, damping, step.free_entropy(x))


class _Symmetric:
    """One iteration for a symmetric matrix; it remembers the estimate before."""

    u: Factor | None = None
    change = 0.0

    def __init__(self, Y: Float[np.ndarray, "N N"], prior: Denoiser, snr: float) -> None:
        self.Y, self.prior, self.snr = Y, prior, snr
        self.before = np.zeros(len(Y))

    def __call__(self, x: Factor) -> Factor:
        n, before, self.before = len(x.means), self.before, x.means
        field = np.sqrt(self.snr / n) * _times(self.Y, x.means) - self.snr * np.mean(x.variances) * before
        return _tilted(self.prior, self.snr * float(np.mean(x.means**2)), field)

    def free_entropy(self, x: Factor) -> float:
        n, X, V = len(x.means), np.sum(x.means**2), np.sum(x.variances)
        spike = np.sqrt(self.snr / n) * (x.means @ _times(self.Y, x.means)) / 2
        return float(_entropy(self.prior, x) + spike - self.snr / (4 * n) * X * (X + 2 * V)) / n


class _Rectangular:
    """One iteration for a rectangular matrix, rows first; it remembers the estimate of the rows.

    change: how far the last iteration would have moved the rows without damping.
    """

    change = 0.0

    def __init__(
        self, Y: Float[np.ndarray, "M N"], prior: Denoiser, rows: Denoiser, snr: float, damping: float
    ) -> None:
        self.Y, self.prior, self.rows, self.snr, self.damping = Y, prior, rows, snr, damping
        self.u = _tilted(rows, 0.0, np.zeros(len(Y)))

    def __call__(self, x: Factor) -> Factor:
        n, root = len(x.means), np.sqrt(self.snr / len(x.means))
        field = root * _times(self.Y, x.means) - self.snr * np.mean(x.variances) * self.u.means
        new = _tilted(self.rows, self.snr * float(np.mean(x.means**2)), field)
        if self.damping:
            self.change = _distance(new.means, self.u.means)
            new = replace(new, means=self.damping * self.u.means + (1 - self.damping) * new.means)
        u = self.u = new
        field = root * _times(self.Y.T, u.means) - self.snr * np.sum(u.variances) / n * x.means
        return _tilted(self.prior, self.snr * float(np.sum(u.means**2)) / n, field)

    def free_entropy(self, x: Factor) -> float:
        n, u = len(x.means), self.u
        X, V, U, S = (float(np.sum(a)) for a in (x.means**2, x.variances, u.means**2, u.variances))
        spike = np.sqrt(self.snr / n) * (u.means @ _times(self.Y, x.means))
        both = _entropy(self.prior, x) + _entropy(self.rows, u)
        return float(both + spike - self.snr / (2 * n) * (X * U + X * S + V * U)) / n


def _distance(a: Float[np.ndarray, " n"], b: Float[np.ndarray, " n"]) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2)))


def _tilted(prior: Denoiser, precision: float, field: Float[np.ndarray, " n"]) -> Factor:
    means, variances = prior.posterior(precision, field)
    return Factor(np.asarray(means, float), np.asarray(variances, float), precision, field)


def _entropy(prior: Denoiser, x: Factor) -> float:
    """The sum of log-partition - field * mean + precision * mean square / 2."""
    squares = x.means**2 + x.variances
    values = np.asarray(prior.log_partition(x.precision, x.field)) - x.field * x.means + x.precision * squares / 2
    return float(np.sum(values))


def _times(Y: Float[np.ndarray, "m n"], v: Float[np.ndarray, " n"]) -> Float[np.ndarray, " m"]:
    """Y @ v in the precision of Y."""
    return np.asarray(Y @ v.astype(Y.dtype), float)


def _first(prior: Denoiser, n: int, start: Real[ArrayLike, " n"] | None, seed: int) -> Factor:
    factor = _tilted(prior, 0.0, np.zeros(n))
    if start is None:
        noise = np.random.default_rng(seed).standard_normal(n)
        means = factor.means + FAINT * np.sqrt(factor.variances) * noise
    else:
        means = np.array(start, float)
        if means.shape != (n,) or not np.isfinite(means).all():
            raise StatementError(f"`start` must be finite and of shape ({n},), but has shape {means.shape}.")
    return Factor(means, factor.variances, 0.0, factor.field)


def _checked(
    Y: Real[ArrayLike, "M N"], snr: float, rows: Denoiser | None, damping: float | None
) -> Float[np.ndarray, "M N"]:
    Y = np.asarray(Y)
    Y = Y if Y.dtype == np.float32 else np.asarray(Y, float)
    if Y.ndim != 2 or Y.size == 0:
        raise StatementError(f"`Y` must be a matrix, but has shape {Y.shape}.")
    if not np.isfinite(Y).all():
        raise StatementError(f"`Y` must be finite, but has {np.sum(~np.isfinite(Y))} entries that are not.")
    if rows is None and (Y.shape[0] != Y.shape[1] or not np.allclose(Y, Y.T)):
        raise StatementError("`Y` must be symmetric unless `rows` gives a prior to its rows.")
    if not (np.isfinite(snr) and snr >= 0):
        raise StatementError(f"`snr` must be finite and >= 0, but is {snr!r}.")
    if damping is not None and not 0 <= damping < 1:
        raise StatementError(f"`damping` must be >= 0 and < 1, but is {damping!r}.")
    return Y
