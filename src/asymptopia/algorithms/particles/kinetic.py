"""Trajectories of Langevin dynamics with inertia, by splitting schemes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ...numerics.arrays import ArrayLike, Key

if TYPE_CHECKING:
    import jax
    import numpy as np
    from jaxtyping import Float, Real

    from ...parts.potential import Potential


class Scheme(NamedTuple):
    """A splitting scheme: its name ("BAOAB" or "OBABO"), step, and whether steps are adapted to meet the times."""

    name: str
    step: Any
    adapted: bool


def kinetic(
    potential: Potential,
    x: Float[np.ndarray, "..."] | Float[jax.Array, "..."],
    v: Float[np.ndarray, "..."] | Float[jax.Array, "..."],
    friction: Real[ArrayLike, ""],
    temperature: Real[ArrayLike, ""],
    times: Sequence[float],
    scheme: Scheme,
    key: Key,
) -> tuple[Float[jax.Array, "times ..."], Float[jax.Array, "times ..."]]:
    r"""Positions and velocities at the times (first axis):

    $$dX = V dt, \quad dV = -(\gamma V + U') dt + \sqrt{2\gamma T} dW .$$

    Of weak order 2 in the step. Steps that are not adapted are counted: the state is that after round(t / step) of
    them. Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def friction_and_noise(v: np.ndarray | jax.Array, h: ArrayLike, key: Key) -> Any:
        kept = jnp.exp(-friction * h)
        return kept * v + jnp.sqrt(temperature * (1 - kept**2)) * jax.random.normal(key, v.shape)

    def kick(x: np.ndarray | jax.Array, v: np.ndarray | jax.Array, h: ArrayLike) -> Any:
        return v - h * potential.slope(x)

    def baoab(x: np.ndarray | jax.Array, v: np.ndarray | jax.Array, h: ArrayLike, key: Key) -> tuple[Any, Any]:
        v = kick(x, v, h / 2)
        x = x + h / 2 * v
        v = friction_and_noise(v, h, key)
        x = x + h / 2 * v
        return x, kick(x, v, h / 2)

    def obabo(x: np.ndarray | jax.Array, v: np.ndarray | jax.Array, h: ArrayLike, key: Key) -> tuple[Any, Any]:
        before, after = jax.random.split(key)
        v = kick(x, friction_and_noise(v, h / 2, before), h / 2)
        x = x + h * v
        return x, friction_and_noise(kick(x, v, h / 2), h / 2, after)

    step = {"BAOAB": baoab, "OBABO": obabo}[scheme.name]
    xs, vs, now, done = [], [], 0.0, jnp.asarray(0)
    for t in times:
        if scheme.adapted:
            end = done + jnp.ceil((t - now) / scheme.step - 1e-9).astype(int)
            h = (t - now) / jnp.maximum(end - done, 1)
        else:
            end, h = jnp.round(t / scheme.step).astype(int), scheme.step

        def one(i: Any, state: tuple[Any, Any], h: ArrayLike = h) -> tuple[Any, Any]:
            return step(*state, h, jax.random.fold_in(key, i))

        x, v = jax.lax.fori_loop(done, end, one, (x, v))
        xs.append(x)
        vs.append(v)
        now, done = t, end
    return jnp.stack(xs), jnp.stack(vs)
