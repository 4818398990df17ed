"""Matching of the units of two networks, the loss barrier on the line between them, and repair of its statistics."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    from jaxtyping import Float, Real

Affine = tuple[np.ndarray, np.ndarray]


def match_units(first: Sequence[Affine], second: Sequence[Affine]) -> list[Affine]:
    r"""The second network with its hidden units permuted to be close to the first.

    Networks of affine maps (W (out, in), b (out,)) with any activation between: a permutation of hidden units changes
    nothing of what they compute. Layer by layer, the permutation of least squared distance given those of the other
    layers is found exactly, until none changes (Ainsworth, Hayase and Srinivasa, Int. Conf. Learn. Represent. 2023,
    algorithm 1): the distance never grows, and with one hidden layer it is the least one.

    Raises `StatementError` unless both have the same shapes, each layer following on the one before, all finite.
    """
    from scipy.optimize import linear_sum_assignment

    ours = [(np.asarray(W, float), np.asarray(b, float)) for W, b in first]
    theirs = [(np.asarray(W, float), np.asarray(b, float)) for W, b in second]
    _check(ours, theirs)
    moved = True
    while moved:
        moved = False
        for k in range(len(ours) - 1):
            (W, b), (after, _) = ours[k], ours[k + 1]
            (V, c), (later, d) = theirs[k], theirs[k + 1]
            likeness = W @ V.T + np.outer(b, c) + after.T @ later
            order = linear_sum_assignment(likeness, maximize=True)[1]
            gain = likeness[np.arange(len(order)), order].sum() - np.trace(likeness)
            if gain > 1e-12 * np.abs(likeness).sum():
                theirs[k], theirs[k + 1] = (V[order], c[order]), (later[:, order], d)
                moved = True
    return theirs


def interpolate(first: Sequence[Affine], second: Sequence[Affine], t: float) -> list[Affine]:
    """The network on the straight line between two, at t from 0 (the first) to 1 (the second)."""
    ends = zip(first, second, strict=True)
    return [((1 - t) * W + t * V, (1 - t) * b + t * c) for (W, b), (V, c) in ends]


def repair(
    first: Sequence[Affine],
    second: Sequence[Affine],
    t: float,
    X: Real[ArrayLike, "n inputs"],
    activation: Callable[[Float[np.ndarray, "..."]], Float[np.ndarray, "..."]],
) -> list[Affine]:
    """The network between two whose hidden units have preactivations of the ends' mean and spread.

    Halfway between two networks, preactivations vary less than at either, the less the deeper the layer. Here the mean
    and the standard deviation of each hidden unit's preactivation over the samples X are made those of the two ends,
    interpolated, by a factor and a shift of the unit, layer after layer; outputs are left as they follow (Jordan,
    Sedghi, Saukh, Entezari and Neyshabur, Int. Conf. Learn. Represent. 2023). No lower loss is guaranteed.

    first, second: networks of affine maps (W (out, in), b (out,)), matched. t: from 0 to 1. X: samples, (n, inputs).
    activation: of the hidden units, elementwise.

    Raises `StatementError` for networks that do not fit each other or X, and for a unit between them that is constant
    over X while one at an end is not.
    """
    ends = [[(np.asarray(W, float), np.asarray(b, float)) for W, b in net] for net in (first, second)]
    X = np.asarray(X, float)
    _check(*ends)
    _check_place(ends[0], t, X)
    line, repaired = interpolate(ends[0], ends[1], t), []
    seen = [X, X, X]
    for layer, (W, b) in enumerate(line[:-1]):
        fields = [a @ V.T + c for a, (V, c) in zip(seen[:2], (net[layer] for net in ends), strict=True)]
        mean, spread = ((1 - t) * s[0] + t * s[1] for s in zip(*map(_statistics, fields), strict=True))
        between = seen[2] @ W.T + b
        middle, width = _statistics(between)
        still = width <= 1e-12 * np.abs(between).max(axis=0)
        lost = still & (spread > 1e-12 * np.abs(np.concatenate(fields)).max(axis=0))
        if lost.any():
            raise StatementError(_STILL.format(int(lost.argmax()), layer))
        factor = np.where(still, 1.0, spread / np.where(still, 1.0, width))
        repaired.append((factor[:, None] * W, factor * (b - middle) + mean))
        seen = [np.asarray(activation(z)) for z in (*fields, factor * (between - middle) + mean)]
    return [*repaired, line[-1]]


def _check_place(net: list[Affine], t: float, X: Float[np.ndarray, "n inputs"]) -> None:
    inputs = net[0][0].shape[1]
    if X.ndim != 2 or len(X) < 2 or X.shape[1] != inputs:
        raise StatementError(f"`X` must hold at least 2 samples of {inputs} inputs, but has shape {X.shape}.")
    if not np.isfinite(X).all():
        raise StatementError("`X` must be finite, but has a nan or an infinity.")
    if not 0 <= t <= 1:
        raise StatementError(f"`t` must lie between 0 and 1, but is {t}.")


_STILL = (
    "A repaired unit must vary over `X`, but unit {} of layer {} between the networks is constant there, and not at "
    "both ends."
)


def _statistics(
    fields: Float[np.ndarray, "n units"],
) -> tuple[Float[np.ndarray, " units"], Float[np.ndarray, " units"]]:
    return fields.mean(axis=0), fields.std(axis=0)


def barrier(
    loss: Callable[[list[Affine]], float],
    first: Sequence[Affine],
    second: Sequence[Affine],
    points: int = 25,
    between: Callable[[Sequence[Affine], Sequence[Affine], float], list[Affine]] = interpolate,
) -> float:
    """The largest rise of the loss above the straight line between its values at two networks.

    At `points` networks between them, at least one; the rise may be negative. between: from the two and t in (0, 1) to
    the network there, on the straight line unless given; with `repair`, `partial(repair, X=X, activation=f)`.
    """
    if points < 1:
        raise StatementError(f"`points` must be at least 1, but is {points}.")
    ends = float(loss(list(first))), float(loss(list(second)))
    rises = []
    for t in np.arange(1, points + 1) / (points + 1):
        rises.append(float(loss(between(first, second, t))) - (1 - t) * ends[0] - t * ends[1])
    return max(rises)


def _check(first: list[Affine], second: list[Affine]) -> None:
    shapes = [[(W.shape, b.shape) for W, b in net] for net in (first, second)]
    if not first or shapes[0] != shapes[1]:
        raise StatementError(f"Two networks that are matched must have the same shapes, but have {shapes}.")
    if first[0][0].ndim != 2 or first[0][1].shape != first[0][0].shape[:1]:
        raise StatementError(
            "Layer 0 must have a matrix (out, in) and biases (out,), but has shapes {}, {}.".format(*shapes[0][0])
        )
    for i, ((W, b), (_, before)) in enumerate(zip(first[1:], first[:-1], strict=True), start=1):
        if W.ndim != 2 or W.shape[1] != len(before) or b.shape != W.shape[:1]:
            raise StatementError(f"Layer {i} does not follow on the one before: it has shapes {W.shape}, {b.shape}.")
    if not all(np.isfinite(a).all() for net in (first, second) for layer in net for a in layer):
        raise StatementError("Networks that are matched must be finite, but one has a nan or an infinity.")
