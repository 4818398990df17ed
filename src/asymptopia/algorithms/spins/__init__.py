"""Monte Carlo of Ising spins on your own couplings, compiled, for one core."""

from __future__ import annotations

from .ferromagnet import GraphRun, metropolis, swendsen_wang, wolff
from .ground_state import GroundState, ground_state
from .multispin import LatticeRun, multispin
from .products import product_tempering
from .tempering import Tempered, even_ladder, spin_tempering

__all__ = [
    "GraphRun",
    "GroundState",
    "LatticeRun",
    "Tempered",
    "even_ladder",
    "ground_state",
    "metropolis",
    "multispin",
    "product_tempering",
    "spin_tempering",
    "swendsen_wang",
    "wolff",
]
