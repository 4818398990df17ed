"""The boomerang sampler for any log-density, relative to a normal distribution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from blackjax.base import SamplingAlgorithm
from jax.flatten_util import ravel_pytree

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Logdensity
from .thinning import PathInfo, PathState, Process, advance, check_rates, downhill, started
from .walls import Constraints, walls_of

if TYPE_CHECKING:
    from jaxtyping import Float, Real


def boomerang(
    logdensity: Logdensity,
    length: float,
    mean: PyTree,
    covariance: Real[ArrayLike, "... d"],
    *,
    refreshment: float = 1.0,
    lipschitz: float | None = None,
    constraints: Constraints | None = None,
) -> SamplingAlgorithm:
    r"""The boomerang sampler: elliptic paths, which leave a normal distribution $N(m, \Sigma)$ invariant.

    $\dot x = v$, $\dot v = -(x - m)$ with velocities drawn from $N(0, \Sigma)$. With $U = -\log p$ and
    $\Phi(x) = U(x) - (x - m) \Sigma^{-1} (x - m) / 2$, the reflection
    $v \to v - 2 \Sigma \nabla \Phi (v \cdot \nabla \Phi) / (\nabla \Phi \cdot \Sigma \nabla \Phi)$ happens at the
    rate $\max(0, v \cdot \nabla \Phi)$, a refreshment at the rate `refreshment`. Bierkens, Grazzi, Kamatani and
    Roberts, Proc. Mach. Learn. Res. 119 (2020) 908.

    mean: m, of the shape of a position. covariance: $\Sigma$, a positive definite matrix (d, d), or d variances.
    lipschitz: of the gradient of $\Phi$. A step follows the path for the time `length`; `logdensity`, bounds, faults
    and `constraints` as for `zig_zag`.
    """
    check_rates(length=length, refreshment=refreshment, lipschitz=lipschitz)
    m = np.concatenate([np.ravel(np.asarray(a, float)) for a in jax.tree.leaves(mean)])
    root = _root(covariance, m.shape[0])
    inverse = np.linalg.inv(root)
    sigma, precision = root @ root.T, inverse.T @ inverse

    def flow(x: ArrayLike, v: ArrayLike, t: ArrayLike) -> tuple[Any, Any]:
        return m + (x - m) * jnp.cos(t) + v * jnp.sin(t), v * jnp.cos(t) - (x - m) * jnp.sin(t)

    def step(rng_key: Key, state: PathState) -> tuple[PathState, PathInfo]:
        slope, d = downhill(logdensity, state.position)
        back = ravel_pytree(state.position)[1]

        def excess(x: ArrayLike) -> Any:
            return slope(x) - precision @ (x - m)

        def turn(x: ArrayLike, v: ArrayLike, i: jax.Array) -> Any:
            g = excess(x)
            return v - 2 * (sigma @ g) * (v @ g) / (g @ sigma @ g)

        process = Process(
            flow=flow,
            slopes=lambda x, v: (v @ excess(x))[None],
            turn=turn,
            draw=lambda key: root @ jax.random.normal(key, (d,)),
            integral=_ellipse(m),
            rate=refreshment,
            growth=None if lipschitz is None else lambda x, v, t: _growth(excess(x), x - m, v, t, lipschitz),
            logdensity=lambda x: jnp.asarray(logdensity(back(x)), x.dtype),
            walls=walls_of(constraints, state.position),
            mirror=lambda v, normal: v - 2 * (sigma @ normal) * (v @ normal) / (normal @ sigma @ normal),
            base=lambda x: -(x - m) @ precision @ (x - m) / 2,
        )
        return advance(process, length, rng_key, state)

    return SamplingAlgorithm(started(logdensity, constraints), step)


def _growth(
    excess: Float[jax.Array, " d"],
    offset: Float[jax.Array, " d"],
    v: Float[jax.Array, " d"],
    t: Real[ArrayLike, ""],
    lipschitz: float,
) -> Float[jax.Array, " 1"]:
    """How much the rate of reflections can grow within the time t, (1,); offset: x - m."""
    radius = jnp.sqrt(offset @ offset) + jnp.sqrt(v @ v)  # of the ellipse, and the largest speed on it
    steep = jnp.sqrt(excess @ excess) + lipschitz * radius * t
    return jnp.reshape(t * (radius * steep + lipschitz * radius**2), 1)


def _ellipse(m: ArrayLike) -> Any:
    def integral(x: ArrayLike, v: ArrayLike, t: ArrayLike) -> tuple[Any, Any]:
        c, sine, cosine = x - m, jnp.sin(t), jnp.cos(t)
        first = c * sine + v * 2 * jnp.sin(t / 2) ** 2
        second = c**2 * (t + sine * cosine) / 2 + v**2 * (t - sine * cosine) / 2 + c * v * sine**2
        return m * t + first, m**2 * t + 2 * m * first + second

    return integral


def _root(covariance: Real[ArrayLike, "... d"], d: int) -> Float[np.ndarray, "d d"]:
    """A lower triangular root of the covariance. Raises `StatementError` unless it is one."""
    given = np.asarray(covariance, float)
    matrix = np.diag(given) if given.ndim == 1 else given
    if matrix.shape != (d, d) or not np.isfinite(matrix).all() or not np.allclose(matrix, matrix.T, atol=0):
        raise StatementError(
            f"`covariance` must be a symmetric matrix ({d}, {d}) or {d} variances, all finite, but has shape "
            f"{given.shape}."
        )
    try:
        return np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        least = np.linalg.eigvalsh(matrix)[0]
        raise StatementError(
            f"`covariance` must be positive definite, but its smallest eigenvalue is {least:.6g}."
        ) from None
