"""Optimal transport between point clouds and between normal distributions, exact or entropic."""

from __future__ import annotations

from .choice import Transport, transport, wasserstein
from .entropic import sinkhorn
from .exact import exact_coupling
from .line import wasserstein_line
from .normal import EntropicNormal, bures, entropic_normal

__all__ = [
    "EntropicNormal",
    "Transport",
    "bures",
    "entropic_normal",
    "exact_coupling",
    "sinkhorn",
    "transport",
    "wasserstein",
    "wasserstein_line",
]
