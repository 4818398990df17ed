"""Samplers: blackjax's pair of `init` and `step`, so that its algorithms stand where these do, and the reverse."""

from __future__ import annotations

from blackjax.base import SamplingAlgorithm

from .hamiltonian import hmc, nuts
from .interface import Chains, Info, check_states, check_target, run
from .metropolis import mala, random_walk

__all__ = [
    "Chains",
    "Info",
    "SamplingAlgorithm",
    "check_states",
    "check_target",
    "hmc",
    "mala",
    "nuts",
    "random_walk",
    "run",
]
