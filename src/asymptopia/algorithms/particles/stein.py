r"""Stein variational gradient descent: particles descend a potential and repel each other.

$$\dot x_i = \frac1n \sum_j \big( \partial_2 k(x_i, x_j) - k(x_i, x_j) V'(x_j) \big)$$

for the target $e^{-V}$ and a kernel k; $\partial_2$ is the derivative in the second argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jaxtyping import Float


def velocity(x: Float[np.ndarray, " n"], slope: Float[np.ndarray, " n"], kernel: Any) -> Float[np.ndarray, " n"]:
    """The velocities of particles x (n,) where the potential has this slope (n,)."""
    here, there = x[:, None], x[None, :]
    return np.mean(kernel.derivative(here, there) - kernel(here, there) * slope, axis=1)


def descend(
    x: Float[np.ndarray, " n"],
    slope: Callable[[Float[np.ndarray, " n"]], Float[np.ndarray, " n"]],
    kernel: Any,
    times: Sequence[float],
) -> Float[np.ndarray, "times n"]:
    """The positions at the times (times, n) of particles from x (n,) on, to relative errors of about 1e-7.

    slope:  dV/dx of the target, elementwise.
    kernel: a part with `kernel(x, y)` and `kernel.derivative(x, y)`, its derivative in y, elementwise.
    Raises `ArithmeticError` if a step fails.
    """
    from scipy.integrate import solve_ivp

    def flow(_: float, y: np.ndarray) -> np.ndarray:
        return velocity(y, slope(y), kernel)

    run = solve_ivp(flow, (0.0, times[-1] or 1.0), x, "DOP853", rtol=1e-7, atol=1e-9, t_eval=times)
    if not run.success or not np.isfinite(run.y).all():
        raise ArithmeticError(f"The particles could not be followed to time {times[-1]:g}: {run.message}")
    return np.asarray(run.y.T)
