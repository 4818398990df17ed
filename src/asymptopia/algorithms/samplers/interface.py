"""The interface of samplers (`init`, `step`), and `run`, which runs many chains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

Logdensity = Callable[[Any], Any]


class Info(NamedTuple):
    """The report of a Metropolis step: acceptance probability, and whether the proposal was accepted."""

    acceptance_rate: Any
    is_accepted: Any


class Chains(NamedTuple):
    """Many chains: kept values with axes (chain, draw, ...), and the final states."""

    draws: Any
    states: Any


def position_of(state: PyTree, info: PyTree) -> Any:
    """The position of a state; the default for what `run` keeps of each step."""
    return state.position


def run(
    key: Key,
    sampler: SamplingAlgorithm,
    positions: PyTree,
    steps: int,
    *,
    burn_in: int = 0,
    thin: int = 1,
    keep: Callable[[Any, Any], Any] = position_of,
) -> Chains:
    """Run independent chains, one from each of `positions` (chains, ...), compiled and batched.

    sampler: one of this package or of blackjax: `init(position)` and `step(key, state)`.
    steps:   of each chain after `burn_in` steps; every `thin`-th is kept.
    keep:    what is kept of a step, from its state and info; compiled once per sampler and `keep`, so define it once.

    Raises `StatementError` if the log-density is nan or infinite at a state that a chain reached (which it names), or
    if a chain ran away to infinity: the density may have no normalisation, or the steps are too long.
    """
    leaves = jax.tree.leaves(positions)
    chains = {np.shape(x)[0] if np.ndim(x) else 0 for x in leaves}
    if len(chains) != 1 or 0 in chains:
        raise StatementError(
            f"`positions` must have a leading axis, one entry a chain, but has shapes {_shapes(leaves)}."
        )
    for name, value, least in (("steps", steps, 1), ("burn_in", burn_in, 0), ("thin", thin, 1)):
        if value != int(value) or value < least:
            raise StatementError(f"`{name}` must be a whole number >= {least}, but is {value}.")
    if thin > steps:
        raise StatementError(f"`thin` must be at most `steps` = {steps}, or nothing is kept, but is {thin}.")
    positions = jax.tree.map(lambda x: jnp.asarray(x), positions)
    first = jax.tree.map(lambda x: jnp.asarray(np.asarray(x)[0]), positions)
    jax.eval_shape(lambda: sampler.init(first))  # with known values, where a sampler checks its target
    keys = _keys(key, *chains, int(burn_in), int(steps) // int(thin))
    result = _run(sampler, keep, int(burn_in), int(thin), keys, positions)
    check_states(result.states)
    return result


def check_states(states: PyTree) -> None:
    """Raise `StatementError` if a chain is in a state from which its sampler cannot continue.

    A sampler of this package moves to a proposal whose log-density is nan or +inf and stays there. A state with a
    field `fault` (0 if all is well) that is not zero stops for the reason `FAULTS[fault]`, a sentence of its class.

    states: of any number of chains, as `run` or `step` return them.
    """
    position = np.concatenate([_rows(x) for x in jax.tree.leaves(states.position)], axis=1)
    value = np.asarray(getattr(states, "logdensity", np.zeros(len(position))), float)
    wrong = np.isnan(value) | (value == np.inf)
    if wrong.any() and np.isfinite(position[k := int(np.argmax(wrong))]).all():
        raise StatementError(
            f"The log-density must be a number < inf, but is {value[k]} at the state {shown(position[k])} of chain {k}."
        )
    fault = np.asarray(getattr(states, "fault", np.zeros(len(position), int)))
    if fault.any():
        k = int(np.argmax(fault != 0))
        raise StatementError(f"{states.FAULTS[fault[k]]} The state is {shown(position[k])} of chain {k}.")
    away = ~np.isfinite(position).all(axis=1)
    if away.any():
        raise StatementError(
            f"Chain {int(np.argmax(away))} ran away to infinity: the density cannot be normalised, or the step is too "
            "long for its curvature."
        )


def moved(key: Key, log_ratio: Real[ArrayLike, ""], old: PyTree, new: PyTree) -> tuple[Any, Info]:
    """The Metropolis choice between two states with a field `logdensity`, and its `Info`.

    A finite proposal with a log-density that is nan or +inf is taken, and never left: `run` then names it.
    """
    rate = jnp.exp(jnp.minimum(jnp.where(jnp.isnan(log_ratio), -jnp.inf, log_ratio), 0.0))
    accepted = jax.random.uniform(key) < rate
    take = (accepted | broken(new)) & ~broken(old)
    return jax.tree.map(partial(jnp.where, take), new, old), Info(rate, accepted)


def broken(state: PyTree) -> Any:
    """Whether the log-density is nan or +inf at a finite position."""
    finite = jnp.stack([jnp.isfinite(x).all() for x in jax.tree.leaves(state.position)]).all()
    return finite & (jnp.isnan(state.logdensity) | (state.logdensity == jnp.inf))


def check_target(logdensity: Logdensity, position: PyTree) -> None:
    """Raise `StatementError` unless the log-density is finite here and falls along rays to infinity.

    Along almost every ray a density that can be normalised in d dimensions falls faster than r**-d: 8 random rays are
    tried. Along both directions of up to 32 coordinates, which may be exceptions, it must fall faster than 1/r. Inside
    of a compiled function, where values are not known, nothing is checked. Not every density without a normalisation
    is found.

    logdensity: a function of one position; position: where a chain starts.
    """
    leaves = jax.tree.leaves(position)
    if any(isinstance(x, jax.core.Tracer) for x in leaves):
        return
    shape = np.shape(jax.eval_shape(logdensity, position))
    if shape != ():
        raise StatementError(f"The log-density must be one number, but has shape {shape}.")
    flat = np.concatenate([np.ravel(np.asarray(x, float)) for x in leaves])
    rays, powers = _rays(flat.shape[0])
    radii = (1.0 + np.abs(flat).max()) * np.array([1e3, 1e6])
    with jax.ensure_compile_time_eval():
        value, logs = map(np.asarray, _along(logdensity, position, rays, radii))
    if not np.isfinite(value):
        raise StatementError(f"The log-density must be finite where a chain starts, but is {value} at {shown(flat)}.")
    if not np.isfinite(flat).all():
        raise StatementError(f"A chain must start at finite numbers, but starts at {shown(flat)}.")
    heights = logs + powers[:, None] * np.log(radii)
    rising = np.isfinite(heights).all(axis=1) & (heights[:, 1] >= heights[:, 0])
    if rising.any():
        k = int(np.argmax(rising))
        raise StatementError(
            f"The density cannot be normalised: from the state {shown(flat)} along {shown(rays[k])} it does not fall "
            f"faster than r**-{powers[k]}; its logarithm is {logs[k, 0]:.6g} at a distance of {radii[0]:.0e} and "
            f"{logs[k, 1]:.6g} at {radii[1]:.0e}."
        )


def shown(position: ArrayLike, most: int = 6) -> str:
    """The first numbers of a position, for a message."""
    flat = np.asarray(position, float).ravel()
    rest = f", ... ({flat.size} numbers)" if flat.size > most else ""
    return "(" + ", ".join(f"{x:.6g}" for x in flat[:most]) + rest + ")"


@partial(jax.jit, static_argnums=(1, 2, 3), compiler_options={"xla_backend_optimization_level": 0})
def _keys(key: Key, chains: int, burn_in: int, blocks: int) -> tuple[jax.Array, jax.Array]:
    """The keys of each chain's burn-in (one that is not used if there is none), and of its blocks of steps."""

    def own(key: Key) -> tuple[jax.Array, jax.Array]:
        first, second = jax.random.split(key)
        return jax.random.split(first, burn_in) if burn_in else first[None], jax.random.split(second, blocks)

    return jax.vmap(own)(jax.random.split(key, chains))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _run(
    sampler: Any, keep: Any, burn_in: int, thin: int, keys: tuple[jax.Array, jax.Array], positions: PyTree
) -> Chains:
    """Chains along their keys. A step is compiled once: the first block of `thin` steps burns in before it."""

    def chain(keys: tuple[jax.Array, jax.Array], position: ArrayLike) -> Chains:
        early, later = keys

        def block(state: PyTree, item: tuple[jax.Array, Key]) -> tuple[Any, Any]:
            begin, key = item
            own = jax.random.split(key, thin) if thin > 1 else key[None]

            def once(i: jax.Array, now: PyTree) -> Any:
                key = own[(i + 1) % thin]
                return sampler.step(jnp.where(i < 0, early[i + burn_in], key) if burn_in else key, now[0])

            if burn_in or thin > 1:
                empty = jax.tree.map(jnp.empty_like, jax.eval_shape(sampler.step, key, state)[1])
                state, info = jax.lax.fori_loop(begin, thin, once, (state, empty))
            else:
                state, info = sampler.step(key, state)
            return state, keep(state, info)

        begins = jnp.zeros(len(later), int).at[0].set(-burn_in)
        state, draws = jax.lax.scan(block, sampler.init(position), (begins, later))
        return Chains(draws, state)

    return jax.vmap(chain)(keys, positions)


@partial(jax.jit, static_argnums=0)
def _along(
    logdensity: Logdensity, position: PyTree, rays: Float[jax.Array, "rays d"], radii: Float[jax.Array, " radii"]
) -> Any:
    """The log-density at a point, and at these distances along these rays from there: (ray, distance)."""
    x, back = ravel_pytree(jax.tree.map(lambda x: jnp.asarray(x, float), position))
    points = x + (radii[:, None] * rays[:, None]).reshape(-1, x.shape[0])
    return logdensity(position), jax.vmap(lambda y: logdensity(back(y)))(points).reshape(len(rays), len(radii))


def _rays(d: int) -> tuple[Float[np.ndarray, "rays d"], Int[np.ndarray, " rays"]]:
    """Directions, and the power of 1/r faster than which a density must fall along each."""
    axes = np.eye(d)[: min(d, 32)]
    drawn = np.random.default_rng(0).standard_normal((8, d))
    rays = np.concatenate([axes, -axes, drawn / np.linalg.norm(drawn, axis=1, keepdims=True)])
    return rays, np.r_[np.ones(2 * len(axes), int), np.full(len(drawn), d)]


def _rows(x: Real[ArrayLike, "chains ..."]) -> Float[np.ndarray, "chains values"]:
    x = np.asarray(x, float)
    return x.reshape(len(x), -1)


def _shapes(leaves: list[Any]) -> str:
    return ", ".join(str(np.shape(x)) for x in leaves)
