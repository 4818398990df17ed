"""A primitive as JAX itself evaluates it, on points in place of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..context import Context
from ..refusal import Equation
from ..trace import is_key

_SHAPES = ("shape", "new_sizes", "sizes", "slice_sizes")


def bind(ctx: Context, equation: Equation, args: list[Any]) -> list[Any]:
    """The primitive of an equation as JAX has it, on arrays of points; lengths in its parameters are translated."""
    import jax.numpy as jnp

    given = [
        value if is_key(variable.aval) else jnp.asarray(value, variable.aval.dtype)
        for value, variable in zip(args, equation.invars, strict=True)
    ]
    params = dict(equation.params)
    for name in _SHAPES:
        if isinstance(params.get(name), tuple):
            params[name] = ctx.shape(params[name])
    out = equation.primitive.bind(*given, **params)
    return [plain(v) for v in (out if equation.primitive.multiple_results else [out])]


def plain(value: Any) -> Any:
    """A value of JAX as a NumPy array of double precision; keys stay as they are."""
    if is_key(value):
        return value
    array = np.asarray(value)
    return array.astype(float) if array.dtype.kind == "f" or array.dtype.name == "bfloat16" else array
