"""The exact linear pieces of relu networks of one input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float

KINK = 1e-9  # a change of slope below this share of the steepest slope is round-off
TOUCH = 1e-11  # a field below this share of the unit's largest is zero: a unit that only touches zero does not cross it
SAME = 1e-13  # knots closer than this share of the interval are one: round-off in where several units cross zero

Affine = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Pieces:
    """The pieces of a network on an interval.

    knots:    (K,) ends of the interval and of all the pieces on which every unit is linear, ascending.
    values:   (K, outputs) of the network at the knots; it is linear between them.
    crossings: how many times the fields of each hidden layer's units cross zero, all units together.
    """

    knots: Float[np.ndarray, " K"]
    values: Float[np.ndarray, "K outputs"]
    crossings: tuple[int, ...]

    @property
    def count(self) -> int:
        """The number of linear pieces of the network: neighbours of equal slope count as one."""
        slopes = np.diff(self.values, axis=0) / np.diff(self.knots)[:, None]
        steepest = np.abs(slopes).max(initial=0.0)
        return 1 + int((np.abs(np.diff(slopes, axis=0)).max(axis=1, initial=0.0) > KINK * steepest).sum())


def linear_pieces(layers: Sequence[Affine], low: float, high: float) -> Pieces:
    """The exact pieces of the relu network W_L relu(... relu(W_1 x + b_1) ...) + b_L on [low, high].

    layers: matrices W (out, in) and biases b (out,), the first with in = 1. Raises `StatementError` if the shapes do
    not follow on one another, a number is not finite, or `high` is not above `low`.
    """
    _check(layers, low, high)
    knots = np.array([low, high], float)
    values = knots[:, None]
    crossings = []
    for depth, (weights, biases) in enumerate(layers):
        values = values @ np.asarray(weights, float).T + np.asarray(biases, float)
        if depth == len(layers) - 1:
            break
        values[np.abs(values) < TOUCH * np.abs(values).max(axis=0)] = 0.0
        before, after = values[:-1], values[1:]
        piece, unit = np.nonzero((before < 0) != (after < 0))
        share = before[piece, unit] / (before[piece, unit] - after[piece, unit])
        crossings.append(len(piece))
        inside = (share > 0) & (share < 1)
        piece, unit, share = piece[inside], unit[inside], share[inside]
        added = before[piece] + share[:, None] * (after[piece] - before[piece])
        added[np.arange(len(unit)), unit] = 0.0
        new = knots[piece] + share * (knots[piece + 1] - knots[piece])
        order = np.argsort(np.concatenate([knots, new]), kind="stable")
        knots = np.concatenate([knots, new])[order]
        values = np.maximum(np.concatenate([values, added])[order], 0.0)
        distinct = np.r_[True, np.diff(knots) > SAME * (high - low)]
        knots, values = knots[distinct], values[distinct]
    return Pieces(knots, values, tuple(crossings))


def _check(layers: Sequence[Affine], low: float, high: float) -> None:
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise StatementError(f"`low` must be below `high`, both finite, but they are {low} and {high}.")
    if not layers:
        raise StatementError("`layers` must have at least one affine map, but is empty.")
    expected = 1
    for i, (weights, biases) in enumerate(layers):
        shapes = np.shape(weights), np.shape(biases)
        if len(shapes[0]) != 2 or shapes[0][1] != expected or shapes[1] != shapes[0][:1]:
            raise StatementError(
                f"Layer {i} of `layers` must map {expected} inputs, with one bias an output, but has shapes {shapes}."
            )
        if not (np.isfinite(weights).all() and np.isfinite(biases).all()):
            raise StatementError(f"Layer {i} of `layers` must be finite, but has a nan or an infinity.")
        expected = shapes[0][0]
