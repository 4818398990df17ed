"""Monte Carlo of Ising spins on couplings of your own: compiled, for one core."""

from __future__ import annotations

from .ground_state import GroundState, ground_state
from .tempering import Tempered, even_ladder, parallel_tempering

__all__ = ["GroundState", "Tempered", "even_ladder", "ground_state", "parallel_tempering"]
