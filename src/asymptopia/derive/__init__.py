"""The limit of a program: an interpreter of its jaxpr, in which wide axes are points of typical coordinates."""

from .limit import NETS, POINTS, derive_limit

__all__ = ["NETS", "POINTS", "derive_limit"]
