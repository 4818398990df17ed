"""Derivatives of a user's log-partition by automatic differentiation, elementwise on NumPy arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import Record, StatementError
from ..numerics.arrays import ArrayLike
from ..numerics.compiled import Compiled, compiled

if TYPE_CHECKING:
    import jax


def derivatives(record: Record, position: int, *arguments: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """First and second derivative of `record.log_partition(*arguments)` in the argument at `position`.

    Compiled once for each kind of record. Raises `StatementError` if it cannot be traced by JAX.
    """
    first, second = _evaluated(_slopes, record, position, arguments)
    return first, second


def value(record: Record, *arguments: ArrayLike) -> np.ndarray:
    """`record.log_partition(*arguments)` as a NumPy array, compiled once for each kind of record."""
    return _evaluated(_values, record, 0, arguments)[0]


def _evaluated(what: Compiled, record: Record, position: int, arguments: tuple[ArrayLike, ...]) -> list[np.ndarray]:
    import jax

    arrays = np.broadcast_arrays(*(np.asarray(a, float) for a in arguments))
    shape, count = arrays[0].shape, arrays[0].size
    padded = 4 ** (max(count - 1, 63).bit_length() + 1 >> 1)  # few shapes, so that little is compiled

    def fill(a: ArrayLike) -> np.ndarray:
        flat = np.broadcast_to(a, shape).ravel()
        return np.pad(flat, (0, padded - count), mode="edge") if count else flat

    flat = [fill(a) for a in arrays]
    filled = jax.tree.map(lambda v: fill(v) if np.ndim(v) else v, record)
    try:
        values = what(filled, position, flat)
    except TypeError as error:
        message = f"The `log_partition` of {record!r} cannot be differentiated: write it with jax.numpy. {error}"
        raise StatementError(message) from error
    return [np.asarray(v)[:count].reshape(shape) for v in values]


def _function(record: Any, position: int, arguments: list[jax.Array], x: jax.Array) -> Any:
    import jax.numpy as jnp

    value = record.log_partition(*arguments[:position], x, *arguments[position + 1 :])
    return jnp.broadcast_to(jnp.asarray(value, float), x.shape)


@compiled("position")
def _values(record: Record, position: int, arguments: list[jax.Array]) -> Any:
    return (_function(record, position, arguments, arguments[position]),)


@compiled("position")
def _slopes(record: Record, position: int, arguments: list[jax.Array]) -> Any:
    import jax
    import jax.numpy as jnp

    x = arguments[position]

    def slope(at: jax.Array) -> Any:
        return jax.jvp(lambda t: _function(record, position, arguments, t), (at,), (jnp.ones_like(at),))[1]

    return jax.jvp(slope, (x,), (jnp.ones_like(x),))
