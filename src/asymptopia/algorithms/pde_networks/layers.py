r"""Layers of Ruthotto and Haber, J. Math. Imaging Vis. 62 (2020) 352: steps of parabolic and hyperbolic equations.

K stands for a linear map (`Dense`, `Convolution` or your own with `bias()` and `norm()`), $\sigma$ for a monotone
activation of slopes in [0, `slope`], h for the step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ...numerics.arrays import ArrayLike
from .operators import adjoint

if TYPE_CHECKING:
    from jaxtyping import Float, Real

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


class Parabolic(eqx.Module):
    r"""The layer $y \mapsto y - h K^T \sigma(K y + b)$, a gradient step on a convex function of y.

    It never expands a distance if $h \cdot \mathrm{slope} \cdot \|K\|^2 \le 2$.
    """

    operator: Callable[[Any], Any]
    bias: Any
    step: float
    activation: Callable[[Any], Any] = eqx.field(static=True)
    slope: float = eqx.field(static=True, default=1.0)

    def __init__(
        self, operator: Any, step: float, activation: Callable[[Any], Any] = jnp.tanh, slope: float = 1.0
    ) -> None:
        self.operator, self.bias, self.step = operator, operator.bias(), check_step(step)
        self.activation, self.slope = activation, slope

    @classmethod
    def stable(
        cls, operator: Any, share: float = 1.0, activation: Callable[[Any], Any] = jnp.tanh, slope: float = 1.0
    ) -> Parabolic:
        """The layer whose step is this share of the largest stable one, 2 / (slope norm**2)."""
        return cls(operator, share * 2 / (slope * operator.norm() ** 2), activation, slope)

    def __call__(self, y: Real[ArrayLike, "..."]) -> Float[Any, "..."]:
        """The state after the layer, of the same shape."""
        return y - self.step * _force(self.operator, self.bias, self.activation, y)

    def energy(self, y: Real[ArrayLike, "..."]) -> Float[Any, ""]:
        r"""The convex function $\sum S(K y + b)$, $S' = \sigma$, that the layer descends."""
        return primitive(self.activation, self.operator(y) + self.bias)


class Hamiltonian(eqx.Module):
    r"""A leapfrog step of $\dot y = K_1^T \sigma(K_1 z + b_1)$, $\dot z = -K_2^T \sigma(K_2 y + b_2)$ on pairs (y, z).

    It preserves volume, is undone by `inverse`, and preserves `energy` up to $h^2$.
    """

    first: Callable[[Any], Any]
    second: Callable[[Any], Any]
    first_bias: Any
    second_bias: Any
    step: float
    activation: Callable[[Any], Any] = eqx.field(static=True)

    def __init__(self, first: Any, second: Any, step: float, activation: Callable[[Any], Any] = jnp.tanh) -> None:
        self.first, self.second, self.step = first, second, check_step(step)
        self.first_bias, self.second_bias, self.activation = first.bias(), second.bias(), activation

    def __call__(self, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """(y, z) after the layer."""
        return leapfrog(self._drift, self._kick, state, self.step)

    def inverse(self, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """(y, z) before the layer."""
        return leapfrog(self._drift, self._kick, state, -self.step)

    def energy(self, state: tuple[Any, Any]) -> Float[Any, ""]:
        r"""$\sum S(K_1 z + b_1) + \sum S(K_2 y + b_2)$ with $S' = \sigma$."""
        y, z = state
        moving = primitive(self.activation, self.first(z) + self.first_bias)
        return moving + primitive(self.activation, self.second(y) + self.second_bias)

    def _drift(self, z: Real[ArrayLike, "..."]) -> Any:
        return _force(self.first, self.first_bias, self.activation, z)

    def _kick(self, y: Real[ArrayLike, "..."]) -> Any:
        return -_force(self.second, self.second_bias, self.activation, y)


class SecondOrder(eqx.Module):
    r"""A leapfrog step of $\ddot y = -K^T \sigma(K y + b)$ on pairs of y and its velocity.

    It preserves volume, is undone by `inverse`, and preserves `energy` up to $h^2$.
    """

    operator: Callable[[Any], Any]
    bias: Any
    step: float
    activation: Callable[[Any], Any] = eqx.field(static=True)

    def __init__(self, operator: Any, step: float, activation: Callable[[Any], Any] = jnp.tanh) -> None:
        self.operator, self.bias, self.step = operator, operator.bias(), check_step(step)
        self.activation = activation

    def __call__(self, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """(y, velocity) after the layer."""
        return leapfrog(_itself, self._kick, state, self.step)

    def inverse(self, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """(y, velocity) before the layer."""
        return leapfrog(_itself, self._kick, state, -self.step)

    def energy(self, state: tuple[Any, Any]) -> Float[Any, ""]:
        r"""$|\dot y|^2 / 2 + \sum S(K y + b)$ with $S' = \sigma$."""
        y, velocity = state
        return (velocity**2).sum() / 2 + primitive(self.activation, self.operator(y) + self.bias)

    def _kick(self, y: Real[ArrayLike, "..."]) -> Any:
        return -_force(self.operator, self.bias, self.activation, y)


def leapfrog(
    drift: Callable[[Any], Any], kick: Callable[[Any], Any], state: tuple[Any, Any], step: Real[ArrayLike, ""]
) -> tuple[Any, Any]:
    """Half a kick of z, a drift of y, and half a kick of z; the opposite step is the inverse."""
    y, z = state
    z = z + step / 2 * kick(y)
    y = y + step * drift(z)
    return y, z + step / 2 * kick(y)


def primitive(activation: Callable[[Any], Any], field: Real[ArrayLike, "..."]) -> Float[Any, ""]:
    """The sum, over the preactivations, of the integral of the activation from zero."""
    nodes = (_NODES.reshape(-1, *[1] * jnp.ndim(field)) + 1) / 2
    inside = jnp.tensordot(_WEIGHTS / 2, activation(nodes * field), 1)
    return (field * inside).sum()


def check_step(step: Real[ArrayLike, ""]) -> Any:
    """The step; raises `ValueError` if it is a number and not positive."""
    if isinstance(step, int | float) and not step > 0:
        raise ValueError(f"`step` must be > 0, but is {step}.")
    return jnp.asarray(step, float)


def _force(
    operator: Any, bias: Real[ArrayLike, "..."], activation: Callable[[Any], Any], y: Real[ArrayLike, "..."]
) -> Float[Any, "..."]:
    return adjoint(operator, y, activation(operator(y) + bias))


def _itself(z: Real[ArrayLike, "..."]) -> Float[Any, "..."]:
    return z
