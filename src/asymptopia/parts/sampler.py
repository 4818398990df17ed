"""Samplers as parts of a statement, and how two replicas swap their temperatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..contract.record import Record, StatementError, check_increasing, field
from ..numerics.arrays import ArrayLike

__all__ = [
    "HMC",
    "MALA",
    "NUTS",
    "Exchange",
    "Infinite",
    "InfiniteSwapping",
    "PosteriorSampler",
    "RandomWalk",
    "Swapping",
]


class PosteriorSampler(Record):
    """A Markov chain for a posterior, with steps in units of the posterior's smallest standard deviation.

    A sampler of your own defines `build(self, logdensity, scale, d)`: the kernel for a density in d dimensions whose
    smallest standard deviation is `scale`.
    """

    def build(self, logdensity: Callable[[Any], Any], scale: ArrayLike, d: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `build(self, logdensity, scale, d)`.")


class RandomWalk(PosteriorSampler):
    """Random-walk Metropolis; a proposal has the length `step`, in units of the smallest deviation."""

    step: float = field(2.4, "length of a proposal", above=0)


class MALA(PosteriorSampler):
    """The Metropolis-adjusted Langevin algorithm with the step `step` / d**(1/3), in squared smallest deviations."""

    step: float = field(1.0, "step", above=0)


class HMC(PosteriorSampler):
    """Hamiltonian Monte Carlo: `leaps` leapfrog steps of length `step` / d**(1/4), in smallest deviations."""

    step: float = field(1.2, "step", above=0)
    leaps: int = field(5, "leapfrog steps of a trajectory", at_least=1)


class NUTS(PosteriorSampler):
    """The no-U-turn sampler with leapfrog steps of length `step` / d**(1/4), in smallest deviations."""

    step: float = field(1.0, "step", above=0)


class InfiniteSwapping(PosteriorSampler):
    """Infinite swapping of random walks at several temperatures; the chain as a whole is not reversible."""

    step: float = field(2.4, "length of a proposal at temperature 1", above=0)
    temperatures: tuple[float, ...] = field((1.0, 2.0, 4.0), "temperatures from 1 upwards, increasing, at most 5")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self, "temperatures", "2 to 5 numbers from 1 upwards that increase", at_least=1.0, count=2)
        if self.temperatures[0] != 1 or len(self.temperatures) > 5:
            raise StatementError(
                f"`temperatures` of InfiniteSwapping must be 2 to 5 numbers from 1 upwards, but is {self.temperatures}."
            )


class Swapping(Record):
    """How two replicas exchange their temperatures."""


class Exchange(Swapping):
    """Parallel tempering: Metropolis swaps, proposed at this rate relative to the rate of steps."""

    rate: float = field(1.0, "exchanges proposed per unit of time", at_least=0, at_most=1e6, unit="1/time")


class Infinite(Swapping):
    """Infinite swapping: every step draws the assignment of temperatures anew, and averages weight both replicas."""
