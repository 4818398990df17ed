"""The kernel of a wide network on many rows: the mean over some networks of finite width, made in blocks of rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import jax

    from .network import Network

WIDTH, NETS = 256, 8
NUMBERS = 1e8  # of gradients that are held at once, half of it in each of two blocks


class SampledKernel(NamedTuple):
    """The mean kernel over networks, whose diagonal has the mean 1, and its error.

    values: (N, N), positive semidefinite; error: the root mean square of the standard errors of its entries.
    """

    values: np.ndarray
    error: float


def sampled_kernel(
    network: Network, X: np.ndarray, tangent: bool, width: int = WIDTH, nets: int = NETS
) -> SampledKernel:
    """The kernel over rows of X (N, d), the mean over `nets` networks of this width, in single precision.

    Inner products of the gradients of the outputs in all parameters, or in those of the output alone. The error falls
    as (nets width)**-1/2; what the finite width shifts, of order 1/width, is not in it. Takes nets N**2 / 2 products
    of as many numbers as there are parameters, and memory for some matrices (N, N). nets: at least two.
    """
    import jax

    mean, squares = np.zeros((2, len(X), len(X)))
    for count, key in enumerate(jax.random.split(jax.random.key(0), nets), 1):
        K = _blocks(*_gradients(network, X, key, tangent, width))
        away = K / np.mean(np.diag(K)) - mean
        mean += away / count
        squares += (1 - 1 / count) * away**2
    return SampledKernel(mean, float(np.sqrt(squares.mean() / (nets - 1) / nets)))


def _gradients(
    network: Network, X: np.ndarray, key: jax.Array, tangent: bool, n: int
) -> tuple[Callable[[jax.Array], jax.Array], jax.Array, int]:
    """A function of some inputs that returns the gradient of their outputs, a row each; the inputs; its columns."""
    import jax
    import jax.numpy as jnp

    first, second = jax.random.split(key)
    x = jnp.asarray(X, jnp.float32)
    parameters, features = network(n, first, x)
    parameters = jax.tree.map(
        lambda p: p.astype(jnp.float32) if jnp.issubdtype(p.dtype, jnp.floating) else p, parameters
    )
    v = (jax.random.normal(second, (n,)) / jnp.sqrt(n)).astype(jnp.float32)

    def one(at: Any, row: jax.Array) -> jax.Array:
        h, pull = jax.vjp(lambda p: features(p, row[None])[0], at)
        own = [g.ravel() for g in jax.tree.leaves(pull(v.astype(h.dtype))[0])] if tangent else []
        return jnp.concatenate([h / jnp.sqrt(n), *own])

    every = jax.jit(jax.vmap(one, (None, 0)))
    return lambda rows: every(parameters, rows), x, jax.eval_shape(one, parameters, x[0]).shape[0]


def _blocks(gradients: Callable[[jax.Array], jax.Array], x: jax.Array, columns: int) -> np.ndarray:
    """The inner products of all gradients, of which two blocks are held at once."""
    N = len(x)
    rows = max(1, min(N, int(NUMBERS / 2 / columns)))
    K = np.empty((N, N))
    for i in range(0, N, rows):
        left = gradients(x[i : i + rows])
        for j in range(i, N, rows):
            right = left if j == i else gradients(x[j : j + rows])
            K[i : i + rows, j : j + rows] = left @ right.T
            K[j : j + rows, i : i + rows] = K[i : i + rows, j : j + rows].T
    return K
