"""Matching of the units of two networks, and the loss barrier on the line between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...contract.record import StatementError

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


def barrier(
    loss: Callable[[list[Affine]], float], first: Sequence[Affine], second: Sequence[Affine], points: int = 25
) -> float:
    """The largest rise of the loss above the straight line between its values at two networks.

    At `points` networks between them, at least one; the rise may be negative.
    """
    if points < 1:
        raise StatementError(f"`points` must be at least 1, but is {points}.")
    ends = float(loss(list(first))), float(loss(list(second)))
    rises = []
    for t in np.arange(1, points + 1) / (points + 1):
        between = [((1 - t) * W + t * V, (1 - t) * b + t * c) for (W, b), (V, c) in zip(first, second, strict=True)]
        rises.append(float(loss(between)) - (1 - t) * ends[0] - t * ends[1])
    return max(rises)


def _check(first: list[Affine], second: list[Affine]) -> None:
    shapes = [[(W.shape, b.shape) for W, b in net] for net in (first, second)]
    if not first or shapes[0] != shapes[1]:
        raise StatementError(f"Two networks that are matched must have the same shapes, but have {shapes}.")
    for i, ((W, b), (_, before)) in enumerate(zip(first[1:], first[:-1], strict=True), start=1):
        if W.ndim != 2 or W.shape[1] != len(before) or b.shape != W.shape[:1]:
            raise StatementError(f"Layer {i} does not follow on the one before: it has shapes {W.shape}, {b.shape}.")
    if not all(np.isfinite(a).all() for net in (first, second) for layer in net for a in layer):
        raise StatementError("Networks that are matched must be finite, but one has a nan or an infinity.")
