"""The order parameters of online learning: their equations, integrated in batches, and their fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .....contract.batching import stacked
from .....contract.law import NoLimit
from .....numerics.arrays import ArrayLike
from .....numerics.compiled import compiled
from .....parts.activation import Activation, Identity, Relu
from .....parts.loss import namespace
from .....parts.own_function import OwnFunction
from .integrals import CLOSED, ORDER, Rule, averages, rule_of

if TYPE_CHECKING:
    from .. import OnlineSGD


ROUGH = 1e4  # times the usual tolerance, where it is only asked whether the steps blow up
RTOL, ATOL = 1e-10, 1e-12
MAX_STEPS = 1_000_000
LARGEST = 1e8  # overlaps beyond this multiple of those of the start and of the teacher have blown up


class State(NamedTuple):
    """Overlaps Q (K, K) and R (K, M), and second layer v (K,)."""

    Q: Any
    R: Any
    v: Any


class Task(NamedTuple):
    """The dynamics apart from the student: teacher overlaps T (M, M), its second layer u (M,), rates, noise."""

    T: Any
    u: Any
    rate: Any
    noise: Any
    second_rate: Any


def error(
    activation: Activation, state: State, task: Task, breaks: tuple[float, ...] = (), rule: Rule | None = None
) -> Any:
    """Half the mean squared error on labels without noise."""
    return motion(activation, state, task, breaks, rule)[1]


def velocity(activation: Activation, state: State, task: Task, breaks: Any = (), rule: Rule | None = None) -> State:
    """dQ/dt, dR/dt and dv/dt."""
    return motion(activation, state, task, breaks, rule)[0]


def motion(
    activation: Activation, state: State, task: Task, breaks: Any = (), rule: Rule | None = None
) -> tuple[State, Any]:
    """The velocity and the error, from the same averages; by NumPy if the state is of its arrays."""
    K, xp = len(state.v), namespace(*state)
    C = xp.block([[state.Q, state.R], [state.R.T, task.T]])
    c = xp.concatenate([state.v, -task.u])
    means = averages(activation, C, c, K, breaks, rule)
    # E g'(a_i) a_b Delta, by Stein's lemma
    drift = C[:K] * (means.curve @ c)[:, None] + means.slopes @ (c[:, None] * C)
    pull = task.rate * state.v[:, None] * drift
    push = task.rate**2 * state.v[:, None] * state.v * (means.spread + task.noise * means.slopes[:, :K])
    moved = State(push - pull[:, :K] - pull[:, :K].T, -pull[:, K:], -task.second_rate * means.power[:K] @ c)
    return moved, c @ means.power @ c / 2


_moving = compiled("breaks")(motion)


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
    times: Sequence[float],
    order: int = ORDER,
    loose: float = 1.0,
) -> Trajectory:
    """Integrates B starts and tasks together, adaptively, to increasing `times` >= 0.

    start, task: with a leading axis B. Numbers inside the activation may have it, too.
    order:       nodes of the quadrature, for activations without closed averages.
    loose:       tolerance of a step, in units of 1e-10 (relative), or of 1e-8 with quadrature.
    """
    start, task, B = State(*map(_array, start)), Task(*map(_array, task)), len(start.Q)
    if B == 1 and _in_numpy(activation):
        begin, own = State(*(x[0] for x in start)), Task(*(x[0] for x in task))
        path = _path(activation, begin, own, rule_of(breaks_of(activation), order), times, loose)
        return Trajectory(*(x[None] for x in path))
    import jax

    units = jax.tree.map(lambda x: np.broadcast_to(np.asarray(x, float), (B,)), activation)
    if isinstance(activation, CLOSED):
        solution = _solved(units, loose * RTOL, start, task, np.asarray(times, float))
        return Trajectory(*map(np.asarray, solution))
    rule = rule_of(breaks_of(activation), order)
    paths = []
    for b in range(B):
        unit, begin, own = jax.tree.map(lambda x: x[b], (units, start, task))
        paths.append(_path(unit, begin, own, rule, times, loose))
    return Trajectory(*map(np.stack, zip(*paths, strict=True)))


def _path(
    activation: Activation, start: State, task: Task, rule: Rule, times: Sequence[float], loose: float
) -> Trajectory:
    """One trajectory with quadrature: only its velocity is compiled, if at all, not the steps."""
    from scipy.integrate import solve_ivp

    move = motion if _in_numpy(activation) else _moving
    shapes, breaks = [np.shape(x) for x in start], breaks_of(activation)
    cuts, bound = np.cumsum([np.prod(k, dtype=int) for k in shapes])[:2], _bound(start, task)

    def states(y: np.ndarray) -> State:
        """The parts of numbers (..., all)."""
        return State(*(x.reshape(*y.shape[:-1], *k) for x, k in zip(np.split(y, cuts, axis=-1), shapes, strict=True)))

    def moving(y: np.ndarray) -> tuple[State, Any]:
        with np.errstate(all="ignore"):  # states that blow up
            return move(activation, states(y), task, breaks, rule)

    def room(t: float, y: np.ndarray) -> float:
        return bound - float(np.trace(states(y).Q))

    room.terminal = True  # type: ignore[attr-defined]
    solved = solve_ivp(
        lambda t, y: np.concatenate([np.ravel(x) for x in moving(y)[0]]),
        (0.0, times[-1] or 1.0),
        np.concatenate([np.ravel(x) for x in start]),
        method="DOP853",
        t_eval=times,
        events=room,
        rtol=100 * loose * RTOL,
        atol=100 * loose * ATOL,
    )
    y = np.full((len(times), sum(x.size for x in start)), np.nan)
    y[: len(solved.t)] = np.reshape(solved.y, (y.shape[1], -1)).T  # an empty list before the first time
    return Trajectory(*states(y), np.array([moving(x)[1] if np.isfinite(x).all() else np.nan for x in y]))


def _in_numpy(activation: Activation) -> bool:
    """Whether it is integrated as it is, by quadrature with NumPy: one of the library, of numbers."""
    known = type(activation).__module__ == Activation.__module__ and not isinstance(activation, (*CLOSED, OwnFunction))
    return known and not any(isinstance(x, np.ndarray) for x in vars(activation).values())


def _bound(start: State, task: Task) -> Any:
    """The trace of Q beyond which the steps have blown up."""
    return LARGEST * (start.Q.trace() + task.T.trace())


def _array(x: ArrayLike) -> np.ndarray:
    return np.asarray(x, float)


def breaks_of(activation: Activation) -> tuple[float, ...]:
    """The points at which integrals are split; empty where they are closed."""
    return () if isinstance(activation, CLOSED) else activation.breaks()


@compiled()
def _solved(units: Any, rtol: float, start: State, task: Task, times: Any) -> Any:
    import diffrax
    import jax
    import jax.numpy as jnp

    def one(activation: Activation, start: State, task: Task) -> Any:
        def rhs(t: ArrayLike, state: State, _: Any) -> State:
            return velocity(activation, state, task)

        def blown_up(t: ArrayLike, state: State, args: ArrayLike, **_: Any) -> Any:
            return ~(jnp.trace(state.Q) <= _bound(start, task))

        controller = diffrax.ClipStepSizeController(
            diffrax.PIDController(rtol=rtol, atol=rtol * ATOL / RTOL), step_ts=times
        )
        solution = diffrax.diffeqsolve(
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
        states = State(*solution.ys)
        bad = ~jnp.isfinite(states.Q).all(axis=(1, 2))
        states = jax.tree.map(lambda x: jnp.where(bad.reshape(-1, *[1] * (x.ndim - 1)), jnp.nan, x), states)
        return (*states, jax.vmap(lambda s: error(activation, s, task))(states))

    return jax.vmap(one)(units, start, task)


def predict_many(law: OnlineSGD) -> dict[str, Any]:
    """The observables in the limit."""
    fine, coarse = (_trajectory(law, order, loose) for order, loose in ((ORDER, 1.0), (ORDER - 4, 10.0)))
    _refuse_blow_up(law, fine)
    values = {k: getattr(fine, k) for k in law.observables}
    return values | {f"{k}_error": np.abs(getattr(fine, k) - getattr(coarse, k)) for k in law.observables}


def check_bounded(law: OnlineSGD) -> None:
    """Raise `NoLimit` if the overlaps grow without bound before the last time."""
    _refuse_blow_up(law, _trajectory(law, ORDER, ROUGH))


def _refuse_blow_up(law: OnlineSGD, trajectory: Trajectory) -> None:
    if not np.isfinite(trajectory.test_error).all():
        raise NoLimit(_blow_up(law, trajectory))


def _trajectory(law: OnlineSGD, order: int, loose: float) -> Trajectory:
    count = stacked(law)
    rate, noise, second = (np.broadcast_to(x, (count,)) for x in (law.rate, law.noise, law.second_layer_rate))
    Q, R, T = law.overlaps()
    v, u = law.second_layers()
    Q, R, T, v, u = (np.broadcast_to(a, (len(rate), *a.shape)) for a in (Q, R, T, v, u))
    start, task = State(Q, R, v), Task(T, u, rate, noise, second)
    return trajectories(law.activation, start, task, law.times, order, loose)


def _blow_up(law: OnlineSGD, trajectory: Trajectory) -> str:
    """The message for a rate at which the overlaps grow without bound."""
    member = int(np.argmax(~np.isfinite(trajectory.test_error).all(axis=1)))
    rate = float(np.broadcast_to(law.rate, len(trajectory.test_error))[member])
    time = law.times[int(np.argmax(~np.isfinite(trajectory.test_error[member])))]
    said = f"The steps blow up before time {time:g}: `rate` of OnlineSGD must be smaller than {rate:g}"
    if isinstance(law.activation, Identity) and not np.any(law.second_layer_rate):
        return f"{said}, at most {2 / np.sum(law.second_layers()[0] ** 2):.6g}."
    if isinstance(law.activation, Relu) and not np.any(law.second_layer_rate) and len(trajectory.v[0, 0]) == 1:
        return f"{said}, at most {2 / np.sum(law.second_layers()[0] ** 2):.6g} next to the teacher."
    return f"{said}."
