"""Potentials of particles on the line, and the normal distribution from which particles start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..contract.record import NoLimit, Record, StatementError, field
from ..numerics.arrays import ArrayLike
from ..numerics.compiled import compiled
from .loss import namespace
from .own_function import OwnFunction

__all__ = ["DoubleWell", "Normal", "Potential", "Quadratic"]

FARTHEST = 4096.0


class Potential(Record):
    """A potential V(x) on the line, elementwise on NumPy and on JAX arrays.

    A potential of your own defines `__call__(self, x)` with arithmetic and `jax.numpy`, or is a plain function; the
    force and the curvature follow.
    """

    def __call__(self, x: ArrayLike) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `__call__(self, x)`.")

    @classmethod
    def from_callable(cls, function: Callable[[Any], Any]) -> Potential:
        """A plain function V(x) as a potential; a statement shows the function's name."""
        return _Own(function)

    def slope(self, x: ArrayLike) -> Any:
        """dV/dx, elementwise: a NumPy array for a NumPy array, else a JAX array."""
        return np.asarray(_slopes(self, x)) if namespace(x) is np else _slope(self, x)

    def curvature(self, x: ArrayLike) -> Any:
        """d2V/dx2, elementwise: a NumPy array for a NumPy array, else a JAX array."""
        return np.asarray(_curvatures(self, x)) if namespace(x) is np else _curvature(self, x)

    def basin(self, temperature: float, height: float = 40.0) -> tuple[float, float] | None:
        """The shortest interval outside of which V exceeds all its local minima by `height` temperatures.

        Searched out to |x| = 4096; None if V does not rise that far on both sides and therefore does not confine.
        """
        radius = 16.0
        while radius <= FARTHEST:
            x = np.linspace(-radius, radius, 8193)
            v = self.values(x)
            wells = v[1:-1][(v[1:-1] < v[:-2]) & (v[1:-1] < v[2:])]
            inside = np.flatnonzero(v <= wells.max(initial=v.min()) + height * temperature)
            if abs(x[inside]).max() < radius / 2:
                return float(x[inside[0] - 1]), float(x[inside[-1] + 1])
            radius *= 2
        return None

    def confining(self, temperature: float, where: str) -> tuple[float, float]:
        """The `basin` of 40 temperatures. Raises `NoLimit`, naming the field `where`, if the potential has none."""
        basin = self.basin(temperature)
        if basin is None:
            raise NoLimit(
                f"{where} must be confining, that is rise by 40 temperatures above its minimum on both sides within "
                f"|x| < 2048, but {self!r} does not."
            )
        return basin

    def values(self, x: np.ndarray) -> np.ndarray:
        """V at points x, as a NumPy array. Raises `StatementError` unless every value is finite."""
        v = np.asarray(self(x), float)
        if v.ndim == 0:
            v = np.full(x.shape, float(v))
        if v.shape != x.shape or not np.isfinite(v).all():
            raise StatementError(f"The potential {self!r} must give a finite number at every point.")
        return v


class Quadratic(Potential):
    """The potential stiffness x**2 / 2."""

    stiffness: float = field(1.0, "second derivative", above=0)

    def __call__(self, x: ArrayLike) -> Any:
        return self.stiffness * x**2 / 2


class DoubleWell(Potential):
    """The potential x**4 / 4 - x**2 / 2: minima at -1 and 1, a barrier of height 1/4 at 0."""

    def __call__(self, x: ArrayLike) -> Any:
        return x**4 / 4 - x**2 / 2


class _Own(OwnFunction, Potential):
    """A plain function of the position."""

    function: Callable[[Any], Any] = np.square

    def __call__(self, x: ArrayLike) -> Any:
        return self.function(x)


class Normal(Record):
    """The normal distribution of this mean and variance; a single point if the variance is 0."""

    mean: float = field(0.0, "mean")
    variance: float = field(1.0, "variance", at_least=0)


@compiled("potential")
def _slopes(potential: Potential, x: ArrayLike) -> Any:
    return _slope(potential, x)


@compiled("potential")
def _curvatures(potential: Potential, x: ArrayLike) -> Any:
    return _curvature(potential, x)


def _curvature(function: Callable[[Any], Any], x: ArrayLike) -> Any:
    return _slope(lambda y: _slope(function, y), x)


def _slope(function: Callable[[Any], Any], x: ArrayLike) -> Any:
    import jax
    import jax.numpy as jnp

    x = jnp.asarray(x, float)
    try:
        return jax.jvp(lambda y: jnp.asarray(function(y), float) + 0 * y, (x,), (jnp.ones_like(x),))[1]
    except TypeError as error:
        message = f"{function!r} cannot be differentiated: write it with jax.numpy, elementwise. {error}"
        raise StatementError(message) from error
