"""Algorithms for systems of finite size, which run on your own data without any law."""

from __future__ import annotations

from .checks import NotSolved
from .erm.fit import Fit, fit
from .erm.max_margin import max_margin, separable
from .erm.sgd import Schedule, Trajectories, descend, membership

__all__ = [
    "Fit",
    "NotSolved",
    "Schedule",
    "Trajectories",
    "descend",
    "fit",
    "max_margin",
    "membership",
    "separable",
]
