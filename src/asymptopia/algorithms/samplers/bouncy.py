"""The bouncy particle sampler for any log-density."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from blackjax.base import SamplingAlgorithm
from jax.flatten_util import ravel_pytree

from ...numerics.arrays import ArrayLike, Key
from .interface import Logdensity
from .thinning import PathInfo, PathState, Process, advance, check_rates, downhill, segment, started
from .walls import Constraints, walls_of


def bouncy_particle(
    logdensity: Logdensity,
    length: float,
    *,
    refreshment: float = 1.0,
    lipschitz: float | None = None,
    constraints: Constraints | None = None,
) -> SamplingAlgorithm:
    r"""The bouncy particle sampler: straight paths that bounce off the level sets of the density.

    With velocities of the standard normal distribution and $U = -\log p$, a bounce
    $v \to v - 2 \nabla U (v \cdot \nabla U) / |\nabla U|^2$ happens at the rate $\max(0, v \cdot \nabla U)$, and a new
    velocity is drawn at the rate `refreshment`, without which the process need not be ergodic. Bouchard-Côté, Vollmer
    and Doucet, J. Amer. Statist. Assoc. 113 (2018) 855.

    A step follows the path for the time `length`; bounds, faults `lipschitz` and `constraints` as for `zig_zag`.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    """
    check_rates(length=length, refreshment=refreshment, lipschitz=lipschitz)

    def step(rng_key: Key, state: PathState) -> tuple[PathState, PathInfo]:
        slope, d = downhill(logdensity, state.position)
        back = ravel_pytree(state.position)[1]

        def turn(x: ArrayLike, v: ArrayLike, i: jax.Array) -> Any:
            g = slope(x)
            return v - 2 * g * (v @ g) / (g @ g)

        process = Process(
            flow=lambda x, v, t: (x + v * t, v),
            slopes=lambda x, v: (v @ slope(x))[None],
            turn=turn,
            draw=lambda key: jax.random.normal(key, (d,)),
            integral=segment,
            rate=refreshment,
            growth=None if lipschitz is None else lambda x, v, t: jnp.reshape(lipschitz * (v @ v) * t, 1),
            logdensity=lambda x: jnp.asarray(logdensity(back(x)), x.dtype),
            walls=walls_of(constraints, state.position),
            mirror=lambda v, normal: v - 2 * normal * (v @ normal) / (normal @ normal),
        )
        return advance(process, length, rng_key, state)

    return SamplingAlgorithm(started(logdensity, constraints), step)
