"""Equilibrium of spins on a sphere with random polynomial energy, by replica exchange."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...numerics.arrays import ArrayLike, Key, PyTree
from ...numerics.compiled import compiled

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float

LEAPS = 5  # of a Hamiltonian trajectory


def spherical_exchange(
    couplings: Float[np.ndarray, "K ..."], keys: Key, temperatures: Sequence[float], *, moves: int | None = None
) -> dict[str, Float[np.ndarray, " K"]]:
    r"""Means at the lowest of the temperatures, for K systems of n spins: each of shape (K,).

    $|s|^2 = n$ and $H = \sum J_{i_1...i_p} s_{i_1} ... s_{i_p}$ with symmetric couplings, stacked to (K, n, ..., n);
    `keys` are K JAX keys. At each temperature there are two independent copies. A move is a leapfrog trajectory along
    great circles, accepted by Metropolis' rule, so that the law sampled is Gibbs' without a bias of the step; then
    neighbouring temperatures propose to exchange their states. Returns `energy` per spin, `squared_overlap` of the
    two copies, and `accepted`, the mean acceptance.

    temperatures: > 0, ascending. moves: by default 60 n**(1/2), of which the first third is left out.
    """
    import jax.numpy as jnp

    T = np.asarray(temperatures, float)
    if T.ndim != 1 or not len(T) or not (T > 0).all() or not (np.diff(T) > 0).all():
        raise ValueError(f"`temperatures` must be positive and ascending, but is {tuple(temperatures)}.")
    moves = math.ceil(60 * math.sqrt(couplings.shape[-1])) if moves is None else moves
    result = _sample_all(moves, jnp.asarray(couplings), jnp.asarray(T), keys)
    return {k: np.asarray(v) for k, v in result.items()}


@compiled("moves")
def _sample_all(moves: int, J: Float[jax.Array, "K ..."], T: Float[jax.Array, " T"], keys: Key) -> Any:
    import jax

    return jax.lax.map(lambda system: _sample(moves, system[0], T, system[1]), (J, keys))


def _sample(moves: int, J: Float[jax.Array, "..."], T: Float[jax.Array, " T"], key: Key) -> dict[str, Any]:
    import jax
    import jax.numpy as jnp
    from jax import lax

    keys = jax.random.split(key, 3)
    n, p, count = J.shape[0], J.ndim, len(T)
    beta = jnp.stack([1 / T, 1 / T])

    def energy(s: jax.Array) -> Any:
        copies = s.reshape(-1, n)
        inner = (J.reshape(-1, n) @ copies.T).reshape(*J.shape[1:], -1)
        for _ in range(p - 2):
            inner = jnp.einsum("...jc,cj->...c", inner, copies)
        return jnp.einsum("jc,cj->c", inner, copies).reshape(s.shape[:-1]), p * inner.T.reshape(s.shape)

    stiffness = math.sqrt(p * (p - 1) / 2)
    step = 2.0 / (1 + stiffness * beta) * n**-0.25
    first = jax.random.normal(keys[1], (2, count, n))
    s = first * jnp.sqrt(n / jnp.sum(first**2, axis=-1, keepdims=True))
    e, slope = energy(s)
    burn = moves // 3

    def move(i: Any, carry: PyTree) -> Any:
        s, e, slope, sums = carry
        now = jax.random.split(jax.random.fold_in(keys[2], i), 3)
        s, e, slope, taken = _hamiltonian(energy, beta, step, s, e, slope, now[0], now[1])
        s, e, slope = _exchange(beta, i % 2, s, e, slope, now[2])
        q = jnp.sum(s[0, 0] * s[1, 0]) / n
        sums = sums + jnp.where(i >= burn, jnp.array([jnp.mean(e[:, 0]) / n, q**2, jnp.mean(taken)]), 0.0)
        return s, e, slope, sums

    *_, sums = lax.fori_loop(0, moves, move, (s, e, slope, jnp.zeros(3)))
    return dict(zip(("energy", "squared_overlap", "accepted"), sums / (moves - burn), strict=True))


def _hamiltonian(
    energy: Any,
    beta: Float[jax.Array, "..."],
    step: Float[jax.Array, "..."],
    s: Float[jax.Array, "..."],
    e: Float[jax.Array, "..."],
    slope: Float[jax.Array, "..."],
    draw: Key,
    coin: Key,
) -> Any:
    """One trajectory of every copy: kicks in the tangent space, rotations along great circles."""
    import jax
    import jax.numpy as jnp
    from jax import lax

    n = s.shape[-1]
    h, b = step[..., None], beta[..., None]

    def tangent(v: ArrayLike, s: ArrayLike) -> Any:
        return v - jnp.sum(v * s, axis=-1, keepdims=True) / n * s

    def leap(_: int, carry: PyTree) -> Any:
        x, v, _e, g = carry
        v = v - h / 2 * b * tangent(g, x)
        speed = jnp.sqrt(jnp.sum(v**2, axis=-1, keepdims=True) / n)
        c, d = jnp.cos(h * speed), jnp.sin(h * speed)
        x, v = x * c + v / speed * d, v * c - x * speed * d
        x = x * jnp.sqrt(n / jnp.sum(x**2, axis=-1, keepdims=True))
        e, g = energy(x)
        return x, tangent(v, x) - h / 2 * b * tangent(g, x), e, g

    v = tangent(jax.random.normal(draw, s.shape), s)
    x, w, new, g = lax.fori_loop(0, LEAPS, leap, (s, v, e, slope))
    change = beta * (new - e) + (jnp.sum(w**2, axis=-1) - jnp.sum(v**2, axis=-1)) / 2
    taken = jnp.log(jax.random.uniform(coin, e.shape)) < -change
    pick = taken[..., None]
    return jnp.where(pick, x, s), jnp.where(taken, new, e), jnp.where(pick, g, slope), taken


def _exchange(
    beta: Float[jax.Array, "..."],
    parity: Any,
    s: Float[jax.Array, "..."],
    e: Float[jax.Array, "..."],
    slope: Float[jax.Array, "..."],
    coin: Key,
) -> Any:
    """Neighbours in temperature, pairs of this parity, exchange their states by Metropolis' rule."""
    import jax
    import jax.numpy as jnp

    count = e.shape[1]
    if count == 1:
        return s, e, slope
    low = jnp.arange(count - 1)
    gain = (beta[:, :-1] - beta[:, 1:]) * (e[:, :-1] - e[:, 1:])
    swap = (jnp.log(jax.random.uniform(coin, gain.shape)) < gain) & (low % 2 == parity)
    up = jnp.pad(swap, ((0, 0), (0, 1)))
    down = jnp.pad(swap, ((0, 0), (1, 0)))
    source = jnp.arange(count) + up.astype(int) - down.astype(int)
    wide = source[..., None]
    return (
        jnp.take_along_axis(s, wide, axis=1),
        jnp.take_along_axis(e, source, axis=1),
        jnp.take_along_axis(slope, wide, axis=1),
    )
