"""Samplers: blackjax's pair of `init` and `step`, so that its algorithms stand where these do, and the reverse."""

from __future__ import annotations

from blackjax.base import SamplingAlgorithm

from .boomerang import boomerang
from .bouncy import bouncy_particle
from .hamiltonian import hmc, nuts
from .interface import Chains, Info, check_states, check_target, run
from .metropolis import mala, random_walk
from .thinning import PathInfo, PathState
from .zig_zag import zig_zag

__all__ = [
    "Chains",
    "Info",
    "PathInfo",
    "PathState",
    "SamplingAlgorithm",
    "boomerang",
    "bouncy_particle",
    "check_states",
    "check_target",
    "hmc",
    "mala",
    "nuts",
    "random_walk",
    "run",
    "zig_zag",
]
