"""Optimisers that use the structure of a deep model.

Each is a `Solver`: `init(parameters)` gives a state, `step(state)` the next one and an `Info` with the value before the
step, the norm of the gradient, the descent that theory grants the step, and its cost in gradients; `run` compiles a
number of steps into one loop. `from_optax` makes a solver of any optax transformation.
"""

from __future__ import annotations

from .interface import Info, Solver, State, from_optax, run
from .majorization import extrapolated, joint, layerwise
from .network import CrossEntropy, Network

__all__ = [
    "CrossEntropy",
    "Info",
    "Network",
    "Solver",
    "State",
    "extrapolated",
    "from_optax",
    "joint",
    "layerwise",
    "run",
]
