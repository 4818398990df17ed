"""Linear maps with their adjoints and norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...numerics.arrays import ArrayLike, Key

if TYPE_CHECKING:
    from jaxtyping import Float, Real


class Dense(eqx.Module):
    """y -> K y with `weight` K of shape (hidden, features)."""

    weight: Float[Any, "hidden features"]

    @classmethod
    def random(cls, features: int, hidden: int, key: Key) -> Dense:
        """A dense map with entries of variance 1 / features."""
        return cls(jax.random.normal(key, (hidden, features)) / np.sqrt(features))

    def __call__(self, y: Real[ArrayLike, " features"]) -> Float[Any, " hidden"]:
        """K y, of shape (hidden,)."""
        return self.weight @ y

    def bias(self) -> Float[Any, " hidden"]:
        """A zero bias (hidden,) for this map."""
        return jnp.zeros(self.weight.shape[0])

    def norm(self) -> Float[Any, ""]:
        """The largest singular value."""
        return jnp.linalg.norm(self.weight, 2)


class Convolution(eqx.Module):
    """A periodic convolution of images (channels, rows, columns); `kernel` is (hidden, channels, k, k), k odd."""

    kernel: Float[Any, "hidden channels ..."]

    @classmethod
    def random(cls, channels: int, hidden: int, key: Key, size: int = 3) -> Convolution:
        """A convolution with entries of variance 1 / (channels size**2). Raises `ValueError` if `size` is even."""
        if size % 2 == 0:
            raise ValueError(f"`size` must be odd, so that a window has a centre, but is {size}.")
        return cls(jax.random.normal(key, (hidden, channels, size, size)) / np.sqrt(channels * size**2))

    def __call__(self, y: Real[ArrayLike, "channels rows columns"]) -> Float[Any, "hidden rows columns"]:
        """The convolved image, (hidden, rows, columns)."""
        half = self.kernel.shape[-1] // 2
        padded = jnp.pad(y, ((0, 0), (half, half), (half, half)), mode="wrap")
        return jax.lax.conv(padded[None], self.kernel, (1, 1), "VALID")[0]

    def bias(self) -> Any:
        """A zero bias for this map, one number a channel."""
        return jnp.zeros((self.kernel.shape[0], 1, 1))

    def norm(self, side: int | None = None) -> Float[Any, ""]:
        """The largest singular value on periodic images of side x side points; without `side`, a bound for all.

        The bound is the largest of 64 x 64 frequencies, over cos(pi m / 64)**2 for kernels of size 2 m + 1, since a
        trigonometric polynomial of degree m cannot exceed its values there by more.
        """
        points = 64 if side is None else side
        half = self.kernel.shape[-1] // 2
        phase = 2j * jnp.pi / points * jnp.outer(jnp.arange(points), jnp.arange(-half, half + 1))
        symbol = jnp.einsum("hcxy,ax,by->abhc", self.kernel, jnp.exp(phase), jnp.exp(phase))
        largest = jnp.linalg.norm(symbol, 2, axis=(-2, -1)).max()
        return largest if side else largest / np.cos(np.pi * half / points) ** 2


def adjoint(
    operator: Callable[[Any], Any], like: Real[ArrayLike, "..."], z: Real[ArrayLike, "..."]
) -> Float[Any, "..."]:
    """K^T z, for a linear map K of arrays shaped like `like`."""
    return jax.linear_transpose(operator, like)(z)[0]
