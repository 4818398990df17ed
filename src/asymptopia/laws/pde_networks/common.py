"""What the laws of this room state alike: which linear maps a layer has, on which states, and how steep it is."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ...contract.law import Law
from ...contract.record import StatementError
from ...parts.activation import Activation
from ...parts.architecture import Architecture, Convolutional, Dense

_GRID = np.concatenate([np.linspace(-30, 30, 60_001), np.linspace(-1e3, 1e3, 2_001)])


def check_architecture(law: Law) -> None:
    """Raise `StatementError` unless the layers of the law are dense, or convolutional with an odd window."""
    architecture = law.architecture  # type: ignore[attr-defined]
    name = type(law).__name__
    if not isinstance(architecture, Dense | Convolutional):
        raise StatementError(f"`architecture` of {name} must be Dense() or Convolutional(), but is {architecture!r}.")
    if isinstance(architecture, Convolutional) and (architecture.window % 2 == 0 or architecture.pooling):
        raise StatementError(
            f"`architecture` of {name} needs an odd `window` and no `pooling`, but is {architecture!r}."
        )


def operator_of(architecture: Architecture, features: int, hidden: int, key: Any) -> Any:
    """A random linear map of a layer."""
    from ...algorithms import pde_networks

    if isinstance(architecture, Convolutional):
        return pde_networks.Convolution.random(architecture.channels, hidden, key, architecture.window)
    return pde_networks.Dense.random(features, hidden, key)


def norm_of(architecture: Architecture, features: int, operator: Any) -> Any:
    """The norm of a linear map on the states of the law."""
    return operator.norm(features) if isinstance(architecture, Convolutional) else operator.norm()


def state_shape(architecture: Architecture, features: int) -> tuple[int, ...]:
    """The shape of a state: a vector, or square images of so many channels."""
    return (architecture.channels, features, features) if isinstance(architecture, Convolutional) else (features,)


@lru_cache(maxsize=64)
def largest_slope(activation: Activation) -> tuple[float, float]:
    """The least and the largest slope of the activation, on a fine grid of fields up to 1000."""
    breaks = np.array(activation.breaks())
    x = np.concatenate([_GRID, breaks - 1e-9, breaks + 1e-9])
    slopes = np.asarray(activation.derivative(x), float)
    return float(slopes.min()), float(slopes.max())
