"""Event chains of rods on a line: the pressure from the events, and the structure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

TONKS = "Tonks, Phys. Rev. 50 (1936) 955, equation 15"
TAKAHASHI = "Takahashi, Proc. Phys.-Math. Soc. Japan 24 (1942) 60; Salsburg, Zwanzig and Kirkwood (1953)"
MICHEL = "Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116, equation 20"
ZERNIKE = "Zernike and Prins, Z. Phys. 41 (1927) 184: q**2 / (q**2 + 2 (1 - cos q) + 2 q sin q) at q = pi"
SNAPSHOTS = 256


def _landmarks() -> tuple[Landmark, ...]:
    hard = dict(step=0.0)
    return (
        Landmark(hard, "pressure", 1.0, 1e-10, TONKS + ": density / (1 - density)"),
        Landmark(hard | dict(density=0.75), "pressure", 3.0, 1e-9, TONKS),
        Landmark(hard, "turning_rate", 1.0, 1e-10, "contact density of the gaps, an exponential law"),
        Landmark(hard, "squared_gap", 2.0, 1e-9, "second moment of an exponential law"),
        Landmark(hard, "squared_gap_fluctuation", 4.0, 1e-8, "of exponential gaps of a given sum: 20 - 16"),
        Landmark(hard | dict(waves=(1.0,)), "structure_factor", math.pi**2 / (math.pi**2 + 4), 1e-9, ZERNIKE, at=(0,)),
    )


class EventChain(Law):
    r"""Rods on a line that repel or attract their neighbours, moved by event chains without rejections.

    n rods of length 1 on a ring of length $n/\rho$; neighbours at a gap below `width` have the energy $\epsilon$ =
    `step` in units of the temperature. As $n \to \infty$ the gaps g are independent, of density
    $p(g) \propto e^{-\phi(g) - P g}$ with P the pressure over the temperature, which the mean gap determines:

    $$E\,g = 1/\rho - 1 .$$

    Without a step $P = \rho/(1 - \rho)$. An event chain moves one rod until another stops it, which then moves on; the
    other is the next one, in touch or at the step upwards, or the last one at the step downwards behind. Chains pass
    from rod to rod at the rate (turns per displacement)
    $p(0) + |p(w^-) - p(w^+)|$ with w the `width`, and the distances from rod to rod sum to the pressure. The
    structure factor at the wavenumber q is $S = \mathrm{Re}\,(1 + f)/(1 - f)$, $f = E\,e^{i q (1 + g)}$. The mean of
    $g^2$ over a configuration fluctuates as that of independent gaps of a given sum: n times its variance tends to
    $\mathrm{Var}\,g^2 - \mathrm{Cov}(g^2, g)^2 / \mathrm{Var}\,g$.

    The system starts at equal gaps; $3\,n \log n$ chains of lengths of the order of the ring make it forget them, as
    many are observed in 256 configurations. Structure factors are taken at the nearest wavenumber of the ring, in every
    fourth of these, and the variance from half the squared differences of all configurations that at least a quarter of
    the chains lie between.
    """

    density: float = field(0.5, "rods per length, the length of a rod being 1", above=0, below=1)
    step: float = field(1.0, "energy of neighbours at a gap below `width`, over the temperature")
    width: float = field(0.5, "range of that energy beyond contact", above=0, at_most=1)
    waves: tuple[float, ...] = field(
        (0.25, 0.5, 1.0), "wavenumbers over 2 pi `density`, increasing", at_least=0, axis="wave"
    )

    defaults = Defaults(size="rods", sizes=(64, 128, 256), seeds=1000, block=200)
    references = References(
        source=f"{TAKAHASHI}; {MICHEL}",
        status="proved",
        bibtex="""@article{Tonks1936,
  author = {Tonks, Lewi},
  title = {The complete equation of state of one, two and three-dimensional gases of hard elastic spheres},
  journal = {Physical Review}, volume = {50}, pages = {955--963}, year = {1936}
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
        "turning_rate": Observable(r"\lambda", "events per displacement"),
        "contacts": Observable("c", "share of neighbours within the range of the energy"),
        "squared_gap": Observable(r"\overline{g^2}", "mean squared gap"),
        "structure_factor": Observable("S", "structure factor", dims=("wave",)),
        "squared_gap_fluctuation": Observable(
            r"n \mathrm{Var}\,\overline{g^2}", "n times the variance of the mean squared gap", resolution=0.1
        ),
    }
    landmarks = _landmarks()

    def check(self) -> None:
        if abs(self.step) > 20:
            raise NoLimit(
                "`step` of EventChain must be between -20 and 20 temperatures, beyond which chains never cross it, "
                f"but is {self.step:g}."
            )

    def predict(self) -> dict[str, Any]:
        P = self._pressure()
        w, weight = float(self.width), math.exp(-self.step)
        moments = _moments(P, w, weight)
        m = moments / moments[0]
        inside, outside = weight * math.exp(-P * w) / moments[0], math.exp(-P * w) / moments[0]
        z = P - 2j * np.pi * self.density * np.array(self.waves)
        transform = (weight * (1 - np.exp(-z * w)) + np.exp(-z * w)) / z / moments[0]
        f = np.exp(P - z) * transform
        covariance, variance = m[3] - m[1] * m[2], m[2] - m[1] ** 2
        return {
            "pressure": P,
            "turning_rate": weight / moments[0] + abs(inside - outside),
            "contacts": weight * -math.expm1(-P * w) / P / moments[0],
            "squared_gap": m[2],
            "structure_factor": ((1 + f) / (1 - f)).real,
            "squared_gap_fluctuation": m[4] - m[2] ** 2 - covariance**2 / variance,
        }

    def _pressure(self) -> float:
        """The pressure at which the mean gap is that of the density."""
        from scipy.optimize import brentq

        self.check()
        gap, w, weight = 1 / self.density - 1, float(self.width), math.exp(-self.step)

        def excess(log: float) -> float:
            moments = _moments(math.exp(log), w, weight)
            return float(math.log(moments[1] / moments[0] / gap))

        middle = -math.log(gap)
        return math.exp(brentq(excess, middle - 25, middle + 25, xtol=1e-14))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.samplers.event_chain import rod_chains

        if n < 2:
            raise NoLimit(f"EventChain needs two rods or more, but n is {n}.")
        rng = generator(key)
        chains = max(SNAPSHOTS, math.ceil(3 * n * math.log(n)))
        gaps = np.full(n, 1 / self.density - 1)
        settled = rod_chains(gaps, chains, rng, step=self.step, width=self.width)
        chains_run = rod_chains(settled.configuration, chains, rng, step=self.step, width=self.width, count=SNAPSHOTS)
        places = np.cumsum(1 + chains_run.snapshots[::4], axis=1)
        modes = np.maximum(np.rint(n * np.array(self.waves)), 1)
        amplitudes = np.exp(2j * np.pi * modes[:, None, None] * self.density / n * places).sum(axis=2)
        squared_gaps = (chains_run.snapshots**2).mean(axis=1)
        first, second = np.triu_indices(SNAPSHOTS, SNAPSHOTS // 4)
        apart = squared_gaps[first] - squared_gaps[second]
        return {
            "pressure": chains_run.pressure(self.density),
            "turning_rate": chains_run.events / chains_run.displacement,
            "contacts": (chains_run.snapshots < self.width).mean(),
            "squared_gap": squared_gaps.mean(),
            "structure_factor": (np.abs(amplitudes) ** 2).mean(axis=1) / n,
            "squared_gap_fluctuation": n * (apart**2).mean() / 2,
        }


def _moments(P: float, w: float, weight: float) -> np.ndarray:
    """Integrals of g**k e**(-phi(g) - P g) for k = 0 to 4."""
    from scipy.special import factorial, gammainc, gammaincc

    k = np.arange(5)
    return np.asarray(factorial(k) / P ** (k + 1) * (weight * gammainc(k + 1, P * w) + gammaincc(k + 1, P * w)))
