"""Optimisers that use the structure of a deep network.

Each is a `Solver`: `init(parameters)` gives a state, `step(state)` the next one and an `Info` with the value before the
step, the norm of the gradient, the descent that theory grants the step, and its cost in gradients; `run` compiles a
number of steps into one loop. `from_optax` makes a solver of any optax transformation.
"""

from __future__ import annotations

from .auxiliary import admm, auxiliary_coordinates
from .gauss_newton import levenberg_marquardt
from .inertial_newton import inertial_newton
from .interface import Info, Solver, State, from_optax, run
from .kfac import kfac
from .kfac_model import kfac_model
from .layerwise_model import layerwise_model
from .majorization import extrapolated, joint, layerwise
from .network import CrossEntropy, Network
from .palm import Block, BlockTrail, palm
from .prox_linear import prox_linear
from .soap import soap
from .stochastic import stochastic

__all__ = [
    "Block",
    "BlockTrail",
    "CrossEntropy",
    "Info",
    "Network",
    "Solver",
    "State",
    "admm",
    "auxiliary_coordinates",
    "extrapolated",
    "from_optax",
    "inertial_newton",
    "joint",
    "kfac",
    "kfac_model",
    "layerwise",
    "layerwise_model",
    "levenberg_marquardt",
    "palm",
    "prox_linear",
    "run",
    "soap",
    "stochastic",
]
