"""Readouts of order one while their weights and what they sum move by order 1 / sqrt(n): lazy training.

A readout v @ h / sqrt(n) of fresh weights v is a normal number. After a step of descent both v and h have moved by
order 1 / sqrt(n), and the readout by order one, because the moves depend on v and h. So for x and y with parts along v

$$x \\cdot y = n \\langle x, y \\rangle + \\sqrt n \\, (\\langle v, x \\rangle N(y) + \\langle v, y \\rangle N(x)),$$

where N are the normal numbers that v has given. The points come in pairs that differ in the sign of v alone: <v, h> is
then exactly zero for an h that does not depend on v, and what is left of the average is due to the moves.

Source: Jacot, Gabriel and Hongler 2018, arXiv:1806.07572; Lee et al. 2019, arXiv:1902.06720.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from ..context import Context
from ..refusal import Refused
from .readouts import Readouts, numbers_of


def product(ctx: Context, x: np.ndarray, y: np.ndarray, length: int) -> np.ndarray:
    """All products of the columns of x and y, summed over a wide axis, (columns of x, columns of y).

    ctx: the state of the run. x, y: points (P, columns) of the axis of this length.
    """
    weight = ctx.space.weight[length]
    out = (x * weight[:, None]).T @ y
    moved = ctx.space.in_sum(length) - weight
    rest_x, rest_y = x, y
    for draw, known in list(ctx.readouts.items()):
        if known.length != length or known.root[0] not in ctx.settings.lazy:
            continue
        along_x, along_y = _along(ctx, known, x), _along(ctx, known, y)
        out = out + np.sqrt(length) * (along_x.T @ _numbers(ctx, draw, y, along_x))
        out = out + np.sqrt(length) * (along_y.T @ _numbers(ctx, draw, x, along_y)).T
        rest_x, rest_y = rest_x - known.points @ along_x, rest_y - known.points @ along_y
    both = (x - rest_x, y - rest_y)
    for one, other in ((rest_x, rest_y), both):
        out = out + (one * moved[:, None]).T @ other
    return out


def _along(ctx: Context, known: Readouts, x: np.ndarray) -> np.ndarray:
    """The coefficients of the columns of x along the draws, where they are of order one."""
    mean, length = ctx.space.mean, known.length
    along = np.linalg.solve(mean(length, known.points, known.points), mean(length, known.points, x))
    size = np.sqrt(ctx.space.weight[length] @ x**2 / length)
    return np.where(np.abs(along) > _smallest(length) * size, along, 0.0)


def _numbers(ctx: Context, draw: Hashable, y: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The normal numbers of the columns of y."""
    known = ctx.readouts[draw]
    if not np.any(along):
        return np.zeros((len(known.numbers), y.shape[1]))
    before = known.directions.shape[1]
    numbers = numbers_of(ctx, draw, y, _smallest(known.length))
    for direction in known.directions[:, before:].T:
        _check_independent(known.points, direction)
    return numbers


def _check_independent(points: np.ndarray, direction: np.ndarray) -> None:
    """Raise if the square of a direction depends on the draws: its numbers would have another variance."""
    terms = (points**2 - 1).T * direction**2
    mean, error = terms.mean(axis=1), terms.std(axis=1) / np.sqrt(terms.shape[1] / 2)
    if np.any(np.abs(mean) > np.maximum(6 * error, 0.05)):
        raise Refused(
            "cannot derive: this sum of order sqrt(n) is of weights times a function of them; there is a rule where "
            "they depend on each other by order 1/sqrt(n) only."
        )


def _smallest(length: int) -> float:
    """What is between parts of order one and of order 1 / sqrt(n)."""
    return float(length) ** -0.25
