"""The order parameters of online learning: their equations, integrated in batches, and their fixed points."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from .....contract.record import join, split
from .....parts.activation import Activation
from .integrals import CLOSED, ORDER, averages

RTOL, ATOL = 1e-10, 1e-12
MAX_STEPS = 1_000_000
LARGEST = 1e8  # overlaps beyond this multiple of those of the start and of the teacher have blown up


class State(NamedTuple):
    """Overlaps Q (K, K) and R (K, M), and second layer v (K,)."""

    Q: Any
    R: Any
    v: Any


class Task(NamedTuple):
    """What the dynamics is given: overlaps T (M, M) and second layer u (M,) of the teacher, rates, noise."""

    T: Any
    u: Any
    rate: Any
    noise: Any
    second_rate: Any


def error(activation: Activation, state: State, task: Task, breaks: tuple[float, ...] = (), order: int = ORDER) -> Any:
    """Half the mean squared error on labels without noise."""
    found, c, _ = _averages(activation, state, task, breaks, order)
    return c @ found.power @ c / 2


def velocity(activation: Activation, state: State, task: Task, breaks: Any = (), order: int = ORDER) -> State:
    """dQ/dt, dR/dt and dv/dt."""
    found, c, C = _averages(activation, state, task, breaks, order)
    K = len(state.v)
    # E g'(a_i) a_b Delta, by Stein's lemma
    drift = C[:K] * (found.curve @ c)[:, None] + found.slopes @ (c[:, None] * C)
    pull = task.rate * state.v[:, None] * drift
    push = task.rate**2 * state.v[:, None] * state.v * (found.spread + task.noise * found.slopes[:, :K])
    return State(push - pull[:, :K] - pull[:, :K].T, -pull[:, K:], -task.second_rate * found.power[:K] @ c)


def _averages(activation: Activation, state: State, task: Task, breaks: Any, order: int) -> tuple[Any, Any, Any]:
    import jax.numpy as jnp

    C = jnp.block([[state.Q, state.R], [state.R.T, task.T]])
    c = jnp.concatenate([state.v, -task.u])
    return averages(activation, C, c, len(state.v), breaks, order), c, C


class Trajectory(NamedTuple):
    """States and errors at the times asked for, first axis the trajectory, second the time; nan once blown up."""

    Q: np.ndarray
    R: np.ndarray
    v: np.ndarray
    test_error: np.ndarray


def trajectories(
    activation: Activation,
    start: State,
    task: Task,
    times: Any,
    order: int = ORDER,
    loose: float = 1.0,
) -> Trajectory:
    """Integrates B starts and tasks together, adaptively, to increasing `times` >= 0.

    start, task: with a leading axis B. Numbers inside the activation may have it, too.
    order:       nodes of the quadrature, for activations without closed averages.
    loose:       tolerance of a step, in units of 1e-10 (relative), or of 1e-8 with quadrature.
    """
    structure, numbers = split(activation)
    closed = isinstance(activation, CLOSED)
    order, rtol = (ORDER, loose * RTOL) if closed else (order, 100 * loose * RTOL)
    B = len(start.Q)
    numbers = [np.broadcast_to(np.asarray(x, float), (B,)) for x in numbers]
    start, task = State(*map(_array, start)), Task(*map(_array, task))
    found = _compiled()(structure, breaks_of(activation), order, rtol, numbers, start, task, np.asarray(times, float))
    return Trajectory(*map(np.asarray, found))


def _array(x: Any) -> np.ndarray:
    return np.asarray(x, float)


def breaks_of(activation: Activation) -> tuple[float, ...]:
    """Where to split integrals; nowhere if they are closed."""
    return () if isinstance(activation, CLOSED) else activation.breaks()


@cache
def _compiled() -> Callable[..., Any]:
    import diffrax
    import jax
    import jax.numpy as jnp

    def one(activation: Activation, breaks: Any, order: int, rtol: float, start: State, task: Task, times: Any) -> Any:
        def rhs(t: Any, state: State, _: Any) -> State:
            return velocity(activation, state, task, breaks, order)

        def blown_up(t: Any, state: State, args: Any, **_: Any) -> Any:
            return ~(jnp.trace(state.Q) <= LARGEST * (jnp.trace(start.Q) + jnp.trace(task.T)))

        controller = diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=rtol, atol=rtol * ATOL / RTOL), step_ts=times
        )
        found = diffrax.diffeqsolve(
            diffrax.ODETerm(rhs),
            diffrax.Tsit5(),
            0.0,
            times[-1],
            None,
            start,
            saveat=diffrax.SaveAt(ts=times),
            stepsize_controller=controller,
            max_steps=MAX_STEPS,
            event=diffrax.Event(blown_up),
            throw=False,
        )
        states = State(*found.ys)
        bad = ~jnp.isfinite(states.Q).all(axis=(1, 2))
        states = jax.tree.map(lambda x: jnp.where(bad.reshape(-1, *[1] * (x.ndim - 1)), jnp.nan, x), states)
        errors = jax.vmap(lambda s: error(activation, s, task, breaks, order))(states)
        return (*states, errors)

    def run(
        structure: Any, breaks: Any, order: int, rtol: float, numbers: Any, start: Any, task: Any, times: Any
    ) -> Any:
        def each(values: Any, s: State, p: Task) -> Any:
            return one(join(structure, values), breaks, order, rtol, s, p, times)

        return jax.vmap(each)(numbers, start, task)

    return jax.jit(run, static_argnums=(0, 1, 2))
