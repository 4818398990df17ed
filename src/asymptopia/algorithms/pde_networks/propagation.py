"""Propagation through many layers of one kind, and backpropagation that stores no activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike, Key, PyTree


def stack(make: Callable[[Any], Any], depth: int, key: Key) -> Any:
    """`depth` layers as one module whose arrays have a leading axis; `make(key)` makes each.

    Raises `ValueError` if there is no layer.
    """
    if depth < 1 or depth != int(depth):
        raise ValueError(f"`depth` must be a whole number >= 1, but is {depth}.")
    return eqx.filter_vmap(make)(jax.random.split(key, depth))


def propagate(layers: PyTree, state: PyTree) -> Any:
    """The state after all layers; backpropagation stores the state before each layer."""
    moving, fixed = eqx.partition(layers, eqx.is_array)

    def one(state: PyTree, layer: Any) -> tuple[Any, None]:
        return eqx.combine(layer, fixed)(state), None

    return jax.lax.scan(one, state, moving)[0]


def propagate_reversibly(layers: PyTree, state: PyTree) -> Any:
    """The state after all layers, which need an `inverse`: backpropagation recomputes the states.

    What it stores besides the layers and their gradients does not depend on their number. Round-off in the recomputed
    states grows with the depth as the layers amplify differences.
    """
    moving, fixed = eqx.partition(layers, eqx.is_array)

    def apply(layer: Any, state: PyTree) -> Any:
        return eqx.combine(layer, fixed)(state)

    @jax.custom_vjp
    def run(moving: PyTree, state: PyTree) -> Any:
        return propagate(eqx.combine(moving, fixed), state)

    def forward(moving: PyTree, state: PyTree) -> tuple[Any, Any]:
        after = run(moving, state)
        return after, (moving, after)

    def backward(kept: PyTree, slope: ArrayLike) -> tuple[Any, Any]:
        def one(carry: tuple[Any, Any], layer: Any) -> tuple[tuple[Any, Any], Any]:
            after, slope = carry
            before = eqx.combine(layer, fixed).inverse(after)
            by_layer, by_state = jax.vjp(apply, layer, before)[1](slope)
            return (before, by_state), by_layer

        moving, after = kept
        (_, by_state), by_layers = jax.lax.scan(one, (after, slope), moving, reverse=True)
        return by_layers, by_state

    run.defvjp(forward, backward)
    return run(moving, state)


def backprop_bytes(run: Callable[[Any, Any], Any], layers: PyTree, state: PyTree) -> int:
    """The bytes of scratch memory of the compiled gradient of |run(layers, state)|^2 in the layers.

    `run` is `propagate` or `propagate_reversibly`. The layers, the state and the gradient itself are not counted.
    Raises `RuntimeError` on devices that do not tell.
    """
    moving, fixed = eqx.partition(layers, eqx.is_array)

    def loss(moving: PyTree) -> Any:
        after = run(eqx.combine(moving, fixed), state)
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(after))

    analysis = jax.jit(jax.grad(loss)).lower(moving).compile().memory_analysis()
    if analysis is None:
        raise RuntimeError("This device does not say how much memory a compiled program needs.")
    return int(analysis.temp_size_in_bytes)
