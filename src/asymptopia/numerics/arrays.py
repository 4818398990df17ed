"""Type names for annotations: random keys, arrays of NumPy or JAX, what can be made an array, trees of arrays."""

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import jax
    import numpy as np

    Key: TypeAlias = jax.Array
    ArrayLike: TypeAlias = np.ndarray | jax.Array | float
else:  # neither is loaded for its name
    Key = ArrayLike = Any

PyTree: TypeAlias = Any
"""Arrays in tuples, lists, dicts or records, as JAX takes them."""
