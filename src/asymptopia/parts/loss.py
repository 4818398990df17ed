"""Losses of a student's field z and a label y; gradient, curvature and proximal map follow from the function."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import numpy as np

from ..contract.record import Record, StatementError, field
from ..numerics.arrays import ArrayLike
from ..numerics.breaks import resolve, thinned
from ..numerics.compiled import Compiled, compiled
from ..numerics.proximal import derivatives, increasing_root, proximal
from .own_function import OwnFunction

__all__ = ["Absolute", "Hinge", "Huber", "Logistic", "Loss", "Square"]


def namespace(*arrays: ArrayLike) -> Any:
    """`jax.numpy` if any of the arrays is a JAX array, else `numpy`."""
    for x in arrays:
        if hasattr(x, "__array_namespace__") and not isinstance(x, np.ndarray):
            return x.__array_namespace__()
    return np


class Loss(Record):
    """A convex loss of label y and field z, elementwise on NumPy and on JAX arrays.

    A loss of your own defines `__call__(self, y, z)` with arithmetic and `jax.numpy`, convex in z; the rest is
    derived by automatic differentiation. Class attributes:

    margin:    a function of y z for labels y = +-1.
    location:  a function of y - z.
    symmetric: the same at (-y, -z).
    """

    margin: ClassVar[bool] = False
    location: ClassVar[bool] = False
    symmetric: ClassVar[bool] = False

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, y, z)`.")

    @classmethod
    def from_callable(cls, function: Callable[[Any, Any], Any]) -> Loss:
        """A plain function f(y, z) as a loss; a statement shows the function's name."""
        return _Own(function)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        """The derivative of the loss in z, elementwise; at a kink, the slope of either side."""
        return self._differentiate(_gradient, y, z)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        """The second derivative of the loss in z, elementwise, away from kinks."""
        return self._differentiate(_curvature, y, z)

    def proximal(self, y: ArrayLike, omega: ArrayLike, V: ArrayLike) -> np.ndarray:
        """argmin over z of loss(y, z) + (z - omega)**2 / (2 V)."""
        return self._differentiate(_proximal, y, omega, V)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        """The fields at which the slope jumps, for each label: an array (*y.shape, count)."""
        return _own_breaks(self, np.asarray(y, float))[0]

    def knots(self, y: ArrayLike) -> np.ndarray:
        """The ends of pieces on which the loss is smooth on the piece's own scale, without kinks: (*y.shape, count)."""
        return _own_breaks(self, np.asarray(y, float))[1]

    def convex(self) -> bool:
        """Whether the slope never falls with z, tested on a grid of fields for the labels -1, 0 and 1."""
        return _convex(self)

    def _differentiate(self, what: Compiled, *arguments: Any) -> np.ndarray:
        import jax

        arrays = np.broadcast_arrays(*(np.asarray(a, float) for a in arguments))
        shape, count = arrays[0].shape, arrays[0].size
        padded = 4 ** (max(count - 1, 63).bit_length() + 1 >> 1)  # few shapes, so that little is compiled

        def fill(a: np.ndarray) -> np.ndarray:
            return np.pad(a.ravel(), (0, padded - count), mode="edge") if count else a.ravel()

        flat = [fill(a) for a in arrays]
        filled = jax.tree.map(lambda v: fill(np.broadcast_to(v, shape)) if np.ndim(v) else v, self)
        try:
            derivative = np.asarray(what(filled, *flat))[:count].reshape(shape)
        except TypeError as error:
            message = f"{self!r} cannot be differentiated: write it with jax.numpy, elementwise. {error}"
            raise StatementError(message) from error
        if np.any(np.isnan(derivative)):
            name = what.function.__name__.strip("_")
            raise FloatingPointError(f"The {name} of {self!r} is not a number somewhere: is it convex and finite?")
        return derivative


class Square(Loss):
    """(y - z)**2 / 2."""

    location = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return (y - z) ** 2 / 2

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.subtract(z, y)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.ones(np.broadcast_shapes(np.shape(y), np.shape(z)))

    def proximal(self, y: ArrayLike, omega: Any, V: Any) -> np.ndarray:
        return (omega + V * np.asarray(y)) / (1 + np.asarray(V))

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))


class Logistic(Loss):
    """log(1 + exp(-y z)) for labels +-1."""

    margin = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        xp = namespace(y, z)
        return xp.logaddexp(0.0, -y * z)

    def gradient(self, y: Any, z: Any) -> np.ndarray:
        return -y * _sigmoid(-y * z)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.square(y) * _sigmoid(y * z) * _sigmoid(-y * z)

    def proximal(self, y: ArrayLike, omega: ArrayLike, V: ArrayLike) -> np.ndarray:
        y, omega, V = np.broadcast_arrays(*(np.asarray(a, float) for a in (y, omega, V)))
        u = y * omega

        def slope(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            p = _sigmoid(-x)
            return x - u - V * p, 1 + V * p * (1 - p)

        return y * increasing_root(slope, u, u + V * _sigmoid(-u))

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.broadcast_to(_LOGISTIC_KNOTS, (*np.shape(y), len(_LOGISTIC_KNOTS)))


class Hinge(Loss):
    """max(0, 1 - y z) for labels +-1."""

    margin = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return namespace(y, z).maximum(0.0, 1 - y * z)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.where(y * np.asarray(z) < 1, -y * np.ones_like(z), 0.0)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(z)))

    def proximal(self, y: Any, omega: Any, V: Any) -> np.ndarray:
        u = np.asarray(y * np.asarray(omega, float))
        return y * np.where(u > 1, u, np.minimum(u + V, 1.0))

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.asarray(y, float)[..., None]

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))


class Huber(Loss):
    """(y - z)**2 / 2 up to |y - z| = delta, beyond it delta |y - z| - delta**2 / 2."""

    delta: float = field(1.0, "residual beyond which the loss is linear", above=0)

    location = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        xp = namespace(y, z)
        inside = xp.minimum(xp.abs(y - z), self.delta)
        return inside * (xp.abs(y - z) - inside / 2)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.clip(np.subtract(z, y), -self.delta, self.delta)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.where(np.abs(np.subtract(z, y)) < self.delta, 1.0, 0.0)

    def proximal(self, y: ArrayLike, omega: Any, V: Any) -> np.ndarray:
        r = np.subtract(omega, y)
        inside = r / (1 + np.asarray(V))
        return y + np.where(np.abs(inside) <= self.delta, inside, r - np.sign(r) * self.delta * V)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))

    def knots(self, y: ArrayLike) -> np.ndarray:
        y = np.asarray(y, float)[..., None]
        return np.concatenate([y - self.delta, y + self.delta], axis=-1)


class Absolute(Loss):
    """|y - z|. The channel that makes the absolute value of a field a label is `Abs`."""

    location = True
    symmetric = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return namespace(y, z).abs(y - z)

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.sign(np.subtract(z, y))

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(z)))

    def proximal(self, y: ArrayLike, omega: Any, V: Any) -> np.ndarray:
        r = np.subtract(omega, y)
        return y + np.sign(r) * np.maximum(np.abs(r) - V, 0.0)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.asarray(y, float)[..., None]

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))


class _Own(OwnFunction, Loss):
    """A plain function f(y, z) as a loss; what it is a function of is found by trying."""

    function: Callable[[Any, Any], Any] = Square()

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        return self.function(y, z)

    @property
    def margin(self) -> bool:  # type: ignore[override]
        return _traits(self).margin

    @property
    def location(self) -> bool:  # type: ignore[override]
        return _traits(self).location

    @property
    def symmetric(self) -> bool:  # type: ignore[override]
        return _traits(self).symmetric


class _Traits(NamedTuple):
    margin: bool
    location: bool
    symmetric: bool


@lru_cache(maxsize=64)
def _traits(loss: _Own) -> _Traits:
    """A margin loss does not rise for ever with y z; y - z, and the sign of both, are tried at a few places."""
    y, z = np.array([-1.7, 0.3, 1.0, 2.2, -1.0]), np.array([0.4, -2.1, 0.9, 1.3, 3.1])
    shift = np.array([0.77, -1.31, 2.05, -0.6, 0.21])

    def same(a: ArrayLike, b: ArrayLike) -> bool:
        return bool(np.allclose(np.asarray(a, float), np.asarray(b, float), rtol=1e-12, atol=1e-12))

    one, far = np.ones(5), np.array([30.0, 50.0, 70.0, 100.0, 200.0])
    symmetric = same(loss(one, z), loss(-one, -z)) and same(loss(y, z), loss(-y, -z))
    flat = bool(np.all(loss.gradient(one, far) <= 1e-9) and np.all(loss.gradient(-one, -far) >= -1e-9))
    return _Traits(flat, same(loss(y, z), loss(y + shift, z + shift)), symmetric)


_LOGISTIC_KNOTS = np.array([-24.0, -11.0, -5.0, -2.0, 0.0, 2.0, 5.0, 11.0, 24.0])


def _sigmoid(x: ArrayLike) -> np.ndarray:
    from scipy.special import expit

    return np.asarray(expit(x))


def _grid() -> np.ndarray:
    """Fields from -1000 to 1000, finest around 0, shifted off the round numbers where kinks are."""
    return np.sinh(np.linspace(-7.6, 7.6, 6001) + 1.234e-4)


def _convex(loss: Loss) -> bool:
    z = _grid()
    labels = (-1.0, 1.0) if loss.margin else (-1.0, 0.0, 1.0)
    slopes = (loss.gradient(np.full_like(z, y), z) for y in labels)
    finite = (s[np.isfinite(s)] for s in slopes)
    return all(bool(np.all(np.diff(s) >= -1e-9 * np.maximum(1.0, np.abs(s[1:])))) for s in finite)


@compiled()
def _gradient(loss: Loss, y: ArrayLike, z: ArrayLike) -> Any:
    return derivatives(loss)[0](y, z)


@compiled()
def _curvature(loss: Loss, y: ArrayLike, z: ArrayLike) -> Any:
    return derivatives(loss)[1](y, z)


@compiled()
def _proximal(loss: Loss, y: ArrayLike, omega: ArrayLike, V: ArrayLike) -> Any:
    return proximal(loss.__call__, y, omega, V)


def _own_breaks(loss: Loss, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kinks and knots of a loss known only by its values, for each label; padded with zeros."""
    wide = {f.name for f in dataclasses.fields(loss) if np.ndim(getattr(loss, f.name))}
    if wide:
        rows = [_own_breaks(_row(loss, wide, i), y[i]) for i in range(len(y))]
        kinks, knots = (_padded([pair[k] for pair in rows]) for k in (0, 1))
        return kinks, knots
    if loss.location:
        kinks, knots = (y[..., None] + offsets for offsets in _breaks(loss, 0.0))
        return kinks, knots
    labels, inverse = np.unique(y, return_inverse=True)
    places = [_breaks(loss, float(label)) for label in labels]
    kinks, knots = (_padded([pair[k] for pair in places])[inverse.reshape(y.shape)] for k in (0, 1))
    return kinks, knots


def _row(loss: Loss, wide: set[str], i: int) -> Loss:
    """The loss of one of several problems, whose number fields have a row each."""
    return loss.replace(**{name: float(np.ravel(getattr(loss, name)[i])[0]) for name in wide})


def _padded(rows: list[np.ndarray]) -> np.ndarray:
    count = max((len(r) for r in rows), default=0)
    return np.array([np.pad(r, (0, count - len(r)), constant_values=0.0) for r in rows]).reshape(len(rows), count)


@lru_cache(maxsize=4096)
def _breaks(loss: Loss, label: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the slope of z -> loss(label, z) jumps, and the ends of pieces that its slope and curvature resolve."""

    def slope(z: np.ndarray) -> np.ndarray:
        return loss.gradient(np.full_like(z, label), z)

    singular, smooth = resolve(slope)
    bends, _ = resolve(lambda z: loss.curvature(np.full_like(z, label), z), tolerance=1e-9)
    aside = 1e-10 * np.maximum(1.0, np.abs(singular))
    jumps = np.abs(slope(singular + aside) - slope(singular - aside)) > 1e-7
    knots = np.concatenate([singular[~jumps], bends, thinned(smooth, np.concatenate([singular, bends]))])
    kinks = singular[jumps]
    near = np.abs(knots[:, None] - kinks).min(axis=1, initial=np.inf) < 1e-8
    return kinks, np.unique(knots[~near])
