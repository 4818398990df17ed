"""Samplers as parts of a statement: their steps are in units of the posterior's narrowest deviation."""

from __future__ import annotations

from typing import Any

from ....contract.record import Record, StatementError, check_increasing, field


class PosteriorSampler(Record):
    """A sampler of the library: `build(logdensity, scale, d)` with the narrowest deviation and the dimension."""

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        raise NotImplementedError(f"{type(self).__name__} defines no `build(self, logdensity, scale, d)`.")


class RandomWalk(PosteriorSampler):
    """Random-walk Metropolis; the length of a proposal is `step` deviations."""

    step: float = field(2.4, "length of a proposal", above=0)

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        from ....algorithms.samplers import random_walk

        return random_walk(logdensity, self.step * scale / d**0.5)


class MALA(PosteriorSampler):
    """The Metropolis-adjusted Langevin algorithm; h = `step` squared deviations over d**(1/3)."""

    step: float = field(1.0, "step", above=0)

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        from ....algorithms.samplers import mala

        return mala(logdensity, self.step * scale**2 / d ** (1 / 3))


class HMC(PosteriorSampler):
    """Hamiltonian Monte Carlo: `leaps` leapfrog steps of `step` deviations over d**(1/4)."""

    step: float = field(1.2, "step", above=0)
    leaps: int = field(5, "leapfrog steps of a trajectory", at_least=1)

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        from ....algorithms.samplers import hmc

        return hmc(logdensity, self.step * scale / d**0.25, self.leaps)


class NUTS(PosteriorSampler):
    """The no-U-turn sampler with leapfrog steps of `step` deviations over d**(1/4)."""

    step: float = field(1.0, "step", above=0)

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        from ....algorithms.samplers import nuts

        return nuts(logdensity, self.step * scale / d**0.25)


class InfiniteSwapping(PosteriorSampler):
    """Infinite swapping of random walks at several temperatures; not reversible as a whole."""

    step: float = field(2.4, "length of a proposal at temperature 1", above=0)
    temperatures: tuple[float, ...] = field((1.0, 2.0, 4.0), "temperatures from 1 upwards, increasing, at most 5")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self, "temperatures", "2 to 5 numbers from 1 upwards that increase", at_least=1.0, count=2)
        if self.temperatures[0] != 1 or len(self.temperatures) > 5:
            raise StatementError(
                f"`temperatures` of InfiniteSwapping must be 2 to 5 numbers from 1 upwards, but is {self.temperatures}."
            )

    def build(self, logdensity: Any, scale: Any, d: int) -> Any:
        from ....algorithms.samplers import infinite_swapping, random_walk

        size = self.step * scale / d**0.5
        return infinite_swapping(logdensity, lambda target, T: random_walk(target, size * T**0.5), self.temperatures)
