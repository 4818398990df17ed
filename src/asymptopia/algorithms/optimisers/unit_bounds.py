r"""The curvature of functions of one number that a program contains, known by their values on a grid.

Known are tanh, sigmoid, softplus, gelu, its approximation by tanh, silu, erf, relu, sin and cos, and every even
function f whose $f'(r)/r$ never rises with r > 0: the square, Huber's loss, $\sqrt{1 + r^2}$, log cosh, and other
robust losses. Of these $f'(r)/r$ is the sharp constant, attained at -r (de Leeuw and Lange, Comput. Stat. Data Anal. 53
(2009) 2471).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import expit

from ...contract.record import StatementError
from ...parts.activation import Erf, Gelu, Relu, Sigmoid, Softplus, Tanh
from .curvature import tabulated, unit_curvature

Curvature = Callable[[jax.Array, "jax.Array | None", jax.Array], jax.Array]
SIDE = np.unique(np.concatenate([np.geomspace(1e-6, 300.0, 240), np.linspace(0.05, 12.0, 240)]))
FARTHEST = 1e15  # of the values of data that are compared as well


@dataclasses.dataclass(frozen=True)
class Curve:
    """A smooth function of one number and its derivative, on NumPy arrays; both tend to straight lines."""

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]

    def __call__(self, z: np.ndarray) -> np.ndarray:
        return self.function(z)


def _silu_slope(z: np.ndarray) -> np.ndarray:
    return expit(z) * (1 + z * expit(-z))


def _inside(z: np.ndarray) -> np.ndarray:
    return np.sqrt(8 / np.pi) * (z + 0.044715 * z**3)


def _tanh_gelu_slope(z: np.ndarray) -> np.ndarray:
    share = expit(_inside(z))
    return share + z * share * expit(-_inside(z)) * np.sqrt(8 / np.pi) * (1 + 3 * 0.044715 * z**2)


SILU = Curve(lambda z: z * expit(z), _silu_slope)
TANH_GELU = Curve(lambda z: z * expit(_inside(z)), _tanh_gelu_slope)
BOUNDED = (Tanh(), Sigmoid(), Softplus(), Gelu(), Relu())
TABULATED = (SILU, TANH_GELU, Erf())


def known_curvature(function: Callable[[Any], Any], kind: Any, fields: np.ndarray | None = None) -> Curvature | None:
    """The curvature of a function of one number, as `unit_curvature`'s of h, d (or None) and z; None if not known.

    kind: the type of its numbers. fields: where else than on the grid its values are compared.
    """
    side = SIDE if fields is None else np.union1d(SIDE, np.abs(_comparable(fields)))
    with jax.ensure_compile_time_eval():
        z = jnp.asarray(np.concatenate([-side[::-1], [0.0], side]), kind)
        values, slopes = (np.asarray(a, float) for a in jax.jvp(function, (z,), (jnp.ones_like(z),)))
    places, tolerance = np.asarray(z, float), 200 * np.finfo(kind).eps

    def same(other: Any) -> bool:
        return bool(np.allclose(values, other(places), rtol=tolerance, atol=tolerance))

    for activation in BOUNDED:
        if same(activation):
            return lambda h, d, z: unit_curvature(activation, h, jnp.zeros_like(z) if d is None else d, z)
    for curve in TABULATED:
        if same(curve):
            return lambda h, d, z: tabulated(curve, h, jnp.zeros_like(z) if d is None else d, z)
    if same(np.sin) or same(np.cos):
        return lambda h, d, z: jnp.abs(h) + (0.0 if d is None else d) + jnp.zeros_like(z)
    return _even(function, side, values, slopes, tolerance)


def _comparable(fields: np.ndarray) -> np.ndarray:
    """Those of the values z at which quotients by z are more than rounding, and squares finite."""
    z = np.asarray(fields, float).ravel()
    return z[(np.abs(z) >= SIDE[0]) & (np.abs(z) <= FARTHEST)]


def _even(
    function: Callable[[Any], Any], side: np.ndarray, values: np.ndarray, slopes: np.ndarray, tolerance: float
) -> Curvature | None:
    """That of an even function whose f'(r)/r does not rise with r, from values at minus `side`, 0 and `side`."""
    if not (np.isfinite(values).all() and np.isfinite(slopes).all()):
        return None
    if not np.allclose(values, values[::-1], rtol=tolerance, atol=tolerance * (1 + np.abs(values[len(side)]))):
        return None
    ratio = slopes[len(side) + 1 :] / side
    kinked = ratio[0] > 1.05 * np.interp(2e-6, side, ratio)
    rounding = 10 * tolerance * ratio[0] + tolerance / side
    if kinked or ratio[0] <= 0 or (np.diff(ratio) > rounding[1:]).any():
        return None
    falling = 1.05 * max(0.0, -float(np.min(np.diff(slopes[len(side) + 1 :]) / np.diff(side))))
    steepest = 1.01 * float(np.abs(slopes).max())
    bounded = float(np.abs(slopes[-1])) <= 1.01 * float(np.interp(150.0, side, np.abs(slopes[len(side) + 1 :])))

    def curvature(h: jax.Array, d: jax.Array | None, z: jax.Array) -> jax.Array:
        if d is not None and not bounded:
            raise StatementError(
                "There is no majoriser for an even function of unbounded slope, such as a square, where what follows "
                "it is bent as well: a square may stand only in the loss, with sums after it."
            )
        slope = jax.jvp(function, (z,), (jnp.ones_like(z),))[1]
        small = jnp.abs(z) < SIDE[0]
        own = jnp.where(small, ratio[0], slope / jnp.where(small, 1.0, z))
        bent = jnp.maximum(h, 0.0) * own + jnp.maximum(-h, 0.0) * falling
        return bent if d is None else bent + d * steepest**2

    return curvature
