r"""INNA, an inertial Newton method: second-order dynamics with Hessian damping, from gradients alone.

$\ddot\theta + \alpha \dot\theta + \beta \nabla^2 J(\theta) \dot\theta + \nabla J(\theta) = 0$ as a first-order system,

$$\dot\theta = (\tfrac1\beta - \alpha) \theta - \tfrac1\beta \psi - \beta \nabla J(\theta), \qquad
  \dot\psi = (\tfrac1\beta - \alpha) \theta - \tfrac1\beta \psi,$$

along which $E = 2 (1 + \alpha\beta) J(\theta) + |(\alpha - \frac1\beta) \theta + \frac1\beta \psi|^2$ falls at the rate
$2 \alpha |\dot\theta|^2 + \frac2\beta |\dot\theta - \dot\psi|^2$.

Castera, Bolte, Fevotte and Pauwels, J. Mach. Learn. Res. 22 (2021) 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...numerics.arrays import ArrayLike, PyTree
from .interface import check_positive, inner

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


class Inertia(NamedTuple):
    """The second variable psi, the number of steps, and the descent of E granted to the last step."""

    psi: Any
    steps: Int[jax.Array, ""]
    lyapunov_descent: Float[jax.Array, ""]


def inertial_newton(
    step: float | Callable[[jax.Array], jax.Array],
    alpha: float = 0.5,
    beta: float = 0.1,
    smoothness: Real[ArrayLike, ""] | None = None,
) -> optax.GradientTransformation:
    """The inertial Newton method (INNA): explicit Euler steps of the system above, as an optax transformation.

    step: the length of each, or a function of the number of steps taken.

    It starts at rest but for the pull of the gradient: psi = (1 - alpha beta) theta. If the gradient of J has the
    Lipschitz constant `smoothness`, each step grants a descent of E, kept in the state as `lyapunov_descent`, which is
    positive for steps below `largest_step`; else nan. J itself may rise.

    Raises `ValueError` if `update` is called without the parameters.
    """
    check_positive("alpha", alpha, zero=True)
    check_positive("beta", beta)
    if not callable(step):
        check_positive("step", step)
    if isinstance(smoothness, (int, float)):
        check_positive("smoothness", smoothness)

    def init(parameters: PyTree) -> Inertia:
        psi = jax.tree.map(lambda x: (1 - alpha * beta) * x, parameters)
        return Inertia(psi, jnp.zeros((), int), jnp.asarray(jnp.nan, jax.tree.leaves(psi)[0].dtype))

    def update(gradient: PyTree, state: Inertia, parameters: PyTree = None) -> tuple[Any, Inertia]:
        if parameters is None:
            raise ValueError(optax.NO_PARAMS_MSG)
        rate = step(state.steps) if callable(step) else step
        drift = jax.tree.map(lambda x, p: (1 / beta - alpha) * x - p / beta, parameters, state.psi)
        velocity = jax.tree.map(lambda v, g: v - beta * g, drift, gradient)
        granted = state.lyapunov_descent
        if smoothness is not None:
            granted = lyapunov_descent(rate, velocity, gradient, alpha, beta, smoothness).astype(granted.dtype)
        updates = jax.tree.map(lambda v: rate * v, velocity)
        psi = jax.tree.map(lambda p, v: p + rate * v, state.psi, drift)
        return updates, Inertia(psi, state.steps + 1, granted)

    return optax.GradientTransformation(init, update)


def lyapunov(
    value: Float[jax.Array, ""], parameters: PyTree, psi: PyTree, alpha: float, beta: float
) -> Float[jax.Array, ""]:
    """The Lyapunov function E at the parameters and psi; `value` is J there."""
    rest = jax.tree.map(lambda x, p: (alpha - 1 / beta) * x + p / beta, parameters, psi)
    return 2 * (1 + alpha * beta) * value + inner(rest, rest)


def lyapunov_descent(
    rate: Real[ArrayLike, ""],
    velocity: PyTree,
    gradient: PyTree,
    alpha: float,
    beta: float,
    smoothness: Real[ArrayLike, ""],
) -> Any:
    r"""A lower bound on how much an Euler step lowers E, for a gradient with this Lipschitz constant.

    $\gamma (2 \alpha |v|^2 + 2 \beta |g|^2) - \gamma^2 ((1 + \alpha \beta) L |v|^2 + |\alpha v + g|^2)$ with the
    velocity v: the square in E is of a linear function, so that only J is bounded.
    """
    pull = jax.tree.map(lambda v, g: alpha * v + g, velocity, gradient)
    moved, steep = inner(velocity, velocity), inner(gradient, gradient)
    lost = (1 + alpha * beta) * smoothness * moved + inner(pull, pull)
    return rate * (2 * alpha * moved + 2 * beta * steep) - rate**2 * lost


def largest_step(alpha: float, beta: float, smoothness: float) -> float:
    """The step below which E falls: the smaller of 2 alpha / ((1 + alpha beta) L + 2 alpha^2) and beta."""
    return min(2 * alpha / ((1 + alpha * beta) * smoothness + 2 * alpha**2), beta)
