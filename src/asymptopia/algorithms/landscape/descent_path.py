"""A path in the weights of a one-hidden-layer network along which the loss never rises."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ..checks import checked_data

if TYPE_CHECKING:
    from jaxtyping import Float, Real

DEPENDENT = 1e-6  # a unit of the start this close to the span of others, relatively, is in it
FARTHEST = 1e-12  # and of the end
CANDIDATES, BATCHES = 32, 16
CLEAR = 1e-3
FAINT = 1e-6  # values this small, beside those of other units, may be round-off


@dataclasses.dataclass(frozen=True)
class DescentPath:
    """The corners of a piecewise straight path: hidden weights (T, p, d) and output weights (T, p).

    rank: the dimension of the span of the hidden units' values on the samples, at the end.
    """

    hidden: Float[np.ndarray, "corners p d"]
    output: Float[np.ndarray, "corners p"]
    rank: int

    def losses(
        self, X: Real[ArrayLike, "n d"], y: Real[ArrayLike, " n"], activation: Callable[[Any], Any], points: int = 20
    ) -> Float[np.ndarray, " places"]:
        """Half the mean squared error at the corners and at `points` places on each piece between them."""
        X, y = checked_data(X, y, False)
        t = np.arange(points)[:, None] / points
        losses = []
        for k in range(len(self.output) - 1):
            (W, V), (u, v) = self.hidden[k : k + 2], self.output[k : k + 2]
            if np.array_equal(W, V):
                values = activation(X @ W.T)
                residual = (1 - t) * (values @ u - y) + t * (values @ v - y)
            else:
                moved = (W != V).any(axis=1)
                rest = activation(X @ W[~moved].T) @ u[~moved] - y
                places = W[moved] + t[..., None] * (V - W)[moved]
                residual = np.stack([rest + activation(X @ w.T) @ u[moved] for w in places])
            losses.append((residual**2).mean(axis=1) / 2)
        last = activation(X @ self.hidden[-1].T) @ self.output[-1] - y
        return np.concatenate([*losses, [(last**2).mean() / 2]])


def descent_path(
    hidden: Real[ArrayLike, "p d"],
    output: Real[ArrayLike, " p"],
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, " n"],
    activation: Callable[[Any], Any],
    rng: np.random.Generator,
) -> DescentPath:
    r"""A path from $f(x) = \sum_j u_j \sigma(w_j \cdot x)$ to the least squares along which the loss never rises.

    hidden: w, (p, d); output: u, (p,); X: (n, d) samples; y: (n,).

    Of the units whose values on the samples are in the span of the others', the output weights move to zero while those
    of the others move straight to the least squares; their hidden weights, which then count for nothing, move to where
    their values are out of the span; and all output weights move straight to the least squares. A convex loss falls
    along both straight moves, up to the square of what "in the span" leaves open, 1e-12 of it.
    If there are as many units as the units' values have dimensions, the end is a global minimum (Venturi,
    Bandeira and Bruna, J. Mach. Learn. Res. 20 (2019) 133); with fewer it is the minimum of the last step.
    """
    X, y = checked_data(X, y, False)
    W, u = np.array(hidden, float), np.array(output, float)
    if W.ndim != 2 or W.size == 0 or W.shape[1] != X.shape[1] or u.shape != W.shape[:1]:
        raise StatementError(
            f"`hidden` and `output` must have shapes (p, {X.shape[1]}) and (p,), p >= 1, "
            f"but have {W.shape} and {u.shape}."
        )
    if not (np.isfinite(W).all() and np.isfinite(u).all()):
        raise StatementError("`hidden` and `output` must be finite, but are not.")
    corners = [(W.copy(), u.copy())]
    values = np.asarray(activation(X @ W.T), float)
    basis, kept = np.zeros((len(y), 0)), []
    for j in np.argsort(-np.abs(u)):  # the units that count most keep their weights
        basis, new = _extended(basis, values[:, j], DEPENDENT)
        if new:
            kept.append(int(j))
    free = [j for j in range(len(u)) if j not in kept]
    if free:
        corners.append((W, _least_squares(values, kept, y)))
        W = W.copy()
        for j in free:
            w = _out_of(basis, X, activation, rng)
            if w is None:  # the span is all there is
                break
            W[j], values[:, j] = w, activation(X @ w)
            basis, _ = _extended(basis, values[:, j], FARTHEST)
            kept.append(j)
        corners.append((W, corners[-1][1]))
    corners.append((W, _least_squares(values, kept, y)))
    return DescentPath(np.stack([c[0] for c in corners]), np.stack([c[1] for c in corners]), len(kept))


def _least_squares(
    values: Float[np.ndarray, "n p"], kept: list[int], y: Float[np.ndarray, " n"]
) -> Float[np.ndarray, " p"]:
    """The output weights of these units that fit best, and zero for the others."""
    u, size = np.zeros(values.shape[1]), np.linalg.norm(values[:, kept], axis=0)
    u[kept] = np.linalg.lstsq(values[:, kept] / size, y, rcond=None)[0] / size
    return u


def _extended(
    basis: Float[np.ndarray, "n k"], value: Float[np.ndarray, " n"], least: float
) -> tuple[Float[np.ndarray, "n j"], bool]:
    """The orthonormal basis with this direction as well, and whether it was new."""
    rest, size = value.copy(), np.linalg.norm(value)
    for _ in range(2):  # twice is enough
        rest = rest - basis @ (basis.T @ rest)
    left = np.linalg.norm(rest)
    if size == 0 or left <= least * size or basis.shape[1] == len(value):
        return basis, False
    return np.column_stack([basis, rest / left]), True


def _out_of(
    basis: Float[np.ndarray, "n k"],
    X: Float[np.ndarray, "n d"],
    activation: Callable[[Any], Any],
    rng: np.random.Generator,
) -> Float[np.ndarray, " d"] | None:
    """The weights of the unit farthest from the span among some at random; None if all are in it.

    One in two candidates has a field of zero halfway between two samples, where an activation may have a kink.
    """
    if basis.shape[1] == len(X):
        return None
    best, far = None, FARTHEST
    for _ in range(BATCHES):
        W = rng.standard_normal((CANDIDATES, X.shape[1])) * np.exp(rng.uniform(-1, 1, (CANDIDATES, 1)))
        first = rng.integers(len(X), size=CANDIDATES // 2)
        second = (first + rng.integers(1, max(len(X), 2), size=CANDIDATES // 2)) % len(X)
        middle = (X[first] + X[second]) / 2
        size = np.maximum((middle**2).sum(axis=1, keepdims=True), 1e-300)
        W[::2] -= (W[::2] * middle).sum(axis=1, keepdims=True) / size * middle
        values = np.asarray(activation(X @ W.T), float)
        rest = values - basis @ (basis.T @ values)
        rest = rest - basis @ (basis.T @ rest)
        norm = np.linalg.norm(values, axis=0)
        share = np.linalg.norm(rest, axis=0) / np.where(norm > FAINT * norm.max(), norm, np.inf)
        if share.max() > far:
            best, far = W[int(np.argmax(share))], float(share.max())
        if far > CLEAR:
            break
    return best
