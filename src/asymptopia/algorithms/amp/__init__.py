"""Approximate message passing on your own arrays: for labels (GAMP, VAMP) and for matrices of low rank."""

from __future__ import annotations

from .gamp import gamp
from .iteration import Iterate, iterates
from .low_rank import LowRank, low_rank_amp
from .multi_layer import multi_layer_amp
from .settle import Estimate
from .soft import SoftThreshold
from .spectral import spectral
from .vamp import vamp

__all__ = [
    "Estimate",
    "Iterate",
    "LowRank",
    "SoftThreshold",
    "gamp",
    "iterates",
    "low_rank_amp",
    "multi_layer_amp",
    "spectral",
    "vamp",
]
