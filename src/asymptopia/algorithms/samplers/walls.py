"""Walls, where a density jumps: when a path meets one, and whether it passes or turns back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError
from ...numerics.arrays import PyTree
from .interface import shown

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int

NODES = 8
HALVINGS = 60
ROUNDING = 1e-9

Constraints = Callable[[Any], Any]
Signs = Callable[[jax.Array], jax.Array]


class Meeting(NamedTuple):
    """The first wall ahead on a path.

    before, after: times along the path just on this side of it and just beyond; the end of the span if there is none.
    wall:          its number, or -1.
    doubtful:      whether a wall may be met twice between nodes, so that a shorter span is to be looked at.
    """

    before: Float[jax.Array, ""]
    after: Float[jax.Array, ""]
    wall: Int[jax.Array, ""]
    doubtful: Bool[jax.Array, ""]


def walls_of(constraints: Constraints | None, position: PyTree) -> Signs | None:
    """The functions whose signs change at the walls, of flat positions; None without constraints.

    Raises `StatementError` unless they are finite where a path starts.
    """
    if constraints is None:
        return None
    _, back = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))

    def walls(x: jax.Array) -> jax.Array:
        return jnp.ravel(jnp.asarray(constraints(back(x)), float))

    if not any(isinstance(a, jax.core.Tracer) for a in jax.tree.leaves(position)):
        with jax.ensure_compile_time_eval():
            start = ravel_pytree(jax.tree.map(lambda a: jnp.asarray(a, float), position))[0]
            values = np.asarray(walls(start))
        if not np.isfinite(values).all():
            raise StatementError(f"`constraints` must be finite, but is {shown(values)} at {shown(start)}.")
    return walls


def first_wall(walls: Signs, path: Callable[[jax.Array], jax.Array], span: Float[jax.Array, ""]) -> Meeting:
    """The first sign change along a path of this duration, located to rounding."""

    def along(t: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.jvp(lambda s: walls(path(s)), (t,), (jnp.ones_like(t),))

    h = span / NODES
    times = h * jnp.arange(NODES + 1, dtype=span.dtype)
    g, dg = jax.vmap(along)(times)
    side = g[0] > 0
    changed = (g > 0) != side
    met = changed.any(axis=0)
    first = jnp.where(met, jnp.argmax(changed, axis=0), NODES + 1)
    wall = jnp.argmin(first)
    k = jnp.clip(first[wall], 1, NODES + 1)

    def halve(_: int, ends: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        low, high = ends
        middle = (low + high) / 2
        here = (walls(path(middle))[wall] > 0) == side[wall]
        return jnp.where(here, middle, low), jnp.where(here, high, middle)

    low, high = jax.lax.fori_loop(0, HALVINGS, halve, (times[k - 1], times[jnp.minimum(k, NODES)]))
    some = met.any()
    return Meeting(
        jnp.where(some, low, span), jnp.where(some, high, span), jnp.where(some, wall, -1), _doubtful(g, dg, h, side, k)
    )


def _doubtful(
    g: Float[jax.Array, "nodes walls"],
    dg: Float[jax.Array, "nodes walls"],
    h: Float[jax.Array, ""],
    side: Bool[jax.Array, " walls"],
    k: Int[jax.Array, ""],
) -> Bool[jax.Array, ""]:
    """Whether cubics through the nodes before the first change have coefficients beyond zero."""
    inner = jnp.concatenate([(g[:-1] + h * dg[:-1] / 3)[None], (g[1:] - h * dg[1:] / 3)[None]])
    room = ROUNDING * (1e-30 + jnp.abs(g).max(axis=0))
    beyond = (jnp.where(side, inner, -inner) < -room).any(axis=(0, 2))
    return (beyond & (jnp.arange(NODES) < k - 1)).any()
