"""Energies of associative memories: how steeply a pattern attracts a state that overlaps with it."""

from __future__ import annotations

from ..contract.record import Record, field


class MemoryEnergy(Record):
    """The energy $-\\sum_\\mu F(\\xi^\\mu \\cdot s)$ of a state s among patterns $\\xi^\\mu$."""


class Polynomial(MemoryEnergy):
    """F(z) = z**degree; patterns are stored in numbers that grow as n**(degree - 1). Degree 2 is Hopfield's."""

    degree: int = field(3, "degree", at_least=2, at_most=20)


class Exponential(MemoryEnergy):
    """F(z) = exp(sharpness z); patterns are stored in numbers that grow exponentially with n."""

    sharpness: float = field(1.0, "slope of the exponent", above=0, at_most=100)
