"""Parallel tempering and infinite swapping on a double well of a few sites, where everything is known exactly."""

from __future__ import annotations

import numpy as np

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import Record, StatementError, field
from ....parts.sampler import Exchange, Swapping

DUPUIS = "Dupuis, Liu, Plattner and Doll, Multiscale Model. Simul. 10 (2012) 986, sections 3 and 4"
CHAIN = "sum over the edges of a birth-and-death chain, 2 sum S_k**2 / (pi_k r_k) with S_k = sum_(i<=k) pi_i (f_i - f)"


class Sites(Record):
    """States on a line, numbered from left to right: `energies` and logarithms of their `multiplicities`."""

    def energies(self) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} defines no `energies(self)`.")

    def multiplicities(self) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} defines no `multiplicities(self)`.")


class WellSites(Sites):
    """The potential barrier (x**2 - 1)**2 + tilt x at equidistant points from -1.5 to 1.5."""

    sites: int = field(15, "number of points", at_least=5, at_most=41)
    barrier: float = field(1.0, "height of the barrier", above=0, unit="energy")
    tilt: float = field(0.1, "slope that makes the left well the deeper one", unit="energy")

    def energies(self) -> np.ndarray:
        x = np.linspace(-1.5, 1.5, self.sites)
        return self.barrier * (x**2 - 1) ** 2 + self.tilt * x

    def multiplicities(self) -> np.ndarray:
        return np.zeros(self.sites)


class Magnet(Sites):
    """The Curie-Weiss model: the number of spins that are up, with energy -(sum s)**2 / 2n - h sum s, coupling 1."""

    spins: int = field(14, "number of spins", at_least=4, at_most=40)
    h: float = field(-0.02, "external field", unit="energy")

    def energies(self) -> np.ndarray:
        total = 2 * np.arange(self.spins + 1) - self.spins
        return -(total**2) / (2 * self.spins) - self.h * total

    def multiplicities(self) -> np.ndarray:
        from scipy.special import gammaln

        up = np.arange(self.spins + 1)
        return gammaln(self.spins + 1) - gammaln(up + 1) - gammaln(self.spins - up + 1)


class Tempering(Law):
    r"""Two replicas in a double well, a cold and a hot one, that exchange their temperatures.

    Each replica steps to either of its neighbours, proposed at rate 1 and accepted by Metropolis' rule at its
    temperature. In addition exchanges of the temperatures are proposed at a rate a, or without end (infinite
    swapping). Observed for a time t = n, the share of time that the cold replica spends in the right well (the upper
    half of the sites) tends to its equilibrium `occupation` $\bar f$, and n times its variance to the
    `asymptotic_variance`

    $$\sigma^2 = 2 \langle f - \bar f,\, (-L)^{-1} (f - \bar f) \rangle_\pi ,$$

    with the generator $L$ of the pair of replicas, which is solved for exactly. It falls as a grows, from that of the
    cold replica alone (a = 0) to that of infinite swapping, the smallest of all. `round_trips` is the number of round
    trips between the temperatures, of both replicas together, per exchange proposed: the acceptance of an exchange.
    With infinite swapping it is the probability that temperatures drawn anew are exchanged.

    The system starts in equilibrium, each replica at its temperature; the variance has corrections of order 1/n.
    """

    system: Sites = field(WellSites(), "the sites and their energies")
    temperature: float = field(0.15, "temperature of the cold replica", above=0, unit="energy")
    hot: float = field(1.0, "temperature of the hot replica", above=0, unit="energy")
    swapping: Swapping = field(Exchange(rate=1.0), "how temperatures are exchanged")

    defaults = Defaults(size="time", sizes=(800, 1600, 3200), seeds=25000, block=2500)
    references = References(
        source=DUPUIS,
        status="proved",
        bibtex="""@article{DupuisLiuPlattnerDoll2012,
  author = {Dupuis, Paul and Liu, Yufei and Plattner, Nuria and Doll, J. D.},
  title = {On the infinite swapping limit for parallel tempering},
  journal = {Multiscale Modeling and Simulation},
  volume = {10}, pages = {986--1022}, year = {2012}
}""",
    )
    observables = {
        "occupation": Observable(
            r"\bar f", "share of the time that the cold replica is in the right well", resolution=0.1
        ),
        "asymptotic_variance": Observable(
            r"\sigma^2", "time times the variance of the occupation", unit="time", fluctuation_of="occupation"
        ),
        "round_trips": Observable("r", "round trips of the two replicas per exchange proposed"),
    }
    exercises = (dict(system=WellSites(sites=7, tilt=0.05), temperature=0.12, hot=1.2, swapping=Exchange(rate=0.1)),)
    landmarks = (Landmark(dict(swapping=Exchange(rate=0.0)), "asymptotic_variance", 613.6578762, 1e-6, CHAIN),)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.hot, float) or not isinstance(self.temperature, float):
            return  # arrays and tracers, when many statements are computed together
        if self.hot <= self.temperature:
            raise StatementError(f"`hot` of Tempering must be > `temperature` {self.temperature}, but is {self.hot}.")

    def log_weights(self) -> tuple[np.ndarray, np.ndarray]:
        energies, multiplicities = self.system.energies(), self.system.multiplicities()
        return multiplicities - energies / self.temperature, multiplicities - energies / self.hot

    def right_well(self) -> np.ndarray:
        """1 in the right well, the upper half of the sites."""
        m = len(self.system.energies())
        return (np.arange(m) > (m - 1) / 2) * 1.0
