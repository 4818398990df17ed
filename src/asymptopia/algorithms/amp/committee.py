"""Approximate message passing for the weights of several hidden units."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...parts.activation import Activation, Sign
from ...parts.prior import Prior
from ..checks import NotSolved
from .committee_parts import Score, Weights, label_scores, weights_of
from .iteration import BLOWN_UP, Squares, checked, product
from .settle import first_settled

if TYPE_CHECKING:
    from jaxtyping import Float, Real

ATTEMPTS = (0.0, False), (0.0, True), (0.5, False), (0.5, True), (0.85, False)
"""What is tried in turn: the share of a step that is kept, and whether information is the scores' mean square."""

ASIDE = 0.05
"""Share of the signal by which units start aside from each other, so that they can be told apart."""

CERTAIN = 1e-5
"""Below this share of the signal's power the weights are known, and labels say nothing on what is left."""

PATIENCE, VIOLENT = 100, 0.03
"""So many steps in a row, each longer than this share of the signal, are taken for an oscillation without end."""

Callback = Callable[[int, np.ndarray, np.ndarray], object]


@dataclasses.dataclass(frozen=True)
class CommitteeEstimate:
    """A fixed point of message passing for hidden units.

    means:      of the units' weights, shape (d, K); the order of the units is arbitrary.
    covariance: posterior covariance of a coordinate's K weights, averaged over coordinates, shape (K, K).
    residuals:  at each iteration the root mean square of the undamped change of the means, in units of the signal's;
                the last is below the tolerance, or the covariance below 1e-5 of the signal's power: recovered.
    damping:    the share of the last step that was kept.
    squares:    whether the information A was taken from the squares of the scores.
    failures:   what was tried before and how it failed.
    """

    means: Float[np.ndarray, "d K"]
    covariance: Float[np.ndarray, "K K"]
    residuals: Float[np.ndarray, " steps"]
    damping: float
    squares: bool = False
    failures: tuple[str, ...] = ()

    @property
    def iterations(self) -> int:
        """The number of iterations of the successful attempt."""
        return len(self.residuals)


def committee(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    prior: Prior,
    units: int = 2,
    activation: Activation = Sign(),  # noqa: B008 (immutable)
    noise: float = 0.0,
    *,
    start: tuple[Any, Any] | None = None,
    damping: float | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    seed: int = 0,
    callback: Callback | None = None,
) -> CommitteeEstimate:
    r"""Posterior means and covariance of the weights of K = 1 to 4 hidden units, by approximate message passing.

    X: shape (n, d), of any scale, float32 or float64; y: shape (n,), labels of the fields X w, with w of shape (d, K):
    for `Sign()` units the sign of the sum of the units' signs (0 where they are undecided), for any other activation f
    the sum of f(field) over sqrt(K), plus normal noise of variance `noise` > 0. With $\hat w_i$, $C_i$ the posterior
    mean (K) and covariance (K, K) of a coordinate's weights and s the mean square of X's entries, a step is

    $$V = s \sum_i C_i, \quad \omega = X \hat w - g V, \quad g, g' = \partial_\omega, \partial_\omega^2
    \log P(y | N(\omega, V)), \quad A = -s \sum_\mu g'_\mu, \quad B = X^T g + \hat w A,$$

    and the new moments are those of the density $p(w) e^{B \cdot w - w \cdot A w/2}$ on K weights. In expectation
    A is also $s \sum_\mu g_\mu g_\mu^T$, if the labels are those of such units; in a finite system the fixed points
    differ by $O(1/\sqrt n)$, and those with squares are the more often stable.

    start: means (d, K) and covariance (K, K); by default the prior's, with units set aside at random by `seed`.
    prior: a mixture of Gaussians (`components`). damping: the share of the last step that is kept; by default none,
    and 0.5 and 0.85 where that diverges or does not settle; each with the squares where it fails without them.
    callback: called with iteration, means and covariance.

    Raises `StatementError` for bad input, `NotSolved` where nothing converges; what is returned has converged.
    Source: Aubin, Maillard, Barbier, Krzakala, Macris and Zdeborova, J. Stat. Mech. (2019) 124023, algorithm 1.
    """
    X, y = checked(X, y)
    if iterations < 1 or not tolerance > 0:
        raise StatementError(f"`iterations` must be >= 1 and `tolerance` > 0, but are {iterations} and {tolerance}.")
    tolerance = max(tolerance, 10 * float(np.finfo(X.dtype).eps))
    weights, score = weights_of(prior, units), label_scores(y, units, activation, noise)
    began = _started(start, prior, X.shape[1], units, seed)

    def passing(share: float, squares: bool) -> CommitteeEstimate:
        try:
            return _settled(X, weights, score, *began, (share, squares), iterations, tolerance, callback)
        except NotSolved as failed:
            raise NotSolved(f"damping {share:g}{', information from squares' * squares}: {failed}") from None

    attempts = ATTEMPTS if damping is None else ((damping, False), (damping, True))
    return first_settled(partial(passing, *attempt) for attempt in attempts)


def _started(
    start: tuple[ArrayLike, ArrayLike] | None, prior: Prior, d: int, units: int, seed: int
) -> tuple[Float[np.ndarray, "d K"], Float[np.ndarray, "K K"]]:
    """Means (d, K) and covariance (K, K) to start from."""
    if start is None:
        mean, variance = float(prior.mean), float(prior.second_moment - np.square(prior.mean))
        aside = ASIDE * np.sqrt(variance) * np.random.default_rng(seed).standard_normal((d, units))
        return mean + aside, variance * np.eye(units)
    means, covariance = (np.asarray(v, float) for v in start)
    if means.shape != (d, units) or covariance.shape != (units, units):
        raise StatementError(
            f"`start` must be means of shape ({d}, {units}) and a covariance of shape ({units}, {units}), but has "
            f"shapes {means.shape} and {covariance.shape}."
        )
    if not np.all(np.isfinite(means)) or not np.all(np.linalg.eigvalsh((covariance + covariance.T) / 2) > 0):
        raise StatementError("`start` must have finite means and a positive definite covariance.")
    return means, covariance


def _settled(
    X: Float[np.ndarray, "n d"],
    weights: Weights,
    score: Score,
    means: Float[np.ndarray, "d K"],
    covariance: Float[np.ndarray, "K K"],
    attempt: tuple[float, bool],
    iterations: int,
    tolerance: float,
    callback: Callback | None,
) -> CommitteeEstimate:
    """The first iterate whose residual is below the tolerance; raises `NotSolved` if there is none."""
    keep, squares = attempt
    total = Squares(X, False).total
    power = float(np.mean(means**2) + np.mean(np.diag(covariance)))
    g, A = np.zeros((X.shape[0], means.shape[1])), None
    residuals: list[float] = []
    for step in range(1, iterations + 1):
        V = total / X.shape[0] * covariance
        with np.errstate(all="ignore"):
            new_g, slope = score(product(X, means) - g @ V, V)
            information = _admissible(total / X.size * (new_g.T @ new_g if squares else -slope))
            share = 0.0 if A is None else keep
            g = share * g + (1 - share) * new_g
            A = information if A is None else share * A + (1 - share) * information
            new, spread = weights(A, product(X.T, g) + means @ A)
        size = float(np.mean(new**2))
        if not size <= BLOWN_UP**2 * power:
            raise NotSolved(
                f"diverged at iteration {step}: the means grew to a root mean square of {np.sqrt(size):.3g}."
            )
        residuals.append(float(np.sqrt(np.mean((new - means) ** 2) / power)))
        means = share * means + (1 - share) * new
        covariance = share * covariance + (1 - share) * spread
        if callback is not None:
            callback(step, means, covariance)
        recovered = float(np.trace(covariance)) < CERTAIN * power * len(covariance)
        if residuals[-1] < tolerance or recovered:
            return CommitteeEstimate(means, covariance, np.array(residuals), keep, squares)
        if _hopeless(residuals, tolerance, iterations):
            raise NotSolved(f"the means still change by {residuals[-1]:.2g} of the signal after {step} iterations.")
        covariance = covariance + 1e-12 * power * np.eye(len(covariance))
    raise NotSolved(f"not settled in {iterations} iterations: the last changed the means by {residuals[-1]:.1e}.")


def _hopeless(residuals: list[float], tolerance: float, iterations: int) -> bool:
    """Whether the last steps were all violent, or become shorter so slowly that twice the iterations are too few."""
    if len(residuals) < PATIENCE:
        return False
    last = min(residuals[-PATIENCE:])
    if last > VIOLENT or len(residuals) < 3 * PATIENCE:
        return last > VIOLENT
    before = min(residuals[-2 * PATIENCE : -PATIENCE])
    left = 2 * (iterations - len(residuals)) / PATIENCE
    return last <= before and np.log(before / last) * left < np.log(last / tolerance)


def _admissible(A: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """The nearest symmetric matrix without negative eigenvalue: what few samples say of a precision may have one."""
    values, axes = np.linalg.eigh((A + A.T) / 2)
    return np.asarray((axes * np.maximum(values, 0.0)) @ axes.T)
