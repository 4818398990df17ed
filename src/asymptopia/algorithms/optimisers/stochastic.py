"""Stochastic majorization-minimization: the majorisers of all mini-batches so far are averaged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike, Key
from .interface import Info, Solver, State, check_positive, check_steps, norm
from .majorisers import joint_majoriser, kronecker_solve
from .network import Network, Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real


class Average(NamedTuple):
    """The averaged quadratic majoriser, the number of batches seen, and a random key."""

    grams: tuple[Float[jax.Array, "inputs inputs"], ...]
    slopes: tuple[Float[jax.Array, "outputs outputs"], ...]
    linear: Parameters
    batches: Int[jax.Array, ""]
    key: Any


def stochastic(
    network: Network,
    X: Real[ArrayLike, "n d"],
    y: Real[ArrayLike, "n ..."],
    key: Key,
    batch: int,
    *,
    radius: float = 0.1,
    power: float = 0.75,
) -> Solver:
    r"""Stochastic majorization-minimization (Mairal, NeurIPS 2013): minimise $(1 - w_k) \bar Q + w_k Q_k$ at step k.

    $Q_k$ is the joint majoriser of the mean loss of `batch` samples drawn anew, and $w_k = (k + 1)^{-p}$ with `power`
    p between 1/2 and 1. It is a majoriser of the average of the losses within the radius of its own point only: a step
    goes no farther than `radius` times the norm of each matrix. `value` is that of the batch. A full batch and a weight
    of 1 give the step of `joint`; else no step is granted descent of the whole loss.

    network: its layers, activation and loss. X: samples, (n, inputs); y: labels, (n,) or (n, outputs). key: of the
    batches.
    """
    check_positive("radius", radius)
    check_positive("power", power, zero=True)
    check_steps(batch)
    X, y = network.checked(X, y)

    def init(parameters: Parameters) -> State:
        network.check_parameters(parameters)
        kind = parameters[0].dtype
        grams = tuple(jnp.zeros((len(W), len(W)), kind) for W in parameters)
        slopes = tuple(jnp.zeros((W.shape[1],) * 2, kind) for W in parameters)
        linear = tuple(jnp.zeros_like(W) for W in parameters)
        return State(tuple(parameters), Average(grams, slopes, linear, jnp.zeros((), kind), key))

    def step(state: State) -> tuple[State, Info]:
        parameters, memory = state
        following, draw = jax.random.split(memory.key)
        chosen = jax.random.randint(draw, (batch,), 0, len(X))
        now = joint_majoriser(network, parameters, X[chosen], y[chosen], radius)
        weight = (memory.batches + 1) ** -power
        grams, slopes, linear, new = [], [], [], []
        for k, W in enumerate(parameters):
            S, T, G = now.grams[k] * now.units[k].max(), now.slopes[k], now.gradients[k]
            grams.append((1 - weight) * memory.grams[k] + weight * S)
            slopes.append((1 - weight) * memory.slopes[k] + weight * T)
            linear.append((1 - weight) * memory.linear[k] + weight * (S @ W + W @ T - G))
            new.append(kronecker_solve(grams[k], slopes[k], jnp.ones_like(now.units[k]), linear[k]))
        changes = [a - b for a, b in zip(new, parameters, strict=True)]
        reach = [r / jnp.maximum(jnp.linalg.norm(D), 1e-30) for r, D in zip(now.radii, changes, strict=True)]
        t = jnp.minimum(1.0, jnp.min(jnp.stack(reach)))
        moved = tuple(W + t * D for W, D in zip(parameters, changes, strict=True))
        nothing = jnp.full_like(now.value, jnp.nan)
        told = Info(now.value, norm(now.gradients), nothing, jnp.full_like(now.value, batch / len(X)))
        memory = Average(tuple(grams), tuple(slopes), tuple(linear), memory.batches + 1, following)
        return State(moved, memory), told

    return Solver(init, step)
