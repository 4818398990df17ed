"""The interface of all optimisers: `init`, `step`, and what a step reports."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, PyTree
from .network import check_finite

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class Info(NamedTuple):
    """The report of a step.

    value:         the objective before the step (of the mini-batch, if there is one).
    gradient_norm: the norm of its gradient there; nan if the step does not compute it.
    guaranteed:    the descent that theory grants this step, value before minus value after; nan if it grants none.
    work:          the cost of the step in gradients of the full objective.
    """

    value: Float[jax.Array, "..."]
    gradient_norm: Float[jax.Array, "..."]
    guaranteed: Float[jax.Array, "..."]
    work: Float[jax.Array, "..."]


class State(NamedTuple):
    """The parameters, and the rest of an optimiser's memory."""

    parameters: Any
    memory: Any


class Solver(NamedTuple):
    """An optimiser bound to its objective: `init(parameters)` gives a state, `step(state)` the next and an `Info`.

    Both are pure functions that JAX can trace; a step keeps the types and shapes of its state. `check`, of the reports
    of all steps, raises where a step broke what the optimiser promises; `run` calls it.
    """

    init: Callable[[Any], State]
    step: Callable[[State], tuple[State, Info]]
    check: Callable[[Info], None] | None = None


def run(solver: Solver, parameters: PyTree, steps: int) -> tuple[Any, Info]:
    """Run a solver for a number of steps: the final parameters, and the reports of all steps, arrays (steps,).

    Raises `StatementError` if the parameters are not finite or `steps` is not a whole number >= 1, and what the
    solver's `check` does.
    """
    check_finite(parameters)
    check_steps(steps)
    state, told = jax.jit(lambda s: jax.lax.scan(lambda t, _: solver.step(t), s, length=int(steps)))(
        solver.init(parameters)
    )
    if solver.check is not None:
        solver.check(told)
    return state.parameters, told


def check_steps(steps: int) -> None:
    """Raise `StatementError` unless `steps` is a whole number >= 1."""
    if isinstance(steps, bool) or steps != int(steps) or steps < 1:
        raise StatementError(f"`steps` must be a whole number >= 1, but is {steps}.")


def check_positive(name: str, value: Real[ArrayLike, ""], zero: bool = False) -> None:
    """Raise `StatementError` unless a number is finite and > 0 (>= 0 if `zero`).

    What JAX traces has no value yet, and passes.
    """
    if isinstance(value, jax.core.Tracer):
        return
    good = isinstance(value, (int, float)) and math.isfinite(value) and (value >= 0 if zero else value > 0)
    if not good:
        raise StatementError(f"`{name}` must be finite and {'>=' if zero else '>'} 0, but is {value}.")


def from_optax(
    transformation: optax.GradientTransformation, objective: Callable[[Any], Any], work: float = 1.0, **extra: Any
) -> Solver:
    """An optax transformation as a solver for `objective(parameters)`.

    The transformation receives `value`, `grad` and `value_fn`, as `optax.lbfgs` asks, and `extra`. If its state has an
    entry `guaranteed`, the solver reports it.

    work: the cost of one step, in gradients of the objective.
    """
    transformation = optax.with_extra_args_support(transformation)

    def init(parameters: PyTree) -> State:
        return State(parameters, transformation.init(parameters))

    def step(state: State) -> tuple[State, Info]:
        value, gradient = jax.value_and_grad(objective)(state.parameters)
        updates, memory = transformation.update(
            gradient, state.memory, state.parameters, value=value, grad=gradient, value_fn=objective, **extra
        )
        promised = optax.tree_utils.tree_get(memory, "guaranteed", default=jnp.nan)
        told = Info(value, norm(gradient), jnp.asarray(promised, value.dtype), jnp.asarray(work, value.dtype))
        return State(optax.apply_updates(state.parameters, updates), memory), told

    return Solver(init, step)


def norm(tree: PyTree) -> Float[jax.Array, ""]:
    """The Euclidean norm of a tree of arrays."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))


def inner(one: PyTree, other: PyTree) -> Float[jax.Array, ""]:
    """The inner product of two trees of arrays."""
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, one, other)))  # type: ignore[return-value]
