"""Gauss-Newton with Levenberg-Marquardt damping, by matrix-free linear solves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import lineax as lx

from ...numerics.arrays import PyTree
from .interface import Info, Solver, State, check_positive, check_steps, inner, norm
from .network import check_finite

if TYPE_CHECKING:
    from jaxtyping import Float


class Damping(NamedTuple):
    """The damping, its factor after the next rejected step, and the present objective."""

    damping: Float[jax.Array, ""]
    growth: Float[jax.Array, ""]
    value: Float[jax.Array, ""]


def levenberg_marquardt(
    outputs: Callable[[Any], Float[jax.Array, "..."]],
    loss: Callable[[Float[jax.Array, "..."]], Float[jax.Array, ""]],
    *,
    damping: float = 0.1,
    iterations: int = 20,
    tolerance: float = 0.1,
) -> Solver:
    r"""Minimise `loss(outputs(parameters))`, the loss a scalar and convex in the outputs.

    A step solves $(J^T H J + \lambda) p = -g$ by conjugate gradients, at most so many `iterations` or to the relative
    `tolerance`; J is the Jacobian of the outputs and H the Hessian of the loss, neither written out. It is taken if
    the objective falls, by a share r of what the quadratic model foretold, and the damping $\lambda$ is multiplied by
    $\max(1/3, 1 - (2 r - 1)^3)$; if it is refused, by 2, 4, 8, ... in a row. With the square loss this is the
    prox-linear method with an adapted step $1/\lambda$. `guaranteed` is the descent measured, 0 if refused.

    Nielsen, IMM-REP-1999-05 (1999); Martens, ICML 27 (2010) 735.
    """
    check_positive("damping", damping)
    check_positive("tolerance", tolerance)
    check_steps(iterations)

    def init(parameters: PyTree) -> State:
        check_finite(parameters)
        value = loss(outputs(parameters))
        return State(parameters, Damping(jnp.asarray(damping, value.dtype), jnp.full_like(value, 2.0), value))

    def step(state: State) -> tuple[State, Info]:
        at, (lam, growth, value) = state
        z, push = jax.linearize(outputs, at)
        pull = jax.linear_transpose(push, at)
        slope, bend = jax.linearize(jax.grad(loss), z)
        (gradient,) = pull(slope)

        def product(p: PyTree) -> Any:
            return jax.tree.map(lambda c, d: c + lam * d, pull(bend(push(p)))[0], p)

        solved = _solved(product, jax.tree.map(jnp.negative, gradient), 1e6 / lam, tolerance, int(iterations))
        p = solved.value
        foretold = -inner(gradient, p) - inner(p, product(p)) / 2
        moved = jax.tree.map(jnp.add, at, p)
        reached = loss(outputs(moved))
        share = (value - reached) / jnp.maximum(foretold, 1e-30)
        taken = reached < value
        factor = jnp.where(taken, jnp.maximum(1 / 3, 1 - (2 * share - 1) ** 3), growth)
        growth = jnp.where(taken, 2.0, jnp.minimum(2 * growth, 1e3))
        kept = jax.tree.map(lambda new, old: jnp.where(taken, new, old), moved, at)
        now = jnp.where(taken, reached, value)
        work = 1 + (2 * solved.stats["num_steps"] + 1) / 3
        told = Info(value, norm(gradient), value - now, jnp.asarray(work, value.dtype))
        return State(kept, Damping(jnp.clip(lam * factor, 1e-12, 1e12), growth.astype(lam.dtype), now)), told

    return Solver(init, step)


def _solved(
    product: Callable[[Any], Any], b: PyTree, scale: Float[jax.Array, ""], tolerance: float, iterations: int
) -> lx.Solution:
    """Conjugate gradients until the residual is `tolerance` times b, or for so many iterations.

    In units in which the operator is large: lineax takes a curvature along the direction for a breakdown that is not
    above 100 times the rounding unit times the number of unknowns, and asks both the residual and the step to be small.
    """

    def larger(p: PyTree) -> Any:
        return jax.tree.map(lambda c: scale * c, product(p))

    right = jax.tree.map(lambda c: scale * c, b)
    matrix = lx.FunctionLinearOperator(larger, jax.eval_shape(lambda: b), lx.positive_semidefinite_tag)
    solver = lx.CG(rtol=0.0, atol=tolerance * norm(right), norm=norm, max_steps=iterations)
    return lx.linear_solve(matrix, right, solver, throw=False)
