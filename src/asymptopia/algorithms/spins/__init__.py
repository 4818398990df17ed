"""Monte Carlo of Ising spins on couplings of your own: compiled, for one core."""

from __future__ import annotations

from .tempering import Tempered, even_ladder, parallel_tempering

__all__ = ["Tempered", "even_ladder", "parallel_tempering"]
