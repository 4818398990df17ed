"""Residual layers that are steps of stable differential equations, and propagation in little memory.

They are equinox modules on single examples (`jax.vmap` maps them over a batch), dense or convolutional, and drop into
any model: a stack made by `stack` is a network of many layers that `propagate` or `propagate_reversibly` runs.
"""

from __future__ import annotations

from .layers import Hamiltonian, Parabolic, SecondOrder
from .operators import Convolution, Dense
from .propagation import backprop_bytes, propagate, propagate_reversibly, stack

__all__ = [
    "Convolution",
    "Dense",
    "Hamiltonian",
    "Parabolic",
    "SecondOrder",
    "backprop_bytes",
    "propagate",
    "propagate_reversibly",
    "stack",
]
