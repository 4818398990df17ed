"""The experiment: a chain on the posterior of real labels, and the ranks of simulation-based calibration."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from ....numerics.arrays import ArrayLike, Key, PyTree
from ....parts.sampler import HMC, MALA, NUTS, InfiniteSwapping, PosteriorSampler, RandomWalk
from . import BINS

if TYPE_CHECKING:
    from . import BayesianNetwork


@singledispatch
def chain_of(sampler: PosteriorSampler, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    """The sampler of the library for a density in d dimensions whose narrowest deviation is `scale`."""
    return sampler.build(logdensity, scale, d)


@chain_of.register
def _(sampler: RandomWalk, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    from ....algorithms.samplers import random_walk

    return random_walk(logdensity, sampler.step * scale / d**0.5)


@chain_of.register
def _(sampler: MALA, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    from ....algorithms.samplers import mala

    return mala(logdensity, sampler.step * scale**2 / d ** (1 / 3))


@chain_of.register
def _(sampler: HMC, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    from ....algorithms.samplers import hmc

    return hmc(logdensity, sampler.step * scale / d**0.25, sampler.leaps)


@chain_of.register
def _(sampler: NUTS, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    from ....algorithms.samplers import nuts

    return nuts(logdensity, sampler.step * scale / d**0.25)


@chain_of.register
def _(sampler: InfiniteSwapping, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
    from ....algorithms.samplers import infinite_swapping, random_walk

    size = sampler.step * scale / d**0.5
    return infinite_swapping(logdensity, lambda target, T: random_walk(target, size * T**0.5), sampler.temperatures)


def realize(law: BayesianNetwork, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    import jax
    import jax.numpy as jnp

    from ....algorithms.samplers.calibration import Model, calibration_rank

    features, labels, probes = (jnp.asarray(a) for a in law.design())
    keys = jax.random.split(key, 3)
    d = features.shape[1]
    scale = (jnp.linalg.norm(features, 2) ** 2 / law.noise + law.ridge) ** -0.5
    model = Model(
        lambda k: jax.random.normal(k, (d,)) / law.ridge**0.5,
        lambda k, w: features @ w + law.noise**0.5 * jax.random.normal(k, labels.shape),
        lambda w, y: -jnp.sum((y - features @ w) ** 2) / (2 * law.noise) - law.ridge * jnp.sum(w**2) / 2,
    )

    def sampler(log_posterior: Any) -> Any:
        return chain_of(law.sampler, log_posterior, scale, d)

    chain = sampler(lambda w: model.log_joint(w, labels))

    def step(carry: PyTree, k: Any) -> tuple[Any, None]:
        state, first, second = carry
        state, _ = chain.step(k, state)
        f = probes @ state.position
        return (state, first + f, second + f**2), None

    nothing = jnp.zeros(law.probes)
    going = jax.random.split(keys[1], n + n // 2)
    start: Any = (chain.init(model.prior(keys[0])), nothing, nothing)
    (state, *_), _ = jax.lax.scan(step, start, going[n:])
    start = (state, nothing, nothing)
    (_, first, second), _ = jax.lax.scan(step, start, going[:n])
    rank, _ = calibration_rank(keys[2], model, sampler, lambda w: probes[0] @ w, BINS - 1, max(1, n // 40))
    return {
        "mean": first / n,
        "variance": second / n - (first / n) ** 2,
        "calibration": (rank == jnp.arange(BINS)) * 1.0,
    }
