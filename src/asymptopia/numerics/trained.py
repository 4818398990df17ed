"""What is trained of a tree that also holds functions and settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def trained_arrays(parameters: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The tree with what is trained alone, None elsewhere, and the function that gives such a tree all else again.

    Where a tree holds functions or other objects, as a module of Equinox does, arrays of floating-point numbers are
    trained, and all else stays.
    """
    import jax

    def is_number(leaf: Any) -> bool:
        return isinstance(leaf, float | int | complex) or hasattr(leaf, "dtype")

    if all(is_number(leaf) for leaf in jax.tree.leaves(parameters)):
        return parameters, lambda tree: tree

    def kept(leaf: Any) -> Any:
        return leaf if hasattr(leaf, "dtype") and jax.numpy.issubdtype(leaf.dtype, np.floating) else None

    def whole(tree: Any) -> Any:
        return jax.tree.map(lambda p, r: r if p is None else p, tree, parameters, is_leaf=lambda leaf: leaf is None)

    return jax.tree.map(kept, parameters), whole
