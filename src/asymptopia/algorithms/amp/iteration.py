"""The iterates of generalised approximate message passing."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import NotSolved

if TYPE_CHECKING:
    from jaxtyping import Float, Real

RECOVERED = 1e-6
"""Below this share of the signal's power, estimates that leave no label unexplained are held (see `iterates`)."""

BLOWN_UP = 1e6
"""Estimates larger than the signal by this factor have diverged."""


class Denoiser(Protocol):
    """The interface of a prior: mean and variance of w under p(w) exp(B w - A w^2/2)."""

    def posterior(
        self, A: Real[ArrayLike, "..."], B: Real[ArrayLike, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]: ...


class Output(Protocol):
    """The interface of a channel: first and second derivative of log P(y | field N(mean, variance)) in the mean."""

    def score(
        self, y: Real[ArrayLike, "..."], mean: Real[ArrayLike, "..."], variance: Real[ArrayLike, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]: ...


@dataclasses.dataclass(frozen=True)
class Iterate:
    """One iterate: the estimate after the step, and its undamped residual.

    means, variances: shape (d,).
    scores:           g of shape (n,), from which the next step takes its Onsager term.
    residual:         root mean square of the undamped change of the means, in units of the signal's; or the change of
                      the mean variance, or what damping holds back of the scores and precisions, if that is larger.
    """

    means: Float[np.ndarray, " d"]
    variances: Float[np.ndarray, " d"]
    scores: Float[np.ndarray, " n"]
    residual: float


def iterates(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    prior: Denoiser,
    channel: Output,
    *,
    start: tuple[Any, Any] | None = None,
    memory: Real[ArrayLike, " n"] | None = None,
    damping: float = 0.0,
    full_variances: bool = False,
) -> Iterator[Iterate]:
    r"""The endless sequence of iterates of generalised message passing, for labels y of the fields X w.

    With $\hat w$, v the means and variances of the coordinates and $s_{ij} = X_{ij}^2$, a step is

    $$V = s v, \quad \omega = X \hat w - V g, \quad g, g' = \partial_\omega, \partial_\omega^2
    \log P(y | N(\omega, V)), \quad A = -s^T g', \quad B = X^T g + A \hat w,$$

    and the new means and variances are those of the density $p(w) e^{B w - A w^2/2}$.

    X: shape (n, d), of any scale, float32 or float64 (products with X are done in its precision, all else in double);
    y: shape (n,). start: means and variances, numbers or of shape (d,); by default the prior's. memory: the scores g
    of a step before the first, by default 0. damping: the share of the last step that is kept, in [0, 1).
    With `full_variances` the squares of X are stored and used one by one; otherwise they are replaced by their mean,
    which is the same for large matrices of independent entries of one variance, and twice as fast.

    Where the distribution of a label is not log-concave in its field, A may fluctuate below zero in small systems;
    there it is taken to be at least $s^T g^2 / 2$, half of its other expression under the model.

    Labels that the estimate explains completely carry no information on what is left: where the variance of the
    fields is below `RECOVERED` of its start and the next step would lose the signal, the estimate is held.

    Raises `StatementError` for bad input and `NotSolved` where the estimates diverge; they are never nan.

    Source: Rangan, Proc. IEEE ISIT (2011) 2168, algorithm 1; Zdeborova and Krzakala, Adv. Phys. 65 (2016) 453, sec. 6.

    prior: of the coordinates of w; channel: how a field makes a label, its log-probability and derivatives.
    """
    X, y = checked(X, y)
    if not 0 <= damping < 1:
        raise StatementError(f"`damping` must be >= 0 and < 1, but is {damping}.")
    squares = Squares(X, full_variances)
    means, variances = started(prior, start, X.shape[1])
    g = np.zeros(len(y)) if memory is None else np.asarray(memory, float)
    power = float(np.mean(means**2 + variances))
    if not 0 < power < np.inf:
        raise StatementError(f"The start must have a mean square > 0, but it is {power:g}.")
    floor = np.finfo(X.dtype).eps ** 2 * power
    return _steps(X, y, prior, channel, squares, means, variances, g, damping, power, floor)


def _steps(
    X: Float[np.ndarray, "n d"],
    y: Float[np.ndarray, " n"],
    prior: Denoiser,
    channel: Output,
    squares: Squares,
    means: Float[np.ndarray, " d"],
    variances: Float[np.ndarray, " d"],
    g: Float[np.ndarray, " n"],
    damping: float,
    power: float,
    floor: float,
) -> Iterator[Iterate]:
    A: Any = None
    taken = 0
    while True:
        taken += 1
        with np.errstate(all="ignore"):
            V = squares.fields(np.maximum(variances, floor))
            keep = damping if A is not None else 0.0
            score, slope = channel.score(y, product(X, means) - V * g, V)
            scores = keep * g + (1 - keep) * score
            information = squares.coordinates(-slope)
            if np.any(slope > 0):
                information = np.maximum(information, 0.5 * squares.coordinates(score**2))
            held = keep * float(np.mean(variances * np.abs(information - A))) if keep else 0.0
            held += keep * float(np.sqrt(np.mean(np.square(variances) * squares.coordinates((score - g) ** 2)) / power))
            A = keep * A + (1 - keep) * information if keep else information
            new, spread = prior.posterior(A, product(X.T, scores) + A * means)
            silent = float(np.mean(scores**2 * V)) < 0.01 and float(np.mean(variances)) < RECOVERED * power
            size = float(np.mean(new**2 + spread))
        if silent and not np.mean(spread) <= 10 * np.mean(variances):
            yield Iterate(means, variances, g, 0.0)
            continue
        if not size <= BLOWN_UP**2 * power:
            raise NotSolved(
                f"Message passing diverged at iteration {taken}: the estimates' root mean square, "
                f"{np.sqrt(power):.3g} at the start, became {np.sqrt(size):.3g}. Use damping, or `vamp`."
            )
        change = abs(float(np.mean(spread)) - float(np.mean(variances))) / power
        residual = max(float(np.sqrt(np.mean((new - means) ** 2) / power)), change, held)
        g = scores
        means = keep * means + (1 - keep) * new
        variances = np.broadcast_to(keep * variances + (1 - keep) * spread, means.shape)
        yield Iterate(means, variances, g, residual)


class Squares:
    """The squared entries of X (n, d), or only their mean."""

    def __init__(self, X: Float[np.ndarray, "n d"], full: bool) -> None:
        self.all = X * X if full else None
        rows = np.einsum("ij,ij->i", X, X).astype(float)
        self.total = float(rows.sum())
        self.shape = X.shape

    def fields(self, variances: Float[np.ndarray, " d"]) -> Any:
        """The variances of the fields, (n,) or a number, from the variances (d,) of the coordinates."""
        if self.all is None:
            return self.total / self.shape[0] * float(np.mean(variances))
        return np.maximum(product(self.all, np.broadcast_to(variances, self.shape[1:])), np.finfo(float).tiny)

    def coordinates(self, information: ArrayLike) -> Any:
        """The precisions of the coordinates, (d,) or a number, from those of the fields."""
        if self.all is None:
            return self.total / self.shape[1] * float(np.mean(information))
        return product(self.all.T, np.broadcast_to(information, self.shape[:1]))


FEW, PART = 4, 1 << 18
"""Columns that are multiplied one by one, and entries of a matrix that stay in the cache."""


def product(X: Float[np.ndarray, "n d"], v: Real[ArrayLike, "d ..."]) -> Float[np.ndarray, "n ..."]:
    """X v, computed in the precision of X and returned in double precision.

    With a few columns v (d, K) each is multiplied on its own, part of X by part of X that stays in the cache, which
    takes half the time of a product of matrices.
    """
    v = np.asarray(v, X.dtype)
    if v.ndim == 1 or v.shape[1] > FEW:
        return np.asarray(X @ v, float)
    across, columns = not X.flags.c_contiguous, np.ascontiguousarray(v.T)
    long = X.T if across else X
    total = np.zeros((len(columns), len(X)))
    height = max(1, PART // long.shape[1])
    for some in (slice(k, k + height) for k in range(0, len(long), height)):
        for one, column in zip(total, columns, strict=True):
            if across:
                one += column[some] @ long[some]
            else:
                one[some] = long[some] @ column
    return total.T


def checked(
    X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"]
) -> tuple[Float[np.ndarray, "n d"], Float[np.ndarray, " n"]]:
    """X (n, d) in single or double precision and y (n,); raises `StatementError` unless they fit together."""
    X, y = np.asarray(X), np.asarray(y, float)
    if X.dtype not in (np.float32, np.float64):
        X = X.astype(float)
    if X.ndim != 2 or X.size == 0:
        raise StatementError(f"`X` must have shape (n, d) with n, d >= 1, but has shape {X.shape}.")
    if y.shape != X.shape[:1]:
        raise StatementError(f"`y` must have shape {X.shape[:1]}, one label a row of `X`, but has shape {y.shape}.")
    with np.errstate(all="ignore"):
        finite = np.isfinite(np.vdot(X, X)) or np.all(np.isfinite(X))
    if not finite:
        raise StatementError(f"`X` must be finite, but has {np.sum(~np.isfinite(X))} entries that are not.")
    if not X.any():
        raise StatementError("`X` must not be zero.")
    if not np.all(np.isfinite(y)):
        raise StatementError(f"`y` must be finite, but has {np.sum(~np.isfinite(y))} entries that are not.")
    return X, y


def started(
    prior: Denoiser, start: tuple[Any, Any] | None, d: int
) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"]]:
    """The starting means and variances, (d,) each: those given, or the prior's."""
    pair = prior.posterior(0.0, 0.0) if start is None else start
    means, variances = (np.asarray(v, float) for v in pair)
    for name, v in (("means", means), ("variances", variances)):
        if v.shape not in ((), (d,)) or not np.all(np.isfinite(v)):
            raise StatementError(f"The {name} to start from must be finite and of shape ({d},), but are {v}.")
    if np.any(variances < 0):
        raise StatementError(f"The variances to start from must be >= 0, but one is {variances.min():g}.")
    return np.broadcast_to(means, (d,)), np.broadcast_to(variances, (d,))
