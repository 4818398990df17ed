"""The zig-zag process for any log-density."""

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


def zig_zag(
    logdensity: Logdensity,
    length: float,
    *,
    refreshment: float = 0.0,
    lipschitz: float | None = None,
    constraints: Constraints | None = None,
) -> SamplingAlgorithm:
    r"""The zig-zag process: each coordinate moves at speed 1, and turns at the rate at which the density falls.

    The velocity of coordinate i changes sign at the rate $\max(0, v_i \partial_i U(x)) + \gamma$ with $U = -\log p$ and
    $\gamma$ = `refreshment`; the distribution of x is then invariant, exactly. Bierkens, Fearnhead and Roberts, Ann.
    Statist. 47 (2019) 1288.

    A step follows the path for the time `length`; its `PathInfo` has the averages of x and x**2 along it. Event times
    are exact, by thinning under bounds from derivatives along the path, or from `lipschitz`, a constant of the gradient
    of the log-density in the Euclidean norm, which the bounds then trust. A bound that is found violated stops the
    path: `run` raises an error that names the state. Bounds from derivatives know the density at nodes only, and a
    feature much narrower than their distance can escape them.

    constraints: a function of the position, positive on one side of each edge of the density and negative on the other
    (several: an array). There a path passes with the ratio of the densities as its probability, and else is reflected
    (Chevallier, Power, Wang and Fearnhead, arXiv:2111.05859). An edge that is not stated stops the path with an error.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    """
    check_rates(length=length, refreshment=refreshment, lipschitz=lipschitz)

    def step(rng_key: Key, state: PathState) -> tuple[PathState, PathInfo]:
        slope, d = downhill(logdensity, state.position)
        back = ravel_pytree(state.position)[1]

        def growth(x: ArrayLike, v: ArrayLike, t: ArrayLike) -> Any:
            return jnp.full(d, lipschitz * d**0.5 * t)

        process = Process(
            flow=lambda x, v, t: (x + v * t, v),
            slopes=lambda x, v: v * slope(x),
            turn=lambda x, v, i: v.at[i].multiply(-1),
            refresh=lambda key, v: v.at[jax.random.randint(key, (), 0, d)].multiply(-1),
            draw=lambda key: jax.random.rademacher(key, (d,), float),
            integral=segment,
            rate=d * refreshment,
            growth=None if lipschitz is None else growth,
            logdensity=lambda x: jnp.asarray(logdensity(back(x)), x.dtype),
            walls=walls_of(constraints, state.position),
            mirror=lambda v, normal: jnp.where(normal != 0, -v, v),
        )
        return advance(process, length, rng_key, state)

    return SamplingAlgorithm(started(logdensity, constraints), step)
