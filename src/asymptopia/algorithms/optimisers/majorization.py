"""Majorization-minimization for deep networks: each step minimises a quadratic above the loss.

No step size, no line search: the loss falls by at least what the majoriser falls, at every step, from any start.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike, PyTree
from .interface import Info, Solver, State, check_positive, norm
from .majorisers import forward, joint_majoriser, layer_majoriser
from .network import Network, Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def layerwise(network: Network, X: Real[ArrayLike, "n d"], y: Real[ArrayLike, "n ..."]) -> Solver:
    """Majorization-minimization layer after layer, from the last to the first; one step is one sweep.

    The majorisers hold everywhere, for all activations; `guaranteed` is the sum of their falls. Fields within 16 ulp
    of relu's kink count as that far from it.

    network: its layers, activation and loss. X: samples, (n, inputs); y: labels, (n,) or (n, outputs).
    """
    X, y = network.checked(X, y)

    def init(parameters: Parameters) -> State:
        network.check_parameters(parameters)
        return State(tuple(parameters), ())

    def step(state: State) -> tuple[State, Info]:
        parameters = list(state.parameters)
        passed = forward(network, state.parameters, X)
        granted = squares = value = jnp.zeros((), X.dtype)
        for layer in range(network.depth - 1, -1, -1):
            majoriser = layer_majoriser(network, tuple(parameters), y, passed, layer)
            change = majoriser.minimiser()
            granted -= jnp.vdot(majoriser.gradient, change) / 2
            squares += jnp.sum(majoriser.gradient**2)
            value = majoriser.value if layer == network.depth - 1 else value
            parameters[layer] = parameters[layer] + change
            if layer > 0:
                passed = _renewed(network, parameters, passed, layer)
        work = jnp.asarray(float(network.depth), X.dtype)
        return State(tuple(parameters), ()), Info(value, jnp.sqrt(squares), granted, work)

    return Solver(init, step)


def _renewed(network: Network, parameters: list[Float[jax.Array, "_rows _columns"]], passed: Any, layer: int) -> Any:
    """The forward pass again from an affine map upwards."""
    inputs, fields = list(passed.inputs), list(passed.fields)
    for above in range(layer, network.depth):
        if above > layer:
            inputs[above] = network.activation(above - 1)(fields[above - 1])
        fields[above] = network.affine(parameters[above], inputs[above])
    return passed._replace(inputs=tuple(inputs), fields=tuple(fields))


def joint(network: Network, X: Real[ArrayLike, "n d"], y: Real[ArrayLike, "n ..."], radius: float = 0.1) -> Solver:
    """Majorization-minimization of all layers at once, within `radius` times the norm of each matrix.

    Where the minimum lies farther the step ends there, and still grants descent.

    network: its layers, activation and loss. X: samples, (n, inputs); y: labels, (n,) or (n, outputs).
    """
    check_positive("radius", radius)
    X, y = network.checked(X, y)

    def init(parameters: Parameters) -> State:
        network.check_parameters(parameters)
        return State(tuple(parameters), ())

    def step(state: State) -> tuple[State, Info]:
        majoriser = joint_majoriser(network, state.parameters, X, y, radius)
        changes, granted = majoriser.minimiser()
        moved = tuple(W + D for W, D in zip(state.parameters, changes, strict=True))
        told = Info(majoriser.value, norm(majoriser.gradients), granted, jnp.ones_like(granted))
        return State(moved, ()), told

    return Solver(init, step)


class Extrapolation(NamedTuple):
    """The previous point, the present objective, and Nesterov's weight."""

    before: Any
    value: Float[jax.Array, ""]
    weight: Float[jax.Array, ""]


def extrapolated(solver: Solver, objective: Callable[[Any], Any]) -> Solver:
    r"""A monotone solver accelerated by Nesterov's extrapolation, $x + \beta (x - x_{before})$.

    A step that would not lower the objective is taken from x itself instead, and the weights start again: descent
    stays guaranteed, by the measured one or by the solver's own. For solvers without memory.
    """

    def init(parameters: PyTree) -> State:
        start = solver.init(parameters)
        value = objective(start.parameters)
        return State(start.parameters, Extrapolation(start.parameters, value, jnp.ones_like(value)))

    def step(state: State) -> tuple[State, Info]:
        before, value, weight = state.memory
        later = (1 + jnp.sqrt(1 + 4 * weight**2)) / 2
        ahead = jax.tree.map(lambda x, b: x + (weight - 1) / later * (x - b), state.parameters, before)
        tried, told = solver.step(State(ahead, ()))
        reached = objective(tried.parameters)

        def keep() -> tuple[Any, Any, Any, Any]:
            return tried.parameters, reached, later, told._replace(guaranteed=value - reached)

        def restart() -> tuple[Any, Any, Any, Any]:
            plain, info = solver.step(State(state.parameters, ()))
            info = info._replace(work=info.work + told.work)
            return plain.parameters, objective(plain.parameters), jnp.ones_like(weight), info

        parameters, new, weight, info = jax.lax.cond(reached < value, keep, restart)
        info = info._replace(value=value, work=info.work + 1 / 3)
        return State(parameters, Extrapolation(state.parameters, new, weight)), info

    return Solver(init, step, solver.check)
