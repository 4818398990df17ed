"""Langevin dynamics and gradient flow of spins on a sphere, with or without a planted signal."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import Key, PyTree
from ...numerics.compiled import compiled
from ...numerics.memory import available

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float

MOST = 1e12  # couplings that all steps read: about an hour
BLOCK = 48  # couplings are kept in blocks of at least as many indices


def spherical_langevin(
    n: int,
    key: Key,
    landscape: Sequence[float],
    temperature: float,
    times: Sequence[float],
    *,
    signal: float = 0.0,
    overlap: float = 1.0,
    step: float | None = None,
) -> dict[str, Float[np.ndarray, "..."]]:
    r"""One trajectory of n spins with $|s|^2 = n$: energy per spin (K,), overlap (K,) and correlation (K, K).

    $$H(s) = -\sum_p \sqrt{f_p n^{1-p}} \sum_{i_1 ... i_p} G_{i_1 ... i_p} s_{i_1} ... s_{i_p}
    - \lambda n f(s \cdot v / n), \qquad ds = -\nabla H dt + \sqrt{2T} dB + \text{constraint},$$

    with standard normal couplings, so that the covariance of the random part is $n f(s \cdot s'/n)$ at every n. The
    signal v is uniform on the sphere and s(0) has overlap exactly `overlap` with it.

    landscape: coefficients $f_p$, constant first; times: >= 0, increasing; signal: $\lambda$.
    step:      by default a fraction of the fastest relaxation time that falls as n**(-1/2).

    Each step is a rotation by Brownian motion on the sphere, a midpoint step of the gradient flow, and a rotation:
    an error of second order in the step, which by default vanishes as 1/n. Of the n**p couplings of order p those that
    contribute alike are drawn as one. Raises `StatementError` if they would not fit into memory.
    """
    import jax
    import jax.numpy as jnp

    f = tuple(float(a) for a in landscape)
    refuse_what_does_not_fit(n, f)
    grid = np.asarray(times, float)
    waits = np.diff(grid, prepend=0.0)
    longest = time_step(n, f, temperature, signal) if step is None else step
    counts = np.ceil(waits / longest - 1e-9).astype(int)
    _refuse_what_takes_hours(n, f, int(counts.sum()))
    lengths = waits / np.maximum(counts, 1)
    values = _trajectory(n, f, jnp.asarray([temperature, signal, overlap]), counts, lengths, key)
    names = ("energy", "overlap", "correlation")
    observables = dict(zip(names, jax.tree.map(np.asarray, values), strict=True))
    if not all(np.isfinite(v).all() for v in observables.values()):
        raise ArithmeticError(f"The dynamics blew up with a step of {longest:g}; a step of {longest / 4:g} may do.")
    return observables


def time_step(n: int, landscape: Sequence[float], temperature: float, signal: float) -> float:
    """A stable time step that falls as n**(-1/2), so that its bias falls as 1/n."""
    first = sum(p * a for p, a in enumerate(landscape))
    second = sum(p * (p - 1) * a for p, a in enumerate(landscape))
    fastest = 4 * math.sqrt(second) + temperature + signal * (first + second)
    return 0.8 / fastest * math.sqrt(32 / n)


def refuse_what_does_not_fit(n: int, landscape: Sequence[float]) -> None:
    """Raise `StatementError` if the couplings of n spins exceed the free memory; it says how many spins would fit."""
    orders = [p for p, a in enumerate(landscape) if a > 0]

    def need(m: int) -> float:
        return 8.0 * 1.5 * sum(math.prod(shape) for p in orders for *_, shape in _blocks(m, p))

    limit = available()
    if need(n) > limit:
        fits = n
        while need(fits) > limit:
            fits = int(fits * 0.95)
        raise StatementError(
            f"The couplings of {n} spins need {need(n) / 1e9:.3g} GB, but {limit / 1e9:.3g} are available; "
            f"{fits} spins would fit."
        )


def _refuse_what_takes_hours(n: int, landscape: Sequence[float], steps: int) -> None:
    """Raise `StatementError` if all steps together pass through the couplings too often."""
    passed = float(steps) * sum(
        math.prod(shape) for p, a in enumerate(landscape) if a > 0 for *_, shape in _blocks(n, p)
    )
    if passed > MOST:
        raise StatementError(
            f"{steps} steps through the couplings of {n} spins take {passed:.2g} operations, at most {MOST:.0e} "
            "are admitted: choose earlier times, a weaker signal, or fewer spins."
        )


def _blocks(n: int, p: int) -> Iterator[tuple[int, int, int, tuple[int, ...]]]:
    """Blocks of ordered couplings: the first r of p indices in [low, high), the others above; and the block's shape.

    By (X + Y)**p - Y**p = sum over r >= 1 of binomial(p, r) X**r Y**(p - r), each stands for binomial(p, r) of them.
    """
    count = min(8, max(1, n // BLOCK))
    edges = [round(i * n / count) for i in range(count + 1)]
    for low, high in itertools.pairwise(edges):
        for r in range(1, p + 1):
            if r == p or high < n:
                yield low, high, r, (high - low,) * r + (n - high,) * (p - r)


@compiled("n", "f")
def _trajectory(n: int, f: tuple[float, ...], numbers: Any, counts: Any, lengths: Any, key: Key) -> Any:
    import jax
    import jax.numpy as jnp
    from jax import lax

    temperature, signal, overlap = numbers
    keys = jax.random.split(key, 4)
    couplings = _draw(n, f, keys[0])
    v = _on_sphere(jax.random.normal(keys[1], (n,)))
    other = jax.random.normal(keys[2], (n,))
    s = overlap * v + jnp.sqrt(1 - overlap**2) * _on_sphere(other - (other @ v) / n * v)

    def energy(s: jax.Array) -> Any:
        return _random_energy(couplings, f, s) - signal * n * jnp.polyval(jnp.asarray(f[::-1]), s @ v / n)

    def velocity(s: jax.Array) -> Any:
        force = -jax.grad(energy)(s)
        return force - (force @ s) / n * s

    def wait(carry: PyTree, interval: tuple[jax.Array, jax.Array]) -> Any:
        count, h = interval

        def move(_: Any, carry: PyTree) -> Any:
            s, key = carry
            key, now = jax.random.split(key)
            before, after = jax.random.normal(now, (2, n))
            s = _flow(velocity, _diffuse(s, temperature * h / 2, before), h)
            return _diffuse(s, temperature * h / 2, after), key

        carry = lax.fori_loop(0, count, move, carry)
        return carry, carry[0]

    _, states = lax.scan(wait, (s, keys[3]), (counts, lengths))
    return lax.map(energy, states) / n, states @ v / n, states @ states.T / n


def _draw(n: int, f: tuple[float, ...], key: Key) -> list[list[Any]]:
    """Standard normal couplings of every order, block by block."""
    import jax

    return [
        [
            jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, p), i), shape)
            for i, (*_, shape) in enumerate(_blocks(n, p))
        ]
        for p, a in enumerate(f)
        if a > 0
    ]


def _random_energy(couplings: list[list[Any]], f: tuple[float, ...], s: Float[jax.Array, " n"]) -> Any:
    n = s.shape[0]
    total = 0.0
    for p, blocks in zip((p for p, a in enumerate(f) if a > 0), couplings, strict=True):
        for (low, high, r, _), block in zip(_blocks(n, p), blocks, strict=True):
            for vector in [s[high:]] * (p - r) + [s[low:high]] * r:
                block = block @ vector
            total -= math.sqrt(f[p] * n ** (1.0 - p) * math.comb(p, r)) * block
    return total


def _on_sphere(s: Float[jax.Array, " n"]) -> Any:
    import jax.numpy as jnp

    return s * jnp.sqrt(s.shape[0] / (s @ s))


def _flow(velocity: Any, s: Float[jax.Array, " n"], h: Float[jax.Array, ""]) -> Any:
    """One step of the gradient flow by the midpoint rule, back on the sphere."""
    from jax import lax

    def stage(s_half: jax.Array, _: Any) -> Any:
        v = velocity(s_half)
        return s + h / 2 * v, v

    _, moved = lax.scan(stage, s, None, length=2)
    return _on_sphere(s + h * moved[1])


def _diffuse(s: Float[jax.Array, " n"], time: Float[jax.Array, ""], noise: Float[jax.Array, " n"]) -> Any:
    """Brownian motion on the sphere: exact mean, and second moments up to time**2 / n."""
    import jax.numpy as jnp

    n = s.shape[0]
    decay = time * (n - 1) / n
    return jnp.exp(-decay) * s + jnp.sqrt(-jnp.expm1(-2 * decay)) * _on_sphere(noise - (noise @ s) / n * s)
