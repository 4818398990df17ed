"""The prox-linear method for a convex loss, also with kinks, of a smooth map."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike
from ...parts.loss import Absolute, Loss
from ..erm.fit import fit
from .absolute import least_absolute
from .interface import check_positive, check_steps
from .network import check_finite

if TYPE_CHECKING:
    from jaxtyping import Float, Real


@dataclasses.dataclass(frozen=True)
class Trail:
    """The points visited (steps + 1, d), and the objective at each (steps + 1,).

    guaranteed: the descent granted to each step, |x_{k+1} - x_k|^2 / 2t, (steps,).
    stationarity: the norm of the prox-gradient (x_{k+1} - x_k) / t, (steps,).
    """

    points: Float[np.ndarray, "points d"]
    values: Float[np.ndarray, " points"]
    guaranteed: Float[np.ndarray, " steps"]
    stationarity: Float[np.ndarray, " steps"]

    @property
    def x(self) -> Float[np.ndarray, " d"]:
        """The final point (d,)."""
        return self.points[-1]


def prox_linear(
    loss: Loss,
    y: Real[ArrayLike, " m"],
    model: Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, " m"]],
    jacobian: Callable[[Float[np.ndarray, " d"]], Float[np.ndarray, "m d"]],
    x: Real[Any, " d"],
    step: float,
    steps: int,
) -> Trail:
    r"""Minimise $f(x) = \frac1m \sum_i \ell(y_i, c_i(x))$ by proximal steps on its linearisation.

    $x^+ = \arg\min_p \frac1m \sum_i \ell(y_i, c_i(x) + (J(x) (p - x))_i) + \frac{|p - x|^2}{2 t}$, to a small
    duality gap by an interior-point method for `Absolute`, else by `asymptopia.algorithms.fit`. `model` gives c(x),
    (m,), and `jacobian` J(x), (m, d). For losses of y - z, such as `Square`, `Absolute` and `Huber`.

    If c moves away from its linearisation so that f exceeds the model by at most
    $\frac\mu2 |p - x|^2$ and $t \leq 1/\mu$, every step lowers f by at least
    $|x^+ - x|^2 / 2 t$, and $\min_k |x_{k+1} - x_k|^2 / t^2 \leq 2 (f(x_0) - \inf f) / t k$.

    Ends early where a step is too short to be told from rounding. Drusvyatskiy and Paquette, Math. Program. 178 (2019)
    503, section 5.

    loss: $\ell$. y: labels, (m,). x: the start, (d,). step: t > 0. steps: how many, at most. Raises `StatementError`
    for a loss that is no function of y - z, and for shapes that do not fit.
    """
    check_positive("step", step)
    check_steps(steps)
    if not loss.location:
        raise StatementError(f"`loss` must depend on y - z only, as Square, Absolute and Huber do, but is {loss!r}.")
    x, y = np.asarray(x, float), np.asarray(y, float)
    check_finite(x)
    m = len(y)
    if np.shape(model(x)) != y.shape or np.shape(jacobian(x)) != (m, len(x)):
        shapes = np.shape(model(x)), np.shape(jacobian(x))
        raise StatementError(f"`model` and `jacobian` must give shapes {(m,)} and {(m, len(x))}, but give {shapes}.")

    def objective(at: np.ndarray) -> float:
        return float(np.mean(loss(y, model(at))))

    points, values, moves = [x], [objective(x)], []
    for _ in range(steps):
        p = _linearised(jacobian(x), y - model(x), loss, m / step)
        moves.append(float(np.linalg.norm(p)))
        if moves[-1] <= 1e-14 * (1 + np.linalg.norm(x)):
            moves.pop()
            break
        x = x + p
        points.append(x)
        values.append(objective(x))
    size = np.array(moves)
    return Trail(np.array(points), np.array(values), size**2 / (2 * step), size / step)


def _linearised(
    J: Float[np.ndarray, "m d"], r: Float[np.ndarray, " m"], loss: Loss, ridge: float
) -> Float[np.ndarray, " d"]:
    return least_absolute(J, r, ridge) if isinstance(loss, Absolute) else fit(J, r, loss, ridge=ridge).w
