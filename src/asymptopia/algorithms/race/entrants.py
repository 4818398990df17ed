"""The optimisers of the race, and the cost of their steps in gradients.

The unit of cost is one gradient of the full objective, a pass forward and one backward of twice its size. A step costs

- gradient descent, momentum, Adam, Muon, SOAP, INNA: 1; on a batch of b of n samples b/n;
- L-BFGS: 1 for each point tried along its line, each with its gradient;
- Levenberg-Marquardt with k iterations of conjugate gradients: 1 + (2k + 1)/3 for products with the Jacobian and its
  transpose, each of a pass, and the loss at the new point;
- K-FAC: 3, for the gradient, one of sampled labels, and the two Jacobian products of the exact length;
- layer-wise majorization: one for each layer, joint 1; extrapolated, 1/3 more for the loss, and twice the step where
  it restarts;
- auxiliary coordinates and ADMM: 2.

Products and factorisations of Gram matrices are not in it; the seconds show them. The prox-linear method on these
smooth losses is Levenberg-Marquardt, and has no entry of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from ...contract.record import StatementError
from ...numerics.arrays import PyTree
from ..optimisers import (
    Info,
    Solver,
    State,
    admm,
    auxiliary_coordinates,
    extrapolated,
    from_optax,
    inertial_newton,
    joint,
    kfac,
    layerwise,
    levenberg_marquardt,
)
from ..optimisers.soap import soap
from .tasks import Task

Optimiser = Callable[[Task], Any]


@dataclasses.dataclass(frozen=True)
class Tuned:
    """An optimiser `family(task, rate)` whose rate the race chooses among `rates`.

    If the best is at an end, some beyond it are tried, in the same ratio. The rate is a traced
    number. Raises `StatementError` for rates that are not positive numbers.
    """

    family: Callable[[Task, Any], Any]
    rates: tuple[float, ...]

    def __post_init__(self) -> None:
        good = bool(self.rates) and all(isinstance(r, (int, float)) and 0 < r < float("inf") for r in self.rates)
        if not good:
            raise StatementError(f"`rates` must be one or more finite numbers > 0, but is {self.rates}.")


def batches(method: optax.GradientTransformation, task: Task, batch: int) -> Solver:
    """A solver that takes steps of an optax transformation on `batch` fresh samples each.

    method: with its rate; task: of whose samples it draws `batch`, with replacement, in each step. Raises
    `StatementError` for a batch that is larger than the task.
    """
    if not 1 <= batch <= len(task.X):
        raise StatementError(f"`batch` must be from 1 to the {len(task.X)} samples of the task, but is {batch}.")
    share = batch / len(task.X)

    def init(parameters: PyTree) -> State:
        return State(parameters, (method.init(parameters), task.key))

    def step(state: State) -> tuple[State, Info]:
        memory, key = state.memory
        key, draw = jax.random.split(key)
        chosen = jax.random.randint(draw, (batch,), 0, len(task.X))
        value, gradient = jax.value_and_grad(task.network.objective)(state.parameters, task.X[chosen], task.y[chosen])
        updates, memory = method.update(gradient, memory, state.parameters)
        nothing = jnp.full_like(value, jnp.nan)
        told = Info(value, nothing, nothing, jnp.full_like(value, share))
        return State(optax.apply_updates(state.parameters, updates), (memory, key)), told

    return Solver(init, step)


def lbfgs(task: Task) -> Solver:
    """L-BFGS of optax with its line search, charged for every point that it tries.

    task: whose loss on all samples is minimised.
    """
    method = optax.lbfgs()
    evaluate = optax.value_and_grad_from_state(task.objective)

    def init(parameters: PyTree) -> State:
        return State(parameters, method.init(parameters))

    def step(state: State) -> tuple[State, Info]:
        at, memory = state
        known = jnp.isfinite(optax.tree_utils.tree_get(memory, "value"))
        value, gradient = evaluate(at, state=memory)
        updates, memory = method.update(gradient, memory, at, value=value, grad=gradient, value_fn=task.objective)
        tried = jnp.asarray(optax.tree_utils.tree_get(memory, "num_linesearch_steps"), value.dtype)
        nothing = jnp.full_like(value, jnp.nan)
        told = Info(value, nothing, nothing, jnp.where(known, tried, tried + 1))
        return State(optax.apply_updates(at, updates), memory), told

    return Solver(init, step)


def _majorization(task: Task) -> Solver:
    return extrapolated(layerwise(task.network, task.X, task.y), task.objective)


def _gauss_newton(task: Task) -> Solver:
    return levenberg_marquardt(task.outputs, task.loss, iterations=10)


def _kfac(task: Task) -> Solver:
    return kfac(task.network, task.X, task.y, task.key, damping=0.1, decay=0.5)


def _inertial(task: Task, rate: Any) -> Solver:
    return from_optax(inertial_newton(lambda _: rate), task.objective)


def _batch(task: Task) -> int:
    return min(64, len(task.X))


ENTRANTS: Mapping[str, Optimiser | Tuned] = {
    "SGD": Tuned(lambda t, r: batches(optax.sgd(r), t, _batch(t)), (0.1, 0.3, 1.0)),
    "momentum": Tuned(lambda t, r: optax.sgd(r, 0.9), (0.1, 0.3, 1.0)),
    "Adam, batches": Tuned(lambda t, r: batches(optax.adam(r), t, _batch(t)), (0.003, 0.01, 0.03)),
    "Adam": Tuned(lambda t, r: optax.adam(r), (0.03, 0.1, 0.3)),
    "Muon": Tuned(lambda t, r: optax.contrib.muon(r), (0.03, 0.1, 0.3)),
    "Muon, batches": Tuned(lambda t, r: batches(optax.contrib.muon(r), t, _batch(t)), (0.003, 0.01, 0.03)),
    "SOAP": Tuned(lambda t, r: soap(r), (0.03, 0.1, 0.3)),
    "INNA": Tuned(_inertial, (0.1, 0.3, 1.0)),
    "L-BFGS": lbfgs,
    "Levenberg-Marquardt": _gauss_newton,
    "K-FAC": _kfac,
    "MM, layers": lambda t: layerwise(t.network, t.X, t.y),
    "MM, joint": lambda t: joint(t.network, t.X, t.y),
    "MM, extrapolated": _majorization,
    "MAC": Tuned(lambda t, r: auxiliary_coordinates(t.network, t.X, t.y, penalty=r), (0.1, 1.0, 10.0)),
    "ADMM": Tuned(lambda t, r: admm(t.network, t.X, t.y, penalty=r), (0.1, 1.0, 10.0)),
}
