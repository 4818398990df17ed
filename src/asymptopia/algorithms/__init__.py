"""What runs at finite size, usable on data of your own without any law."""

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
