"""Langevin and Hamiltonian samplers without rejections (ULA, SGLD, SGHMC), biased by their step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from blackjax.base import SamplingAlgorithm
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Logdensity, check_target

if TYPE_CHECKING:
    from jaxtyping import Real

GradientEstimate = Callable[[Any, Any], Any]


OUTSIDE = 1
FAR = 1e100  # a chain that comes here runs away, and has not met an edge


class _Diffusion(NamedTuple):
    position: Any
    fault: Any


class DiffusionState(_Diffusion):
    """The position, and whether the chain has stopped for good: `FAULTS[fault]`."""

    __slots__ = ()
    FAULTS = (
        "",
        "A step left the set on which the log-density and its gradient are finite. A sampler without rejections does "
        "not see where a density ends: use one with rejections (`mala`, `hmc`), a path with `constraints` "
        "(`zig_zag`), a shorter step, or coordinates without an edge, such as logarithms.",
    )


class _Momentum(NamedTuple):
    position: Any
    velocity: Any
    fault: Any


class MomentumState(_Momentum):
    """Position and velocity, and whether the chain has stopped for good: `FAULTS[fault]`."""

    __slots__ = ()
    FAULTS = DiffusionState.FAULTS


class NoInfo(NamedTuple):
    """The report of a step without rejection: the size of its gradient."""

    gradient_norm: Any


def ula(
    logdensity: Logdensity, step_size: Real[ArrayLike, ""], temperature: Real[ArrayLike, ""] = 1.0
) -> SamplingAlgorithm:
    r"""The unadjusted Langevin algorithm $x + h \nabla \log p(x) + \sqrt{2 h T} z$, h = step_size.

    For a normal target of precision $\lambda$ its stationary variance is $T/(\lambda (1 - \lambda h/2))$: too large,
    by an amount of order h.

    logdensity: of the target, up to a constant: a function of one position, which JAX differentiates.
    step_size: h > 0. temperature: T, at which the target is its own distribution if it is 1.
    """
    return sgld(lambda key, x: _slope(logdensity, x), step_size, temperature, logdensity)


def sgld(
    gradient: GradientEstimate,
    step_size: Real[ArrayLike, ""],
    temperature: Real[ArrayLike, ""] = 1.0,
    logdensity: Logdensity | None = None,
) -> SamplingAlgorithm:
    r"""Stochastic gradient Langevin dynamics $x + h\,\hat g(x) + \sqrt{2 h T} z$, h = step_size.

    gradient: `gradient(key, position)`, a random estimate without bias of the gradient of the log-density, such as
    `minibatch` makes; where it is not finite, the chain stops with an error. `logdensity`, if given, is checked where a
    chain starts, and must stay finite. With gradient noise of variance $V_g$
    and a normal target of precision $\lambda$ the stationary variance is
    $(2 h T + h^2 V_g)/(1 - (1 - \lambda h)^2)$. Welling and Teh, ICML 2011.

    temperature: T, at which the target is its own distribution if it is 1.
    """

    def init(position: PyTree, rng_key: Key | None = None) -> DiffusionState:
        if logdensity is not None:
            check_target(logdensity, position)
        return DiffusionState(position, jnp.zeros((), int))

    def step(rng_key: Key, state: DiffusionState) -> tuple[DiffusionState, NoInfo]:
        draw, batch = jax.random.split(rng_key)
        x, back = ravel_pytree(state.position)
        slope = ravel_pytree(gradient(batch, state.position))[0]
        noise = jax.random.normal(draw, x.shape, x.dtype)
        y = x + step_size * slope + jnp.sqrt(2 * step_size * temperature) * noise
        outside = ~jnp.isfinite(slope).all()
        if logdensity is not None:
            outside |= ~jnp.isfinite(logdensity(back(y))) & jnp.isfinite(y).all()
        outside = (outside & (jnp.abs(x).max() < FAR)) | (state.fault != 0)
        return DiffusionState(back(jnp.where(outside, x, y)), OUTSIDE * outside.astype(int)), NoInfo(
            jnp.linalg.norm(slope)
        )

    return SamplingAlgorithm(init, step)


def sghmc(
    gradient: GradientEstimate,
    step_size: Real[ArrayLike, ""],
    friction: Real[ArrayLike, ""],
    temperature: Real[ArrayLike, ""] = 1.0,
    noise_variance: Real[ArrayLike, ""] = 0.0,
) -> SamplingAlgorithm:
    r"""Stochastic gradient Hamiltonian Monte Carlo: underdamped Langevin dynamics on estimated gradients.

    With h = step_size, $\gamma$ = friction and $c = e^{-\gamma h}$ a step is

    $$v \to v + h\,\hat g(x), \quad x \to x + \tfrac h2 v, \quad v \to c v + \xi, \quad x \to x + \tfrac h2 v, \qquad
      \mathrm{Var}\,\xi = T (1 - c^2) - c^2 h^2 V_g,$$

    whose positions have exactly the distribution of a normal target if the gradient is exact (the splitting BAOAB:
    Leimkuhler and Matthews, Appl. Math. Res. Express 2013, 34). `noise_variance` $V_g$ is that of a gradient estimate,
    the heat of which is taken off the noise as far as there is noise to take it off. Chen, Fox and Guestrin, ICML 2014.

    temperature: T, at which the target is its own distribution if it is 1.
    """
    keep = jnp.exp(-friction * step_size)
    added = jnp.maximum(temperature * (1 - keep**2) - (keep * step_size) ** 2 * noise_variance, 0.0)

    def init(position: PyTree, rng_key: Key | None = None) -> MomentumState:
        return MomentumState(position, jax.tree.map(lambda x: jnp.zeros_like(x), position), jnp.zeros((), int))

    def step(rng_key: Key, state: MomentumState) -> tuple[MomentumState, NoInfo]:
        draw, batch = jax.random.split(rng_key)
        x, back = ravel_pytree(state.position)
        slope = ravel_pytree(gradient(batch, state.position))[0]
        outside = (~jnp.isfinite(slope).all() & (jnp.abs(x).max() < FAR)) | (state.fault != 0)
        v = ravel_pytree(state.velocity)[0] + step_size * slope
        half = x + step_size / 2 * v
        v = keep * v + jnp.sqrt(added) * jax.random.normal(draw, x.shape, x.dtype)
        y = jnp.where(outside, x, half + step_size / 2 * v)
        return MomentumState(back(y), back(v), OUTSIDE * outside.astype(int)), NoInfo(jnp.linalg.norm(slope))

    return SamplingAlgorithm(init, step)


def minibatch(
    log_prior: Logdensity, log_likelihood: Callable[[Any, Any], Any], data: PyTree, batch: int
) -> GradientEstimate:
    """An unbiased estimate of a posterior's gradient from `batch` samples, drawn with replacement in each step.

    log_likelihood: of one sample: `log_likelihood(position, sample)`; `data` is a pytree of arrays with a leading axis
    of samples.

    log_prior: of a position. Returns `gradient(key, position)`. Raises `StatementError` for a batch below 1.
    """
    count = len(jax.tree.leaves(data)[0])
    if batch != int(batch) or not batch >= 1:
        raise StatementError(f"`batch` must be a whole number >= 1, but is {batch}.")

    def estimate(position: ArrayLike, drawn: PyTree) -> Any:
        each = jax.vmap(log_likelihood, (None, 0))(position, drawn)
        return log_prior(position) + count / batch * jnp.sum(each)

    def gradient(key: Key, position: ArrayLike) -> Any:
        which = jax.random.randint(key, (batch,), 0, count)
        drawn = jax.tree.map(lambda a: a[which], data)
        return _slope(lambda x: estimate(x, drawn), position)

    return gradient


def _slope(logdensity: Logdensity, position: PyTree) -> Any:
    """The gradient of the log-density; nan where that is not finite, though its gradient may be."""
    value, slope = jax.value_and_grad(logdensity)(position)
    return jax.tree.map(lambda g: jnp.where(jnp.isfinite(value), g, jnp.nan), slope)
