"""The optimisers themselves on random least squares, and the guarantees of some on a network."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ....numerics.arrays import Key, PyTree
from ....numerics.compiled import compiled
from ....parts.activation import Tanh
from ....parts.loss import Square
from ....parts.optimiser import (
    GaussNewton,
    GradientDescent,
    HeavyBall,
    Inertial,
    KroneckerFactored,
    Majorization,
    Optimiser,
)

if TYPE_CHECKING:
    import jax

    from ....algorithms.optimisers import Network, Solver

if TYPE_CHECKING:
    from . import TrainingRace


INPUTS, UNITS, TAUGHT, DEEP_STEPS = 4, 3, 60, 40


def _solver(optimiser: Optimiser, network: Network, X: jax.Array, y: jax.Array, key: Key) -> Solver:
    import optax

    from ....algorithms import optimisers as o

    def objective(w: tuple[jax.Array, ...]) -> Any:
        return network.objective(w, X, y)

    match optimiser:
        case GradientDescent():
            return o.from_optax(optax.sgd(optimiser.rate), objective)
        case HeavyBall():
            return o.from_optax(optax.sgd(optimiser.rate, optimiser.momentum), objective)
        case Inertial():
            method = o.inertial_newton(optimiser.step, optimiser.damping, optimiser.newtonian)
            return o.from_optax(method, objective)
        case GaussNewton():
            return o.levenberg_marquardt(
                lambda w: network.outputs(w, X),
                lambda z: network.losses(y, z).mean(),
                damping=optimiser.damping,
                iterations=optimiser.iterations,
                tolerance=1e-12,
            )
        case KroneckerFactored():
            return o.kfac(network, X, y, key, damping=optimiser.damping)
        case Majorization():
            return o.layerwise(network, X, y)
    raise NotImplementedError(f"{type(optimiser).__name__} does not run.")


def _linear(
    key: Key, n: int, optimiser: Optimiser, samples: float, noise: float, times: tuple[float, ...]
) -> dict[str, Any]:
    """Loss and accuracy at each time, after all steps that were paid for by then."""
    import jax
    import jax.numpy as jnp

    from ....algorithms.optimisers import Network

    m, network = round(samples * n), Network((n, 1), (), Square(), bias=False)
    inputs, teacher, start, labels, new, draw = jax.random.split(key, 6)
    X = jax.random.normal(inputs, (m, n))
    wanted, begin = (jax.random.normal(k, (n, 1)) for k in (teacher, start))
    wanted /= jnp.linalg.norm(wanted)
    begin -= jnp.sum(wanted * begin) * wanted
    begin /= jnp.linalg.norm(begin)
    y = X @ wanted + noise**0.5 * jax.random.normal(labels, (m, 1))
    solver = _solver(optimiser, network, X, y, draw)

    def step(state: PyTree, _: Any) -> Any:
        state, told = solver.step(state)
        return state, (state.parameters[0], told.work)

    points, work = jax.lax.scan(step, solver.init((begin,)), length=max(int(times[-1]), 1))[1]
    points = jnp.concatenate([begin[None], points])
    paid = jnp.searchsorted(jnp.cumsum(work), jnp.asarray(times) * (1 + 1e-9), side="right")
    W = points[paid, :, 0].T
    Z = jax.random.normal(new, (2 * n, n))
    return {
        "loss": jnp.mean((y - X @ W) ** 2, axis=0) / 2,
        "accuracy": jnp.mean((Z @ wanted) * (Z @ W) > 0, axis=0),
    }


@compiled("n", "optimiser", "samples", "noise", "times")
def _races(keys: Key, n: int, optimiser: Optimiser, samples: float, noise: float, times: tuple[float, ...]) -> Any:
    import jax

    return jax.vmap(lambda key: _linear(key, n, optimiser, samples, noise, times))(keys)


@compiled()
def _shortfall(key: Key) -> Any:
    """The worst shortfall of solvers that grant a descent, on a network that learns from a smaller one."""
    import jax
    import jax.numpy as jnp

    from ....algorithms.optimisers import Network, auxiliary_coordinates, joint, layerwise

    inputs, teacher, start = jax.random.split(key, 3)
    X = jax.random.normal(inputs, (TAUGHT, INPUTS))
    master = Network((INPUTS, UNITS, 1), Tanh(), Square())
    network = Network((INPUTS, 2 * UNITS, 1), Tanh(), Square())
    y = master.outputs(master.draw(teacher), X)
    begin = network.draw(start)
    worst = []
    for solver in (layerwise(network, X, y), joint(network, X, y), auxiliary_coordinates(network, X, y)):
        told = jax.lax.scan(partial(_step, solver), solver.init(begin), length=DEEP_STEPS)[1]
        short = jnp.diff(told.value) + told.guaranteed[:-1]
        worst.append(jnp.max(short / (1 + told.value[:-1])))
    return jnp.max(jnp.stack(worst))


def _step(solver: Solver, state: PyTree, _: Any) -> Any:
    return solver.step(state)


def realize_all(law: TrainingRace, n: int, keys: Key) -> dict[str, Any]:
    """The observables of a system of size n for each key."""

    races = _races(keys, n, law.optimiser, float(law.samples), float(law.noise), tuple(law.times))
    short = [float(_shortfall(key)) for key in keys]
    return {k: np.asarray(v, float) for k, v in races.items()} | {"shortfall": np.array(short)}
