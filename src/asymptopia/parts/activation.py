"""Activation functions of a unit, and their moments for normal preactivations."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import ArrayLike
from ..numerics.breaks import resolve, thinned
from ..numerics.gaussian import density, nodes
from .loss import namespace
from .own_function import OwnFunction

__all__ = [
    "Activation",
    "Erf",
    "Gelu",
    "Identity",
    "PolynomialUnit",
    "Power",
    "Ramp",
    "Relu",
    "Sigmoid",
    "Sign",
    "Softplus",
    "Tanh",
]

FAR = 5  # activations are searched for jumps and kinks up to 2**5
_WIDE, _ORDER = 2.0, 32
_TAILS = np.array([-18.0, -16.0, -14.0, 14.0, 16.0, 18.0])
_STEEP = np.array([-6.0, -3.0, -1.4, -0.6, 0.0, 0.6, 1.4, 3.0, 6.0])


class Moments(NamedTuple):
    """Moments of an activation f at z ~ N(0, 1).

    mu0: E f(z). mu1: E z f(z). mu_star: the root of E (f(z) - mu0 - mu1 z)**2.
    """

    mu0: float
    mu1: float
    mu_star: float


class Activation(Record):
    """An activation function of the preactivation, elementwise on NumPy and on JAX arrays.

    An activation of your own defines `__call__(self, z)` with arithmetic and `jax.numpy`, or is a plain function; its
    derivative and the points where it is not smooth follow.
    """

    def __call__(self, z: ArrayLike) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, z)`.")

    @classmethod
    def from_callable(cls, function: Callable[[Any], Any]) -> Activation:
        """A plain function f(z) as an activation; a statement shows the function's name."""
        return _Own(function)

    def derivative(self, z: ArrayLike) -> Any:
        """f'(z), elementwise; at a kink, the slope of either side. `StatementError` if JAX finds no derivative."""
        import jax
        import jax.numpy as jnp

        x = jnp.asarray(z, float)
        try:
            slope = jax.jvp(lambda t: jnp.asarray(self(t), float), (x,), (jnp.ones_like(x),))[1]
        except TypeError as error:
            message = f"{self!r} cannot be differentiated: write it with jax.numpy, elementwise. {error}"
            raise StatementError(message) from error
        return np.asarray(slope) if namespace(z) is np else slope

    def breaks(self) -> tuple[float, ...]:
        """The jumps and kinks of f, and the ends of the pieces on which it varies on the scale of 1."""
        return _found_breaks(self)

    def moments(self) -> Moments:
        """The moments mu0, mu1, mu_star of f(z), which make mu0 + mu1 z + mu_star xi its Gaussian equivalent.

        z and xi are independent and standard normal. By quadrature on panels that end at the breaks, to about 1e-13.
        Raises `StatementError` if E f(z)**2 is infinite, or carried by |z| > 14.
        """
        return _moments(self)


class Relu(Activation):
    """max(0, z), of a unit of a network. The channel that makes a label so is `ReLU`."""

    def __call__(self, z: ArrayLike) -> Any:
        return namespace(z).maximum(z, 0.0)

    def derivative(self, z: ArrayLike) -> Any:
        return namespace(z).where(z > 0, 1.0, 0.0)

    def breaks(self) -> tuple[float, ...]:
        return (0.0,)


class Erf(Activation):
    """erf(scale z)."""

    scale: float = field(1.0, "slope at zero, times sqrt(pi)/2", above=0)

    def __call__(self, z: ArrayLike) -> Any:
        return _special(z).erf(self.scale * z)

    def derivative(self, z: ArrayLike) -> Any:
        return 2 / np.sqrt(np.pi) * self.scale * namespace(z, self.scale).exp(-((self.scale * z) ** 2))

    def breaks(self) -> tuple[float, ...]:
        return tuple(float(z) for z in _STEEP / self.scale) if self.scale > 1 else ()


class Tanh(Activation):
    """tanh(z)."""

    def __call__(self, z: ArrayLike) -> Any:
        return namespace(z).tanh(z)

    def derivative(self, z: ArrayLike) -> Any:
        return 1 / namespace(z).cosh(namespace(z).clip(z, -300.0, 300.0)) ** 2

    def breaks(self) -> tuple[float, ...]:
        return ()


class Sigmoid(Activation):
    """1 / (1 + exp(-z))."""

    def __call__(self, z: ArrayLike) -> Any:
        return 0.5 + 0.5 * namespace(z).tanh(0.5 * z)

    def derivative(self, z: ArrayLike) -> Any:
        return 0.25 / namespace(z).cosh(0.5 * namespace(z).clip(z, -600.0, 600.0)) ** 2

    def breaks(self) -> tuple[float, ...]:
        return ()


class Softplus(Activation):
    """log(1 + exp(z))."""

    def __call__(self, z: ArrayLike) -> Any:
        return namespace(z).logaddexp(0.0, z)

    def derivative(self, z: ArrayLike) -> Any:
        return 0.5 + 0.5 * namespace(z).tanh(0.5 * z)

    def breaks(self) -> tuple[float, ...]:
        return ()


class Sign(Activation):
    """1 where z >= 0, else -1, of a unit of a network. The channel that makes a label so has the same name."""

    def __call__(self, z: ArrayLike) -> Any:
        return namespace(z).where(z >= 0, 1.0, -1.0)

    def derivative(self, z: ArrayLike) -> Any:
        return 0.0 * z

    def breaks(self) -> tuple[float, ...]:
        return (0.0,)


class Identity(Activation):
    """The preactivation itself."""

    def __call__(self, z: ArrayLike) -> Any:
        return 1.0 * z

    def derivative(self, z: ArrayLike) -> Any:
        return namespace(z).ones_like(1.0 * z)

    def breaks(self) -> tuple[float, ...]:
        return ()


class Gelu(Activation):
    """z Phi(z), with the normal distribution function Phi."""

    def __call__(self, z: ArrayLike) -> Any:
        return z * _special(z).ndtr(z)

    def derivative(self, z: ArrayLike) -> Any:
        return _special(z).ndtr(z) + z * namespace(z).exp(-(z**2) / 2) / np.sqrt(2 * np.pi)

    def breaks(self) -> tuple[float, ...]:
        return ()


class Power(Activation):
    """z**degree."""

    degree: int = field(2, "whole exponent", at_least=1, at_most=8)

    def __call__(self, z: ArrayLike) -> Any:
        return z**self.degree

    def derivative(self, z: ArrayLike) -> Any:
        return self.degree * z ** (self.degree - 1)

    def breaks(self) -> tuple[float, ...]:
        return ()


class PolynomialUnit(Activation):
    """a_0 + a_1 z + a_2 z**2 + ..."""

    coefficients: tuple[float, ...] = field((0.0, 1.0, 1.0, 1.0), "a_0, a_1, ..., not all zero")

    def __post_init__(self) -> None:
        super().__post_init__()
        a = np.asarray(self.coefficients, float)
        if a.ndim != 1 or not np.isfinite(a).all() or not a.any():
            raise StatementError(
                f"`coefficients` of PolynomialUnit must be numbers, not all 0, but is {self.coefficients}."
            )

    def __call__(self, z: ArrayLike) -> Any:
        value = 0.0 * z
        for a in reversed(self.coefficients):
            value = value * z + a
        return value

    def derivative(self, z: ArrayLike) -> Any:
        value = 0.0 * z
        for k in range(len(self.coefficients) - 1, 0, -1):
            value = value * z + k * self.coefficients[k]
        return value

    def breaks(self) -> tuple[float, ...]:
        return ()


class Ramp(Activation):
    """The constant `low` up to `start`, the constant `high` from `end` on, and a straight line in between."""

    low: float = field(-2.5, "value before the ramp")
    high: float = field(7.5, "value after it")
    start: float = field(0.5, "where it begins")
    end: float = field(1.5, "where it ends")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.end > self.start:
            raise StatementError(f"`end` of Ramp must be > `start`, but is {self.end:g}, with start {self.start:g}.")

    def __call__(self, z: ArrayLike) -> Any:
        share = (z - self.start) / (self.end - self.start)
        return self.low + (self.high - self.low) * namespace(share).clip(share, 0.0, 1.0)

    def derivative(self, z: ArrayLike) -> Any:
        inside = (z > self.start) & (z < self.end)
        return namespace(z).where(inside, (self.high - self.low) / (self.end - self.start), 0.0)

    def breaks(self) -> tuple[float, ...]:
        return (float(self.start), float(self.end))


class _Own(OwnFunction, Activation):
    """A plain function of the field."""

    function: Callable[[Any], Any] = np.tanh

    def __call__(self, z: ArrayLike) -> Any:
        return self.function(z)


def _special(z: ArrayLike) -> Any:
    """SciPy's special functions, or those of JAX."""
    import scipy.special

    if namespace(z) is np:
        return scipy.special
    import jax.scipy.special

    return jax.scipy.special


def _values(activation: Activation, z: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.broadcast_to(np.asarray(activation(z), float), z.shape)


@lru_cache(maxsize=256)
def _found_breaks(activation: Activation) -> tuple[float, ...]:
    with np.errstate(all="ignore"):
        singular, ends = resolve(lambda z: _values(activation, z), FAR)
    short = np.concatenate([np.diff(ends) < 0.5, [False]]) if len(ends) else np.zeros(0, bool)
    return tuple(float(z) for z in np.concatenate([singular, thinned(ends[short], singular)]))


def _moments(activation: Activation) -> Moments:
    (z, w), (rough, v) = (_wide_nodes(activation.breaks(), order) for order in (_ORDER, _ORDER // 2))
    f, far = _values(activation, z), _values(activation, _TAILS)
    with np.errstate(all="ignore"):
        power, coarse, tails = w @ f**2, v @ _values(activation, rough) ** 2, far**2 * density(_TAILS)
    if not (np.isfinite(power) and abs(power - coarse) <= 1e-5 * power and np.all(tails <= 1e-12 * max(power, 1e-300))):
        raise StatementError(f"{activation!r} must have a second moment under a normal distribution, but has none.")
    mu0, mu1 = float(w @ f), float(w @ (z * f))
    return Moments(mu0, mu1, float(np.sqrt(w @ (f - mu0 - mu1 * z) ** 2)))


def _wide_nodes(breaks: tuple[float, ...], order: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights for N(0, 1) that reach eighteen standard deviations."""
    z, w = nodes(np.asarray(breaks, float), 0.0, _WIDE, order)
    return z, w * density(z) / density(z, 0.0, _WIDE)
