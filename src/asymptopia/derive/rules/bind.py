"""A primitive as JAX itself evaluates it, on points in place of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context

_SHAPES = ("shape", "new_sizes", "sizes", "slice_sizes")


def bind(ctx: Context, equation: Any, args: list[Any]) -> list[Any]:
    """The primitive of an equation on dense arrays, with the lengths in its parameters translated."""
    import jax
    import jax.numpy as jnp

    given = []
    for value, variable in zip(args, equation.invars, strict=True):
        dtype = variable.aval.dtype
        is_key = jax.dtypes.issubdtype(dtype, jax.dtypes.extended)
        given.append(value if is_key else jnp.asarray(value, dtype))
    params = dict(equation.params)
    for name in _SHAPES:
        if isinstance(params.get(name), tuple):
            params[name] = ctx.shape(params[name])
    found = equation.primitive.bind(*given, **params)
    return [plain(v) for v in (found if equation.primitive.multiple_results else [found])]


def plain(value: Any) -> Any:
    """A JAX array as a NumPy array of double precision; keys stay as they are."""
    import jax

    if jax.dtypes.issubdtype(value.dtype, jax.dtypes.extended):
        return value
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array
