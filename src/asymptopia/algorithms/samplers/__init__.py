"""Markov chain samplers with blackjax's interface `init` and `step`, interchangeable with blackjax's own."""

from __future__ import annotations

from blackjax.base import SamplingAlgorithm

from .barker import barker_proposal
from .boomerang import boomerang
from .bouncy import bouncy_particle
from .hamiltonian import hmc, nuts
from .infinite_swapping import infinite_swapping
from .interface import Chains, Info, check_states, check_target, run
from .ladder import Ladder, temperature_ladder
from .logistic import logistic_posterior
from .metropolis import mala, random_walk
from .spin_flips import glauber_flips, metropolis_flips
from .stochastic_gradient import minibatch, sghmc, sgld, ula
from .tempering import TemperingState, expectation, parallel_tempering
from .thinning import PathInfo, PathState
from .zig_zag import zig_zag

__all__ = [
    "Chains",
    "Info",
    "Ladder",
    "PathInfo",
    "PathState",
    "SamplingAlgorithm",
    "TemperingState",
    "barker_proposal",
    "boomerang",
    "bouncy_particle",
    "check_states",
    "check_target",
    "expectation",
    "glauber_flips",
    "hmc",
    "infinite_swapping",
    "logistic_posterior",
    "mala",
    "metropolis_flips",
    "minibatch",
    "nuts",
    "parallel_tempering",
    "random_walk",
    "run",
    "sghmc",
    "sgld",
    "temperature_ladder",
    "ula",
    "zig_zag",
]
