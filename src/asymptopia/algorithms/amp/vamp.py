"""Vector approximate message passing, for matrices with any singular values."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...numerics.arrays import ArrayLike
from ..checks import NotSolved
from .iteration import Denoiser, Output, checked
from .settle import Estimate, first_settled, settled
from .spectral import beginning

if TYPE_CHECKING:
    from jaxtyping import Float, Real

SHARPEST = 1e-6
"""Least share of the fields' variance that a label leaves: labels without noise are taken to have so much."""

SPAN = 1e10
"""Precisions are kept between 1 / SPAN and SPAN, in units of the signal's: beyond, differences of them are noise."""

DAMPINGS = (0.0, 0.5, 0.85)


@dataclasses.dataclass(frozen=True)
class Message:
    """Gaussian factors exp(field x - precision x^2 / 2) of several unknowns, with one precision for all."""

    precision: Any
    field: Float[np.ndarray, "..."]

    def towards(self, new: Message, keep: float) -> Message:
        """The damped message: the share `keep` of this one, the rest of the new one."""
        return Message(keep * self.precision + (1 - keep) * new.precision, keep * self.field + (1 - keep) * new.field)


class LinearModel:
    """The posterior of w and z = X w under Gaussian factors on both, for X = U diag(s) V^T."""

    def __init__(self, X: Float[np.ndarray, "n d"]) -> None:
        self.X = X.astype(float)
        self.n, self.d = X.shape
        _, s, self.V = np.linalg.svd(self.X, full_matrices=False)
        self.squares = s**2

    def posterior(self, w: Message, z: Message) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " n"]]:
        """The posterior means of w and z."""
        own, seen = self.V @ w.field, self.V @ (self.X.T @ z.field)
        inside = (own + seen) / (w.precision + z.precision * self.squares)
        means = self.V.T @ inside
        if self.n < self.d:
            means = means + (w.field - self.V.T @ own) / w.precision
        return means, self.X @ means

    def extrinsic(
        self, w: Message, z: Message
    ) -> tuple[Float[np.ndarray, " d"], Float[np.ndarray, " n"], Message, Message]:
        """The posterior means, and the messages on w and z: what the posterior adds to the factors."""
        means, fields = self.posterior(w, z)
        total = w.precision + z.precision * self.squares
        told = (z.precision * self.squares / total).sum() / self.d
        untold = (w.precision / total).sum()
        variance = (untold + (self.d - len(self.squares))) / self.d / w.precision
        left = (untold + (self.n - len(self.squares))) / self.n
        spread = (self.squares / total).sum() / self.n
        return (
            means,
            fields,
            Message(told / variance, means / variance - w.field),
            Message(left / spread, fields / spread - z.field),
        )


def vamp(
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    prior: Denoiser,
    channel: Output,
    *,
    start: tuple[Any, Any] | None = None,
    damping: float | None = None,
    iterations: int = 1000,
    tolerance: float = 1e-6,
    callback: Callable[[int, Float[np.ndarray, " d"], Float[np.ndarray, " d"]], object] | None = None,
) -> Estimate:
    r"""Posterior means and variances of w, given labels y of the fields X w, for X of any singular values.

    Two models exchange Gaussian messages of scalar precision on w and on z = X w: independent coordinates with their
    prior and labels with their channel; and z = X w. Each adds to a message what it knows beyond it. At a fixed point
    both have the same means and mean variances; exact in the limit of large matrices whose singular vectors are
    uniformly distributed.

    X: shape (n, d), y: shape (n,). start: means and variances, by default as for `gamp`. damping: the share of the last
    message that is kept; by default none, then 0.5, then 0.85. The residual is the root mean square difference of the
    two means of w and of z, in units of theirs, or the change of the mean variance.

    Raises `StatementError` for bad input, `NotSolved` where no fixed point is found.

    Source: Rangan, Schniter and Fletcher, IEEE Trans. Inf. Theory 65 (2019) 6664; for labels Schniter, Rangan and
    Fletcher, Asilomar Conf. Signals, Systems and Computers (2016) 1525, algorithm 2.

    prior, channel, iterations, tolerance, callback: as in `gamp`.
    """
    X, y = checked(X, y)
    means, variances, _ = beginning(X, y, prior, channel, start)
    model = LinearModel(X)

    def passing(share: float) -> Estimate:
        method = f"vamp with damping {share:g}" if share else "vamp"
        steps = _steps(model, y, prior, channel, means, float(np.mean(variances)), share)
        return settled(steps, method, iterations, tolerance, callback)

    return first_settled(partial(passing, share) for share in (DAMPINGS if damping is None else (damping,)))


def _steps(
    model: LinearModel,
    y: Float[np.ndarray, " n"],
    prior: Denoiser,
    channel: Output,
    means: Float[np.ndarray, " d"],
    variance: float,
    keep: float,
) -> Iterator[tuple[Float[np.ndarray, " d"], Float[np.ndarray, " d"], float]]:
    """Means, variances and residual of each step."""
    power = float(np.mean(means**2)) + variance
    least, most = 1 / SPAN / power, SPAN / power
    precision = min(max(1 / max(variance, 1e-300), least), most)
    w = Message(precision, means * precision)
    spread = float(model.squares.sum()) / model.n / precision
    field_power = float(model.squares.sum()) / model.n * power
    to_z = Message(1 / spread, model.X @ means / spread)
    to_w: Message | None = None
    last = variance
    while True:
        with np.errstate(all="ignore"):
            seen, from_labels = _labels(y, channel, to_z)
            at, fields, new_w, new_z = model.extrinsic(w, from_labels)
            new_w = _bounded(new_w, least, most)
            to_w = new_w if to_w is None else to_w.towards(new_w, keep)
            to_z = to_z.towards(_bounded(new_z, 1 / SPAN / field_power, SPAN / field_power), keep)
            posterior_means, variances = prior.posterior(to_w.precision, to_w.field)
            eta = max(float(np.mean(variances)), 1 / (most + to_w.precision))
            gamma = min(max(1 / eta - to_w.precision, least), most)
            w = Message(gamma, posterior_means * (gamma + to_w.precision) - to_w.field)
            apart = max(np.mean((posterior_means - at) ** 2) / power, np.mean((seen - fields) ** 2) / field_power)
            residual = max(float(np.sqrt(apart)), abs(eta - last) / power)
            last = eta
        if not np.isfinite(residual) or residual > 1e6:
            raise NotSolved(f"Vector message passing diverged, with damping {keep:g}.")
        yield posterior_means, np.broadcast_to(variances, posterior_means.shape), residual


def _bounded(message: Message, least: float, most: float) -> Message:
    """The message with a precision in bounds; one that is too precise keeps its mean."""
    if message.precision > most:
        return Message(most, message.field * (most / message.precision))
    return Message(max(message.precision, least), message.field)


def _labels(y: Float[np.ndarray, " n"], channel: Output, z: Message) -> tuple[Float[np.ndarray, " n"], Message]:
    """Posterior means of the fields given their labels, and what the labels add to the message."""
    variance = 1.0 / np.float64(z.precision)
    mean = z.field * variance
    g, slope = channel.score(y, mean, variance)
    bend = float(np.mean(slope))
    left = max(1 + variance * bend, SHARPEST)
    bend = (left - 1) / variance
    return mean + variance * g, Message(max(-bend, 0.0) / left, (g - bend * mean) / left)
