"""Linear splines with free knots: networks with one hidden relu layer and one input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ...contract.record import StatementError

if TYPE_CHECKING:
    from jaxtyping import Float

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(8)


def fit_free_knots(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]],
    low: float,
    high: float,
    pieces: int,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, " K"], Float[np.ndarray, " K"]]:
    """Knots and values of a continuous linear spline, locally optimal in least squares on [low, high].

    From knots at random, the knots are moved until all pieces have about the same error; then values and the
    logarithms of the gaps are moved together by Levenberg's and Marquardt's method. Returns two arrays of
    `pieces` + 1 numbers. Raises `StatementError` if there is no piece, the interval is empty or the target is not
    finite on it.
    """
    from scipy.optimize import least_squares

    _check(target, low, high, pieces)
    share = (_NODES + 1) / 2
    step = 1e-6 * (high - low)
    hats = np.zeros((pieces, len(share), pieces + 1))
    for i in range(pieces):
        hats[i, :, i], hats[i, :, i + 1] = 1 - share, share

    def knots_of(parameters: np.ndarray) -> np.ndarray:
        gaps = np.exp(parameters[pieces + 1 :] - parameters[pieces + 1 :].max())
        return np.r_[low, low + (high - low) * np.cumsum(gaps[:-1]) / gaps.sum(), high]

    def residual(parameters: np.ndarray) -> np.ndarray:
        knots = knots_of(parameters)
        _, wanted = _on_cells(target, knots)
        root = np.sqrt(np.diff(knots)[:, None] / 2 * _WEIGHTS)
        return np.asarray(root * (hats @ parameters[: pieces + 1] - wanted)).ravel() / scale

    def jacobian(parameters: np.ndarray) -> np.ndarray:
        knots = knots_of(parameters)
        lengths = np.diff(knots)
        x, wanted = _on_cells(target, knots)
        slope = (np.asarray(target(x + step), float) - np.asarray(target(x - step), float)) / (2 * step)
        root = np.sqrt(lengths[:, None] / 2 * _WEIGHTS)[..., None]
        off = (hats @ parameters[: pieces + 1] - wanted)[..., None]
        by_gap = np.tri(pieces + 1, pieces, -1) * lengths - np.outer((knots - low) / (high - low), lengths)
        moved = (1 - share)[:, None] * by_gap[:-1, None] + share[:, None] * by_gap[1:, None]
        stretched = np.diff(by_gap, axis=0)[:, None] / (2 * lengths[:, None, None])
        by_knots = root * (off * stretched - slope[..., None] * moved)
        both = np.concatenate([root * hats, by_knots], axis=2)
        return np.asarray(both.reshape(-1, 2 * pieces + 1)) / scale

    knots = _even_out(target, low + (high - low) * np.r_[0, np.sort(rng.random(pieces - 1)), 1])
    heights = fit_fixed_knots(target, knots)
    scale = distance(target, knots, heights) or 1.0
    begun = np.r_[heights, np.log(np.diff(knots))]
    fitted = least_squares(residual, begun, jacobian, method="lm", xtol=1e-10, max_nfev=100).x
    return knots_of(fitted), fitted[: pieces + 1]


def _even_out(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]],
    knots: Float[np.ndarray, " K"],
    rounds: int = 12,
) -> Float[np.ndarray, " K"]:
    """Knots between which the squared error, of fifth order in the gap, is about equal."""
    for _ in range(rounds):
        gaps = np.diff(knots)
        errors = _squares(target, knots, fit_fixed_knots(target, knots))
        density = np.maximum(errors, 1e-6 * errors.max()) ** 0.2 / gaps
        mass = np.r_[0, np.cumsum(density * gaps)]
        even = np.interp(np.linspace(0, mass[-1], len(knots)), mass, knots)
        knots = np.r_[knots[0], (knots[1:-1] + even[1:-1]) / 2, knots[-1]]
    return knots


def fit_fixed_knots(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]], knots: Float[np.ndarray, " K"]
) -> Float[np.ndarray, " K"]:
    """The values at given ascending knots of the least-squares continuous linear spline."""
    from scipy.linalg import solveh_banded

    lengths = np.diff(knots)
    _, wanted = _on_cells(target, knots)
    right = (_NODES + 1) / 2
    load = np.zeros(len(knots))
    load[:-1] += lengths / 2 * ((wanted * (1 - right)) @ _WEIGHTS)
    load[1:] += lengths / 2 * ((wanted * right) @ _WEIGHTS)
    diagonal = (np.r_[lengths, 0] + np.r_[0, lengths]) / 3
    return np.asarray(solveh_banded(np.stack([np.r_[0, lengths / 6], diagonal]), load))


def distance(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]],
    knots: Float[np.ndarray, " K"],
    heights: Float[np.ndarray, " K"],
) -> float:
    """The L2 distance between the target and a linear spline."""
    return float(np.sqrt(_squares(target, knots, heights).sum()))


def _squares(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]],
    knots: Float[np.ndarray, " K"],
    heights: Float[np.ndarray, " K"],
) -> Float[np.ndarray, " pieces"]:
    """The integral of the squared difference over each piece."""
    _, wanted = _on_cells(target, knots)
    right = (_NODES + 1) / 2
    spline = heights[:-1, None] * (1 - right) + heights[1:, None] * right
    return np.diff(knots) / 2 * ((wanted - spline) ** 2 @ _WEIGHTS)


def _on_cells(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]], knots: Float[np.ndarray, " K"]
) -> tuple[Float[np.ndarray, "pieces nodes"], Float[np.ndarray, "pieces nodes"]]:
    x = knots[:-1, None] + np.diff(knots)[:, None] * (_NODES + 1) / 2
    return x, np.asarray(target(x), float)


def _check(
    target: Callable[[Float[np.ndarray, " x"]], Float[np.ndarray, " x"]], low: float, high: float, pieces: int
) -> None:
    if pieces < 1 or pieces != int(pieces):
        raise StatementError(f"`pieces` must be a whole number >= 1, but is {pieces}.")
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise StatementError(f"`low` must be below `high`, both finite, but they are {low} and {high}.")
    if not np.isfinite(np.asarray(target(np.linspace(low, high, 101)), float)).all():
        raise StatementError(f"The target must be finite on [{low}, {high}], but is not.")
