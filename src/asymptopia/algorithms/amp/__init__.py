"""Approximate message passing on your own arrays: generalised, and vector, for matrices of any spectrum."""

from __future__ import annotations

from .gamp import gamp
from .iteration import Iterate, iterates
from .settle import Estimate
from .soft import SoftThreshold
from .spectral import spectral
from .vamp import vamp

__all__ = ["Estimate", "Iterate", "SoftThreshold", "gamp", "iterates", "spectral", "vamp"]
