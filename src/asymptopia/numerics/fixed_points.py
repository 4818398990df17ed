"""Fixed points by damped or accelerated iteration and Newton steps, accepted on the undamped residual alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from .arrays import ArrayLike, PyTree

if TYPE_CHECKING:
    from jaxtyping import Float, Int, Real

Map = Callable[[np.ndarray], np.ndarray]


class NotConverged(ArithmeticError):
    """An iteration stopped with its undamped residual above the tolerance; the message says how far above."""


def fixed_point(
    step: Map,
    start: Real[ArrayLike, " n"],
    *,
    tolerance: float = 1e-10,
    damping: float = 0.0,
    memory: int = 5,
    iterations: int = 10_000,
) -> Float[np.ndarray, " n"]:
    """The solution x of x = step(x), from `start` of shape (n,), by Anderson-accelerated damped iteration.

    damping: the share of the old iterate that is kept, in [0, 1). memory: past iterates used (0: none).
    Accepted when max |step(x) - x| <= tolerance * max(1, |x|), whatever the damping.
    Raises `NotConverged` after `iterations`, or as soon as the iterates are not finite.
    Source: Walker and Ni, SIAM J. Numer. Anal. 49 (2011) 1715, algorithm AA.
    """
    if not 0 <= damping < 1:
        raise ValueError(f"`damping` must be >= 0 and < 1, but is {damping}.")
    x = np.atleast_1d(np.asarray(start, float)).copy()
    xs: list[np.ndarray] = []
    residuals: list[np.ndarray] = []
    best = np.inf
    for _ in range(iterations):
        r = np.asarray(step(x), float) - x
        size = float(np.max(np.abs(r) / np.maximum(1.0, np.abs(x)), initial=0.0))
        if not np.isfinite(r).all():
            if not xs:
                break
            x, xs, residuals = xs[-1] + 0.1 * residuals[-1], [], []
            continue
        if size <= tolerance:
            return x
        if size > 10 * best:
            xs, residuals = [], []
        best = min(best, size)
        xs, residuals = [*xs, x][-memory - 1 :], [*residuals, r][-memory - 1 :]
        x = _accelerated(xs, residuals, 1 - damping) if memory else x + (1 - damping) * r
    raise NotConverged(f"No fixed point was reached: the residual is still {size:.1e}, above {tolerance:g}.")


def _accelerated(
    xs: list[Float[np.ndarray, " _n"]], residuals: list[Float[np.ndarray, " _n"]], share: float
) -> Float[np.ndarray, " n"]:
    x, r = xs[-1], residuals[-1]
    if len(xs) == 1:
        return x + share * r
    dx, dr = np.diff(np.array(xs), axis=0).T, np.diff(np.array(residuals), axis=0).T
    gamma = np.linalg.lstsq(dr, r, rcond=1e-12)[0]
    return x + share * r - (dx + share * dr) @ gamma


def solve_batch(
    step: Callable[[Float[np.ndarray, "k n"], Int[np.ndarray, " k"]], Float[np.ndarray, "k n"]],
    start: Float[np.ndarray, "K n"],
    *,
    tolerance: float = 1e-10,
    warm: int = 20,
    damping: float = 0.5,
    rounds: int = 40,
    accept: float | None = None,
) -> tuple[Float[np.ndarray, "K n"], Float[np.ndarray, " K"]]:
    """Solutions x of x = step(x) for K problems of n unknowns at once: (K, n), and their undamped residuals (K,).

    step(x, members): maps the unknowns (k, n) of the problems `members` (k,). start: (K, n).

    Anderson acceleration with a memory of n, a secant method, comes first. Where it fails, damped iterations (`warm` of
    them) alternate with Newton steps whose Jacobian is by differences. A solved problem drops out. It counts as solved
    if the residual is at most `tolerance`, or at most `accept` where rounding keeps Newton from improving it.

    Raises `NotConverged`, naming how many are not solved, after `rounds`.
    """
    x = np.array(start, float)
    count = len(x)
    accept = tolerance if accept is None else accept
    x, residual = accelerated(step, x, tolerance)
    left = np.flatnonzero(~(residual <= tolerance))
    x[left] = np.array(start, float)[left]
    for k in range(rounds if len(left) else 0):
        for _ in range(warm if k == 0 else warm * (1 + k // 4) if k % 4 == 0 else 0):
            new = step(x[left], left)
            x[left] = np.where(np.isfinite(new), damping * x[left] + (1 - damping) * new, x[left])
        before = residual[left]
        x[left], residual[left] = _newton(step, x[left], left, tolerance)
        stalled = (residual[left] <= accept) & (residual[left] >= 0.3 * before)
        left = left[~((residual[left] <= tolerance) | stalled)]
        if not len(left):
            break
    if not len(left):
        return x, residual
    raise NotConverged(
        f"{len(left)} of {count} fixed points were not reached: the largest residual is {np.max(residual[left]):.1e}, "
        f"above {tolerance:g}."
    )


def accelerated(
    step: Callable[[Float[np.ndarray, "k n"], Int[np.ndarray, " k"]], Float[np.ndarray, "k n"]],
    start: Float[np.ndarray, "K n"],
    tolerance: float,
    iterations: int = 30,
) -> tuple[Float[np.ndarray, "K n"], Float[np.ndarray, " K"]]:
    """Anderson acceleration of K problems with steps of at most 2: solutions (K, n) and residuals (inf if unsolved)."""
    x, residual = start.copy(), np.full(len(start), np.inf)
    left = np.arange(len(start))
    xs: list[np.ndarray] = []
    fs: list[np.ndarray] = []
    at = start.copy()
    for _ in range(iterations):
        f = step(at, left) - at
        size = _size(f)
        solved, alive = size <= tolerance, np.isfinite(size)
        x[left[solved]], residual[left[solved]] = at[solved], size[solved]
        keep = ~solved & alive
        if not keep.any():
            break
        left, at, f = left[keep], at[keep], f[keep]
        xs, fs = [v[keep] for v in xs], [v[keep] for v in fs]
        xs, fs = [*xs, at][-start.shape[1] - 1 :], [*fs, f][-start.shape[1] - 1 :]
        move = f if len(xs) > 1 else 0.7 * f
        if len(xs) > 1:
            dx, df = (np.stack([b - a for a, b in itertools.pairwise(v)], axis=-1) for v in (xs, fs))
            gram = np.einsum("kia,kib->kab", df, df)
            diagonal = np.einsum("kaa->ka", gram).sum(axis=1)
            gram += (1e-14 * diagonal + 1e-300)[:, None, None] * np.eye(gram.shape[1])
            gamma = np.linalg.solve(gram, np.einsum("kia,ki->ka", df, f)[..., None])
            move = f - ((dx + df) @ gamma)[..., 0]
        largest = np.abs(move).max(axis=1, keepdims=True)
        at = at + move * np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))
    return x, residual


def _newton(
    step: Callable[[Float[np.ndarray, "k n"], Int[np.ndarray, " k"]], Float[np.ndarray, "k n"]],
    x: Float[np.ndarray, "k n"],
    members: Int[np.ndarray, " k"],
    tolerance: float,
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, " k"]]:
    """Up to four Newton steps, each shortened until the residual falls; the best point and its residual."""
    n = x.shape[1]
    f = step(x, members) - x
    size = _size(f)
    for _ in range(4):
        if np.all(size <= 1e-3 * tolerance):
            break
        h = 1e-6 * np.maximum(1.0, np.abs(x))
        many = np.concatenate([x + h * e for e in np.eye(n)])
        moved = step(many, np.tile(members, n)).reshape(n, len(x), n) - many.reshape(n, len(x), n)
        jacobian = np.moveaxis((moved - f) / np.moveaxis(h[None], 2, 0).reshape(n, len(x), 1), 0, -1)
        usable = np.isfinite(jacobian).all(axis=(1, 2)) & np.isfinite(f).all(axis=1)
        usable &= np.abs(np.linalg.det(np.where(usable[:, None, None], jacobian, np.eye(n)))) > 1e-300
        jacobian = np.where(usable[:, None, None], jacobian, np.eye(n))
        direction = -np.linalg.solve(jacobian, np.where(usable[:, None], f, 0.0)[..., None])[..., 0]
        x, f, size, improved = _shortened(step, x, members, f, size, direction)
        if not improved:
            break
    return x, size


def _shortened(
    step: Callable[[Float[np.ndarray, "k n"], Int[np.ndarray, " k"]], Float[np.ndarray, "k n"]],
    x: Float[np.ndarray, "k n"],
    members: Int[np.ndarray, " k"],
    f: Float[np.ndarray, "k n"],
    size: Float[np.ndarray, " k"],
    direction: Float[np.ndarray, "k n"],
) -> tuple[Float[np.ndarray, "k n"], Float[np.ndarray, "k n"], Float[np.ndarray, " k"], bool]:
    limit = np.minimum(1.0, 3.0 / np.maximum(np.abs(direction).max(axis=1, keepdims=True), 1e-300))
    x, f, size = x.copy(), f.copy(), size.copy()
    waiting = np.arange(len(x))
    improved = False
    for shrink in (1.0, 0.3, 0.05):
        trial = x[waiting] + shrink * limit[waiting] * direction[waiting]
        moves = step(trial, members[waiting]) - trial
        new = _size(moves)
        better = new < size[waiting]
        chosen = waiting[better]
        x[chosen], f[chosen], size[chosen] = trial[better], moves[better], new[better]
        improved |= bool(better.any())
        waiting = waiting[~better]
        if not len(waiting):
            break
    return x, f, size, improved


def _size(f: Float[np.ndarray, "k n"]) -> Float[np.ndarray, " k"]:
    return np.where(np.isfinite(f).all(axis=1), np.abs(f).max(axis=1), np.inf)


def all_fixed_points(
    step: Map, starts: Iterable[Any], *, tolerance: float = 1e-10, apart: float = 1e-6, **options: Any
) -> list[Float[np.ndarray, " _n"]]:
    """The distinct solutions of x = step(x) reached from several starts, ordered by their first component.

    Two solutions are the same if they differ by less than `apart`, relative to their size. Starts that do not converge
    are skipped; raises `NotConverged` if none converges.
    """
    solutions: list[np.ndarray] = []
    failures = []
    for start in starts:
        try:
            x = fixed_point(step, start, tolerance=tolerance, **options)
        except NotConverged as failure:
            failures.append(str(failure))
            continue
        if not any(np.max(np.abs(x - y)) <= apart * max(1.0, float(np.max(np.abs(y)))) for y in solutions):
            solutions.append(x)
    if not solutions:
        raise NotConverged(failures[0] if failures else "There was no start.")
    return sorted(solutions, key=lambda x: tuple(x))


def implicit(
    step: Callable[..., Any],
    start: Real[ArrayLike, "..."],
    *parameters: ArrayLike,
    tolerance: float = 1e-12,
    iterations: int = 10_000,
) -> Any:
    """The solution x of x = step(x, *parameters) in JAX, differentiable by the implicit function theorem.

    Forward and reverse differentiable in the parameters, at the cost of one linear system; the iteration itself is
    never differentiated. Returns nan where the residual stays above the tolerance, so that it cannot pass for a
    solution.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax

    def residual(x: ArrayLike) -> Any:
        return step(x, *parameters) - x

    def solve(f: Any, x: ArrayLike) -> Any:
        def unsolved(state: PyTree) -> Any:
            count, _, r = state
            return (count < iterations) & ~(jnp.max(jnp.abs(r)) <= tolerance)

        def improve(state: PyTree) -> Any:
            count, x, r = state
            newton = x - jnp.linalg.solve(jax.jacfwd(f)(x), r)
            plain = x + 0.5 * r
            better = jnp.max(jnp.abs(f(newton))) < 0.5 * jnp.max(jnp.abs(r))
            x = jnp.where(better, newton, plain)
            return count + 1, x, f(x)

        _, x, r = lax.while_loop(unsolved, improve, (0, x, f(x)))
        return jnp.where(jnp.max(jnp.abs(r)) <= tolerance, x, jnp.nan)

    def tangent(linear: Any, y: ArrayLike) -> Any:
        return jnp.linalg.solve(jax.jacfwd(linear)(jnp.zeros_like(y)), y)

    return lax.custom_root(residual, jnp.asarray(start, float), solve, tangent)
