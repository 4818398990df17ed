r"""Sharp quadratic majorisers of functions of one variable, the building blocks of those of networks.

A function q has at z0 the majoriser $q(z_0) + q'(z_0) (z - z_0) + \frac c2 (z - z_0)^2$ for every c not below

$$c^* = \sup_z \; 2\,\frac{q(z) - q(z_0) - q'(z_0) (z - z_0)}{(z - z_0)^2}$$

(de Leeuw and Lange, Comput. Stat. Data Anal. 53 (2009) 2471). What a unit adds to the loss is
$q(z) = h (\sigma(z) - \sigma(z_0)) + \frac d2 (\sigma(z) - \sigma(z_0))^2$ with h the slope of the loss in the
activation, of either sign, and $d \geq 0$ the curvature of what majorises the rest of the network.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...parts.activation import Activation, Gelu, Identity, Relu, Sigmoid, Softplus, Tanh
from ...parts.loss import Logistic, Loss, Square
from .network import ACTIVATIONS, CrossEntropy

if TYPE_CHECKING:
    from jaxtyping import Float

_REACH, _CELLS = 8.0, 4096


def unit_curvature(
    activation: Activation, h: Float[jax.Array, "..."], d: Float[jax.Array, "..."], z: Float[jax.Array, "..."]
) -> Float[jax.Array, "..."]:
    r"""The curvature c of a majoriser of one unit: $q(z') \leq q(z) + q'(z) (z' - z) + \frac c2 (z' - z)^2$ for all z'.

    Sharp for relu, the identity, and softplus and logistic terms alone; for tanh, sigmoid and gelu each of the two
    terms is bounded by its own sharp constant, tabulated and rounded up by 0.01 %. For relu with h > 0 the constant is
    that of the kink, h/(2|z|) where d is small: it grows without bound as z tends to 0, and there the majoriser is
    that of a field at distance 16 ulp, off by at most h times this distance.
    """
    match activation:
        case Identity():
            return d + jnp.zeros_like(z)
        case Relu():
            return _relu(h, d, z)
        case Softplus():
            return jnp.maximum(h, 0.0) * logistic_curvature(z) + d
        case Tanh() | Gelu():
            return tabulated(activation, h, d, z)
        case Sigmoid():
            return tabulated(Tanh(), h / 8, d / 16, z / 2)
    names = ", ".join(c.__name__ for c in ACTIVATIONS)
    raise StatementError(f"There is no majoriser for the activation {activation!r}. Supported: {names}.")


def loss_curvature(loss: Loss | CrossEntropy, z: Float[jax.Array, "n outputs"]) -> Float[jax.Array, "n outputs"]:
    """The curvature, for each sample and output (n, outputs), of a quadratic majoriser of the loss at z.

    1 for the square loss, which it is; tanh(z/2)/2z for the logistic, which touches again at -z (Jaakkola and Jordan,
    Stat. Comput. 10 (2000) 25); 1/2 for cross-entropy (Boehning, Ann. Inst. Stat. Math. 44 (1992) 197), attained
    where two classes share all probability.
    """
    match loss:
        case Square():
            return jnp.ones_like(z)
        case Logistic():
            return logistic_curvature(z)
    return jnp.full_like(z, 0.5)


def logistic_curvature(z: Float[jax.Array, "..."]) -> Float[jax.Array, "..."]:
    """tanh(z/2) / 2z, the sharp constant of log(1 + exp(z)) at z; 1/4 at 0."""
    small = jnp.abs(z) < 1e-3
    safe = jnp.where(small, 1.0, z)
    return jnp.where(small, 0.25 - z**2 / 48 + z**4 / 480, jnp.tanh(safe / 2) / (2 * safe))


def _relu(
    h: Float[jax.Array, "..."], d: Float[jax.Array, "..."], z: Float[jax.Array, "..."]
) -> Float[jax.Array, "..."]:
    """d where the kink lies below the parabola of d, that is where h <= d |z|; else a^2 / 4(a - d), a = 2h/|z|."""
    a = 2 * h / jnp.maximum(jnp.abs(z), 16 * np.finfo(z.dtype).eps)
    kinked = a > 2 * d
    return jnp.where(kinked, a**2 / (4 * jnp.where(kinked, a - d, 1.0)), d)


def tabulated(
    activation: Any, h: Float[jax.Array, "..."], d: Float[jax.Array, "..."], z: Float[jax.Array, "..."]
) -> Float[jax.Array, "..."]:
    """`unit_curvature` of a smooth activation, or of a function with a `derivative`, each term by its own constant."""
    rising, falling, chords = (jnp.asarray(t, z.dtype) for t in _tables(activation))

    def read(table: jax.Array) -> jax.Array:
        place = jnp.clip((z + _REACH) * (_CELLS / (2 * _REACH)), 0, _CELLS)
        low = jnp.minimum(place.astype(jnp.int32), _CELLS - 1)
        return table[low] + (place - low) * (table[low + 1] - table[low])

    return jnp.abs(h) * jnp.where(h < 0, read(falling), read(rising)) + d * read(chords) ** 2


@lru_cache(maxsize=16)
def _tables(
    activation: Any,
) -> tuple[Float[np.ndarray, " places"], Float[np.ndarray, " places"], Float[np.ndarray, " places"]]:
    """At z0 from -8 to 8, c* of the unit and of minus the unit, and the steepest chord from z0, rounded up.

    By one part in 10^4 and by 1e-7, which is more than the error of interpolating them. All fall outward from the ends,
    whose values stand for what lies beyond.
    """
    z0 = np.linspace(-_REACH, _REACH, _CELLS + 1)[:, None]
    y0, slope = np.asarray(activation(z0)), np.asarray(activation.derivative(z0))

    def bend(away: np.ndarray) -> np.ndarray:
        return 2 * (activation(z0 + away) - y0 - slope * away) / away**2

    def chord(away: np.ndarray) -> np.ndarray:
        return np.abs(activation(z0 + away) - y0) / np.abs(away)

    tables = []
    for q in (bend, lambda away: -bend(away), chord):
        top = np.maximum(_largest(q, z0.shape, 1.0), _largest(q, z0.shape, -1.0))
        tables.append((1 + 1e-4) * np.maximum(top, 0.0) + 1e-7)
    return tables[0], tables[1], tables[2]


def _largest(q: Any, shape: tuple[int, int], side: float) -> Float[np.ndarray, " places"]:
    """max of q over distances from 1e-3 to 1e8 on one side: the best of a grid of their logarithms, and around it."""
    grid = np.linspace(np.log(1e-3), np.log(1e8), 160)
    best = grid[np.argmax(q(side * np.exp(np.broadcast_to(grid, (shape[0], len(grid))))), axis=1)][:, None]
    width = grid[1] - grid[0]
    for _ in range(20):
        around = best + width * np.linspace(-1, 1, 5)
        best = np.take_along_axis(around, np.argmax(q(side * np.exp(around)), axis=1)[:, None], 1)
        width /= 1.8
    return q(side * np.exp(best))[:, 0]
