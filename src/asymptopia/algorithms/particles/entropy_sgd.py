"""Entropy-SGD for optax: descent of a loss smoothed by Langevin dynamics around the current point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ...numerics.arrays import ArrayLike, Key, PyTree

if TYPE_CHECKING:
    from jaxtyping import Bool, Real


class EntropyState(NamedTuple):
    """The random key of the next inner loop, and the number of gradients used."""

    key: Any
    calls: Any


def local_average(
    grad_fn: Callable[[Any, Any], Any],
    centre: PyTree,
    gamma: Real[ArrayLike, ""],
    temperature: Real[ArrayLike, ""],
    steps: int,
    rate: Real[ArrayLike, ""],
    key: Key,
    observe: Callable[[Any], Any] = lambda y: y,
) -> Any:
    r"""The mean of `observe(y)` along Langevin dynamics in $f(y) + \gamma |y - x|^2 / 2$, started at the centre x.

    `grad_fn(y, i)` is the gradient of f, or of a minibatch, in step i of `steps`. Steps of length `rate` by the scheme
    of Leimkuhler and Matthews (Appl. Math. Res. eXpress 2013, 34), whose stationary distribution errs by `rate**2` for
    one gradient a step; step i has a weight proportional to i, so that of the start a share of `(rate * steps)**-2` is
    left. Arrays or trees of them; traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    def noise(now: PyTree) -> Any:
        leaves, shape = jax.tree.flatten(centre)
        keys = jax.random.split(now, len(leaves))
        drawn = [jax.random.normal(k, jnp.shape(v), jnp.result_type(v)) for k, v in zip(keys, leaves, strict=True)]
        return jax.tree.unflatten(shape, drawn)

    size = jnp.sqrt(temperature * rate / 2)

    def one(state: PyTree, i: Any) -> tuple[Any, None]:
        y, before, mean, k = state
        k, now = jax.random.split(k)
        after = noise(now)
        y = jax.tree.map(
            lambda v, g, c, a, b: (v - rate * (g + gamma * (v - c)) + size * (a + b)).astype(v.dtype),
            y, grad_fn(y, i), centre, before, after,
        )  # fmt: skip
        share = 2 / (i + 2.0)
        mean = jax.tree.map(lambda m, v: (m + share * (v - m)).astype(m.dtype), mean, observe(y))
        return (y, after, mean, k), None

    key, first = jax.random.split(key)
    centre = jax.tree.map(jnp.asarray, centre)
    begin = (centre, noise(first), observe(centre), key)
    return jax.lax.scan(one, begin, jnp.arange(steps))[0][2]


def local_entropy_gradient(
    gamma: Real[ArrayLike, ""], temperature: Real[ArrayLike, ""], steps: int, rate: Real[ArrayLike, ""], key: Key
) -> Any:
    r"""An optax transformation that gives the gradient of the local entropy, $\gamma (x - \langle y \rangle)$.

    The mean is that of `local_average`, and needs gradients of its own: `update(gradient, state, params,
    grad_fn=...)`, where `grad_fn(params, i)` is the gradient in the inner step i, a plain gradient or that of a fresh
    minibatch; i counts on from one update to the next. The gradient handed in is not used. Chain it with any optimiser.

    gamma:       strength of the pull to the centre; the loss is smoothed over a distance `sqrt(temperature / gamma)`.
    temperature: of the Langevin trajectory, in the units of the loss.
    steps, rate: number and length of the inner steps; `rate` times the largest curvature + gamma must stay below 1.

    Raises `ValueError` if `rate` times gamma alone is 2 or more, and where the inner steps diverge: an update by itself
    `FloatingPointError`, a compiled one an error of JAX's runtime with the same words, when its result is read.
    """
    import jax
    import jax.numpy as jnp
    import optax

    if not isinstance(gamma, jax.core.Tracer) and not isinstance(rate, jax.core.Tracer) and not 0 < rate * gamma < 2:
        raise ValueError(f"`rate` times `gamma` must be > 0 and < 2, but is {rate:g} times {gamma:g}.")

    def init(params: PyTree) -> EntropyState:
        return EntropyState(key, jnp.zeros((), jnp.int32))

    def update(updates: PyTree, state: EntropyState, params: PyTree = None, **extra: Any) -> tuple[Any, EntropyState]:
        grad_fn = extra.get("grad_fn")
        if params is None or grad_fn is None:
            raise ValueError(
                "`update` of Entropy-SGD must be given the parameters and `grad_fn`, the gradient as a function of "
                "parameters and step: update(gradient, state, params, grad_fn=lambda p, i: jax.grad(loss)(p))."
            )
        left, now = jax.random.split(state.key)
        mean = local_average(lambda y, i: grad_fn(y, state.calls + i), params, gamma, temperature, steps, rate, now)
        gradient = _finite(jax.tree.map(lambda p, m: gamma * (p - m), params, mean))
        return gradient, EntropyState(left, state.calls + steps)

    return optax.GradientTransformationExtraArgs(init, update)


def _finite(gradient: PyTree) -> PyTree:
    """The gradient, which must be finite; where it is traced, this is checked when the program runs."""
    import jax
    import jax.numpy as jnp

    diverged = ~jnp.all(jnp.stack([jnp.isfinite(x).all() for x in jax.tree.leaves(gradient)]))
    if not isinstance(diverged, jax.core.Tracer):
        _stop(diverged)
        return gradient
    flag = jax.ShapeDtypeStruct((), bool)  # type: ignore[no-untyped-call]
    told = jax.pure_callback(_stop, flag, diverged, vmap_method="expand_dims")
    return jax.tree.map(lambda g: jnp.where(told, jnp.nan, g).astype(g.dtype), gradient)


def _stop(diverged: Bool[ArrayLike, ""]) -> Bool[np.ndarray, ""]:
    if np.any(diverged):
        raise FloatingPointError(
            "The inner steps of Entropy-SGD diverged: `rate` times the largest curvature of the loss + gamma must stay "
            "below 1. Take a shorter `rate`."
        )
    return np.asarray(diverged)


def entropy_sgd(
    learning_rate: Real[ArrayLike, ""] | Callable[[Any], Any],
    gamma: Real[ArrayLike, ""],
    temperature: Real[ArrayLike, ""],
    steps: int,
    rate: Real[ArrayLike, ""],
    key: Key,
) -> Any:
    r"""Entropy-SGD as an optax optimiser: $x \leftarrow x - \eta \gamma (x - \langle y \rangle)$.

    Chaudhari, Choromanska, Soatto, LeCun, Baldassi, Borgs, Chayes, Sagun and Zecchina, ICLR (2017), algorithm 1; see
    `local_entropy_gradient` for the arguments, and for what `update` must be given. `learning_rate` is a number or a
    schedule. Their value for the inner average, with weights that fade, is replaced by one that converges as `steps`
    grows; a momentum, as theirs, is chained: `optax.chain(local_entropy_gradient(...), optax.sgd(0.1, momentum=0.9))`.
    """
    import optax

    return optax.chain(
        local_entropy_gradient(gamma, temperature, steps, rate, key), optax.scale_by_learning_rate(learning_rate)
    )
