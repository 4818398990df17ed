"""Rods with soft shells on a ring, moved by event chains: three ways to the pressure, energy and structure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

TONKS = "Tonks, Phys. Rev. 50 (1936) 955, equation 15: density / (1 - density) without shells"
TAKAHASHI = "Takahashi, Proc. Phys.-Math. Soc. Japan 24 (1942) 60"
MICHEL = "Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116, equation 20"
DIGITS = "the isobaric integral by mpmath, 30 digits"
SNAPSHOTS = 64
DENSEST = 1000.0  # mean gap times pressure
THINNEST = 1e-3  # the gap of an energy of the order of the temperature
SMALLEST = 1e-300  # of a gap
STEEP = 750.0  # exp of minus it is 0
LONGEST = 1e-9  # wavenumber over 2 pi density
ROUNDED = 0.02  # the most, relatively, by which rounded wavenumbers may move the structure factor


def _landmarks() -> tuple[Landmark, ...]:
    thin = dict(strength=1e-10, power=1.0)
    return (
        Landmark(thin, "pressure", 1.0, 1e-6, TONKS),
        Landmark({}, "pressure", 3.3939224230138130, 1e-11, DIGITS),
        Landmark({}, "squared_gap", 1.0906660510157812, 1e-11, DIGITS),
        Landmark(thin | dict(density=0.75), "virial_pressure", 3.0, 1e-5, TONKS),
    )


class SoftRods(Law):
    r"""Rods on a ring with soft shells, which repel their neighbours by a power of the gap, moved by event chains.

    n rods of length 1 on a ring of length $n/\rho$; neighbours at a gap g below the `shell` $s \le 1$ have the energy,
    over the temperature,

    $$u(g) = \epsilon \left[(s/g)^k - 1\right] .$$

    No rod reaches beyond its neighbours, so as $n \to \infty$ the gaps are independent, of density
    $p(g) \propto e^{-u(g) - P g}$ with P the pressure over the temperature, which the mean gap $1/\rho - 1$
    determines. The averages are integrals over p. P is also that of the virial,
    $\rho\,(1 + E\,(1 + g)(-u'(g)))$, and the rate of events per displacement, $E|u'(g)|$. The structure factor at the
    wavenumber q is $S = \mathrm{Re}\,(1 + f)/(1 - f)$ with $f = E\,e^{i q (1 + g)}$; n times the variance of the mean
    energy tends to $\mathrm{Var}\,u - \mathrm{Cov}(u, g)^2 / \mathrm{Var}\,g$, as the gaps have a given sum.

    An event chain moves one rod forward until the energy with the next one has risen by an exponential random number;
    then that one moves on. Its excess of displacement is the pressure. The system starts at equal gaps;
    $2\,n \log n$ chains of lengths of the order of the ring make it forget them, as many are observed in 64
    configurations. Structure factors are taken at the nearest wavenumber of the ring, and the variance from half the
    squared differences of configurations that half of the chains lie between.
    """

    density: float = field(0.5, "rods per length, the length of a rod being 1", above=0, below=1)
    strength: float = field(1.5, "epsilon, over the temperature", above=0)
    power: float = field(4.0, "k, power of the gap", above=0, at_most=100)
    shell: float = field(0.8, "s, range of the energy beyond contact", above=0, at_most=1)
    waves: tuple[float, ...] = field(
        (0.125, 0.25, 0.5), "wavenumbers over 2 pi `density`, increasing", at_least=LONGEST, axis="wave"
    )

    defaults = Defaults(size="rods", sizes=(16, 32, 64), seeds=800, block=100)
    references = References(
        source=f"{TAKAHASHI}; {MICHEL}",
        status="proved",
        bibtex="""@article{Takahashi1942,
  author = {Takahashi, Hidetosi},
  title = {A simple method for treating the statistical mechanics of one-dimensional substances},
  journal = {Proceedings of the Physico-Mathematical Society of Japan}, volume = {24}, pages = {60--62}, year = {1942}
}
@article{MichelKapferKrauth2014,
  author = {Michel, Manon and Kapfer, Sebastian C. and Krauth, Werner},
  title = {Generalized event-chain {M}onte {C}arlo: constructing rejection-free global-balance algorithms
           from infinitesimal steps},
  journal = {The Journal of Chemical Physics}, volume = {140}, pages = {054116}, year = {2014}
}""",
    )
    observables = {
        "pressure": Observable("P", "pressure over temperature, from the distances between rods in events"),
        "virial_pressure": Observable(r"P_v", "pressure over temperature, from the virial of configurations"),
        "turning_rate": Observable(r"\lambda", "events per displacement"),
        "energy": Observable("u", "energy per rod, over the temperature"),
        "squared_gap": Observable(r"\overline{g^2}", "mean squared gap"),
        "structure_factor": Observable("S", "structure factor", dims=("wave",)),
        "energy_fluctuation": Observable(
            r"n \mathrm{Var}\,u", "n times the variance of the mean energy", resolution=0.1
        ),
    }
    exercises = (
        dict(density=0.7, strength=0.4, power=1.5, shell=0.5),
        dict(density=0.45, strength=3.0, power=9.0, shell=0.6),
    )
    landmarks = _landmarks()

    def check(self) -> None:
        """Raise `NoLimit` where `power` is too small, or `density` too high, for floating-point numbers."""
        highest = DENSEST / (1 / self.density - 1)
        if _lowest(self.strength, self.power, self.shell, highest) < SMALLEST:
            raise NoLimit(
                f"`power` of SoftRods is too small for this `strength`: rods would meet at gaps below {SMALLEST:g}."
            )
        if self._excess(math.log(DENSEST)) > 0:
            raise NoLimit(
                f"`density` of SoftRods is too high for these shells: the pressure would exceed {highest:.3g}."
            )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        """Rings whose nearest wavenumbers have another structure factor."""
        try:
            self.check()
        except NoLimit:
            return None
        gaps = self._gaps(self._pressure())
        waves = np.array(self.waves)
        wanted = gaps.structure(2 * np.pi * self.density * waves)
        for n in sorted(sizes):
            nearest = self._modes(n) / n
            there = gaps.structure(2 * np.pi * self.density * nearest)
            i = int(np.argmax(np.abs(there / wanted - 1)))
            if abs(there[i] / wanted[i] - 1) > ROUNDED:
                return (
                    f"the wavenumber nearest to {waves[i]:g} on a ring of {n} is {nearest[i]:.4g}, where the structure "
                    f"factor is {there[i]:.3g} and not {wanted[i]:.3g}; take sizes of which `waves` times the size is "
                    "whole"
                )
        return None

    def sizes_and_seeds(self, sizes: Any, seeds: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        chosen = super().sizes_and_seeds(sizes, seeds)
        self._check_run(min(chosen[0]))
        return chosen

    def predict(self) -> dict[str, Any]:
        gaps = self._gaps(self._pressure())
        g, u, force = gaps.points, gaps.energy, gaps.force
        mean, square = gaps.mean(g, 1), gaps.mean(g**2, 2)
        energy, covariance = gaps.mean(u), gaps.mean(u * g)
        covariance -= energy * mean
        return {
            "pressure": gaps.pressure,
            "virial_pressure": self.density * (1 + gaps.mean((1 + g) * force)),
            "turning_rate": gaps.mean(force),
            "energy": energy,
            "squared_gap": square,
            "structure_factor": gaps.structure(2 * np.pi * self.density * np.array(self.waves)),
            "energy_fluctuation": gaps.mean(u**2) - energy**2 - covariance**2 / (square - mean**2),
        }

    def _gaps(self, pressure: float) -> Gaps:
        return Gaps.of(float(self.strength), float(self.power), float(self.shell), pressure)

    def _pressure(self) -> float:
        """The pressure at which the mean gap is that of the density."""
        from scipy.optimize import brentq

        return math.exp(brentq(self._excess, -1.0, math.log(DENSEST), xtol=1e-14)) / (1 / self.density - 1)

    def _excess(self, log: float) -> float:
        """Of the mean gap over that of the density, the logarithm; that of the pressure times the latter is given."""
        gap = 1 / self.density - 1
        gaps = self._gaps(math.exp(log) / gap)
        return math.log(gaps.mean(gaps.points, 1) / gap)

    def _modes(self, n: int) -> np.ndarray:
        """The numbers of the wavenumbers of a ring of n rods that are nearest to `waves`."""
        return np.maximum(np.rint(n * np.array(self.waves)), 1)

    def _check_run(self, n: int) -> None:
        """Raise `NoLimit` where n rods cannot be run, though they have a limit."""
        fewest = math.ceil(4 * (1 + self.shell) * self.density)
        if n < 4 * (1 + self.shell) * self.density:
            raise NoLimit(f"SoftRods needs {fewest} rods or more, but n is {n}.")
        if self.shell * (self.strength / (self.strength + 1)) ** (1 / self.power) < THINNEST:
            raise NoLimit(
                f"`strength` of SoftRods is too weak to be run with this `power`: rods would meet at gaps below "
                f"{THINNEST:g}, where the forces of the virial are beyond what is observed."
            )

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.samplers.sphere_chains import sphere_chains
        from ...algorithms.samplers.spin_chains import variance_between_halves

        self._check_run(n)
        box, reach = n / self.density, 1 + self.shell
        rng = generator(key)
        chains, length = max(SNAPSHOTS, math.ceil(2 * n * math.log(n))), (box - n) / 2
        energy: dict[str, Any] = dict(power=self.power, strength=self.strength, scale=self.shell, core=1.0, reach=reach)
        settled = sphere_chains(np.arange(n)[:, None] * box / n, box, chains, length, rng, **energy)
        chain = sphere_chains(settled.configuration, box, chains, length, rng, **energy, count=SNAPSHOTS)
        places = chain.snapshots[:, :, 0]
        gaps = (np.roll(places, -1, axis=1) - places) % box - 1
        amplitudes = np.exp(2j * np.pi * self._modes(n)[:, None, None] / box * places).sum(axis=2)
        return {
            "pressure": chain.pressure,
            "virial_pressure": chain.virial_pressure,
            "turning_rate": chain.events / chain.displacement,
            "energy": chain.energies.mean(),
            "squared_gap": (gaps**2).mean(),
            "structure_factor": (np.abs(amplitudes) ** 2).mean(axis=1) / n,
            "energy_fluctuation": n * variance_between_halves(chain.energies),
        }


class Gaps(NamedTuple):
    """The distribution of a gap: nodes within the shell with their weights, and an exponential tail beyond it."""

    pressure: float
    shell: float
    points: np.ndarray
    weights: np.ndarray
    tail: float
    energy: np.ndarray
    force: np.ndarray

    @classmethod
    def of(cls, strength: float, power: float, shell: float, pressure: float) -> Gaps:
        """By Gauss-Legendre quadrature on panels that shrink towards contact."""
        lowest = _lowest(strength, power, shell, pressure)
        edges = np.geomspace(lowest, shell, 2000)
        x, w = np.polynomial.legendre.leggauss(8)
        half = np.diff(edges)[:, None] / 2
        g = (edges[:-1, None] + half * (1 + x)).ravel()
        rising = np.exp(math.log(strength) + power * np.log(shell / g))
        exponent = rising - strength + pressure * g
        least = min(exponent.min(), pressure * shell)
        weights = (half * w).ravel() * np.exp(least - exponent)
        tail = math.exp(least - pressure * shell) / pressure
        total = weights.sum() + tail
        return cls(pressure, shell, g, weights / total, tail / total, rising - strength, power * rising / g)

    def mean(self, values: np.ndarray, power: int | None = None) -> float:
        """The mean of a function of the gap, given at the points, and beyond the shell 0, or a power of the gap."""
        inside = float(self.weights @ values)
        if power is None:
            return inside
        terms = (math.perm(power, j) * self.shell ** (power - j) / self.pressure**j for j in range(power + 1))
        return inside + self.tail * sum(terms)

    def structure(self, q: np.ndarray) -> np.ndarray:
        """The structure factor Re (1 + f) / (1 - f) at wavenumbers q > 0, of which 1 - f is made without cancellation.

        f is the mean of exp(i q (1 + g)).
        """
        inside = -np.expm1(1j * np.outer(q, 1 + self.points)) @ self.weights
        beyond = -(self.pressure * np.expm1(1j * q * (1 + self.shell)) + 1j * q) / (self.pressure - 1j * q)
        return np.asarray(2 * (1 / (inside + self.tail * beyond)).real - 1)


def _lowest(strength: float, power: float, shell: float, pressure: float) -> float:
    """The gap whose density is 0 in floating point."""
    return shell * math.exp((math.log(strength) - math.log(strength + STEEP + pressure * shell)) / power)
