"""The p-spin model in equilibrium, of spins on a sphere and of Ising spins."""

from __future__ import annotations

import math
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np

from ....contract.batching import generator
from ....contract.law import Landmark, Law, Observable
from ....contract.record import StatementError, field
from .theory import (
    ising_free_energy,
    ising_ground_energy,
    ising_one_step,
    ising_stability,
    ising_thresholds,
)

CRISANTI_SOMMERS = "Crisanti and Sommers, Z. Phys. B 87 (1992) 341"
GARDNER = "Gardner, Nucl. Phys. B 257 (1985) 747"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for p, dynamic, static in (
        (3, 0.6123724356957946, 0.5860539724),
        (4, 0.5443310539518174, 0.503039351586548),
        (5, 0.5134898976610932, 0.46147986534353463),
    ):
        source = CRISANTI_SOMMERS + " (recomputed)"
        rows.append(Landmark(dict(p=p), "dynamic", dynamic, 1e-12, source, along="temperature"))
        rows.append(Landmark(dict(p=p), "static", static, 1e-10, source, along="temperature"))
    for p, ground in ((3, -1.65699836 / math.sqrt(2)), (4, -1.79408503 / math.sqrt(2)), (5, -1.3350097019298937)):
        source = "Auffinger, Ben Arous and Cerny, Comm. Pure Appl. Math. 66 (2013) 165: E_0 of the complexity of minima"
        rows.append(Landmark(dict(p=p, temperature=0.0), "energy", ground, 1e-8, source))
    rows.append(Landmark(dict(temperature=1.0), "free_energy", -0.25, 1e-14, "annealed: -1 / 4T"))
    ising = dict(spins="ising")
    rows += [
        Landmark(ising, "dynamic", 0.681598, 1e-6, GARDNER + " (recomputed)", along="temperature"),
        Landmark(ising, "static", 0.6513852, 1e-7, GARDNER + " (recomputed)", along="temperature"),
        Landmark(ising | dict(temperature=0.0), "energy", -0.81353496, 1e-8, GARDNER + " (recomputed)"),
    ]
    random_energy = "Derrida, Phys. Rev. B 24 (1981) 2613: the random energy model, to which p = 40 is within 1e-11"
    many = ising | dict(p=40)
    rows += [
        Landmark(many | dict(temperature=0.0), "energy", -math.sqrt(math.log(2)), 1e-9, random_energy),
        Landmark(many, "static", 1 / (2 * math.sqrt(math.log(2))), 1e-9, random_energy, along="temperature"),
    ]
    return tuple(rows)


class PSpinStatics(Law):
    r"""Spins on a sphere, or Ising spins, whose energy is a random polynomial, in equilibrium.

    n spins with $\sum_i s_i^2 = n$ (or each $s_i = \pm 1$, `spins="ising"`) and
    $H = -\sum_{i_1 < ... < i_p} J_{i_1 ... i_p} s_{i_1} ... s_{i_p}$, couplings of
    variance $p! / (2 n^{p-1})$, so that $E H(s) H(s') = n (s \cdot s' / n)^p / 2$ (the realised system has it exactly,
    at every n), at temperature $T = 1/\beta$. As $n \to \infty$ the free energy per spin, with the entropy of the
    uniform law on the sphere counted as zero, tends to that of one step of replica symmetry breaking, stationary in
    the overlap q of two configurations of one state and the probability 1 - x of being in one state,

    $$-\beta f = \frac{\beta^2}{4} [1 - (1 - x) q^p] + \frac{x - 1}{2x} \log(1 - q)
      + \frac{1}{2x} \log(1 - (1 - x) q).$$

    Stationarity makes $z = (1 - q) / (1 - q + x q)$ depend on p alone, $(1 - z)^2 / p z + \log z + 1 - z = 0$, and
    q the largest solution of $(1 - q)^2 q^{p-2} = 2 z T^2 / p$. Above the `static` temperature, where $x = 1$,
    $T_s^2 = \frac p2 z (1 - z)^{p-2}$, two configurations have overlap 0 and $f = -1 / 4T$; up to the `dynamic` one,
    $T_d^2 = \frac p2 (p-2)^{p-2} / (p-1)^{p-1}$, exponentially many states exist, and dynamics does not leave one.
    The energy is $-\frac{\beta}{2} [1 - (1 - x) q^p]$, and the square of the overlap of two independent configurations
    has the mean $(1 - x) q^2$.

    Of Ising spins, with averages over a field h of variance $v = \beta^2 p q^{p-1} / 2$ weighted by $\cosh^x h$,

    $$-\beta f = \frac{\beta^2}{4} [1 + (p - 1)(1 - x) q^p - p q^{p-1}]
      + \frac1x \log \int (2 \cosh h)^x \, dN_v(h),$$

    stationary at $q = \langle \tanh^2 h \rangle$ and in x; above the static temperature $f = -1/4T - T \log 2$, and
    far below it, where one step is unstable, f is a lower bound only. For large p it is the random energy model. A
    system's couplings join different spins and have the variance $n / 2 \binom np$, so that $E H^2 = n / 2$ at every n;
    it is sampled spin by spin, with exchange between temperatures, and its squared overlap averaged over pairs of
    different spins; above the transition finite-size corrections then fall as $n^{-2}$.

    A spherical system is sampled by replica exchange between temperatures from `temperature` to 1.6 T_d or above, with
    two independent copies at each and Hamiltonian moves along great circles, accepted by Metropolis' rule.
    """

    p: int = field(3, "spins that a coupling joins", at_least=3)
    temperature: float = field(1.2, "temperature", at_least=0, unit="energy")
    spins: str = field("spherical", "what a spin is: a coordinate on the sphere, or +-1", one_of=("spherical", "ising"))

    size = "spins"
    sizes = (8, 16, 24)
    seeds = 150
    block = 150
    source = f"{CRISANTI_SOMMERS}; {GARDNER}"
    bibtex = r"""@article{CrisantiSommers1992,
  author = {Crisanti, Andrea and Sommers, Hans-J{\"u}rgen},
  title = {The spherical p-spin interaction spin glass model: the statics},
  journal = {Zeitschrift f{\"u}r Physik B}, volume = {87}, pages = {341--354}, year = {1992}
}
@article{Gardner1985,
  author = {Gardner, Elizabeth},
  title = {Spin glasses with p-spin interactions},
  journal = {Nuclear Physics B}, volume = {257}, pages = {747--765}, year = {1985}
}"""
    status = "proved (Talagrand, 2006, for even p; Chen, 2013, for all p)"
    compiled = False
    observables = {
        "energy": Observable("e", "energy per spin", unit="energy"),
        "squared_overlap": Observable("Q", "square of the overlap of two independent configurations", scale=1.0),
        "overlap": Observable("q", "overlap of two configurations of one state", limit_only=True),
        "breakpoint": Observable("x", "probability that two configurations are of different states", limit_only=True),
        "free_energy": Observable("f", "free energy per spin", unit="energy", limit_only=True),
    }
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spins == "ising":  # see `_ising_system`: what is of order 1/n there is taken out
            object.__setattr__(self, "bias", 2.0)
            object.__setattr__(self, "sizes", (16, 24, 32) if self.p == 3 else (8, 16, 24))

    def predict(self) -> dict[str, Any]:
        p, T = int(self.p), float(self.temperature)
        if self.spins == "ising":
            return _ising(p, T)
        q, x = one_step(p, T)
        if T == 0:
            z = universal(p)
            ground = -math.sqrt(2 * z / p) * (p + (1 - z) / z) / 2
            return dict(energy=ground, squared_overlap=1.0, overlap=1.0, breakpoint=0.0, free_energy=ground)
        power = 1 - (1 - x) * q**p
        entropic = ((x - 1) * math.log1p(-q) + math.log1p(-(1 - x) * q)) / (2 * x)
        return {
            "energy": -power / (2 * T),
            "squared_overlap": (1 - x) * q**2,
            "overlap": q,
            "breakpoint": x,
            "free_energy": -power / (4 * T) - T * entropic,
        }

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        from ....algorithms.landscape.critical_points import symmetric_couplings
        from ....algorithms.sphere.exchange import spherical_exchange

        p = int(self.p)
        if self.spins == "ising":
            rows = [_ising_system(n, p, float(self.temperature), generator(key)) for key in keys]
            return {k: np.array([row[k] for row in rows]) for k in rows[0]}
        J = np.stack([symmetric_couplings(n, p, generator(key)) for key in keys])
        found = spherical_exchange(J, keys, ladder(p, float(self.temperature)))
        return {k: found[k] for k in ("energy", "squared_overlap")}

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}

    def valid(self) -> str | None:
        """Near and below the static transition sizes that can be sampled are far from the limit."""
        p, T = int(self.p), float(self.temperature)
        ising = self.spins == "ising"
        if ising and (T == 0 or ising_stability(p, T) < 0):
            return "here one step of replica symmetry breaking is unstable: its free energy is a lower bound only"
        if 1.8 * (ising_thresholds(p) if ising else thresholds_of(p))["static"] > T:
            return (
                "up to well above the static transition finite-size corrections fall slowly: systems of some tens "
                "of spins do not resolve the limit"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `temperature`: `static`, of the free energy, and `dynamic`, below which states trap the dynamics."""
        if along != "temperature":
            raise StatementError(
                f"PSpinStatics has no known transition along {along!r}; there are two along 'temperature'."
            )
        return ising_thresholds(int(self.p)) if self.spins == "ising" else thresholds_of(int(self.p))


def _ising(p: int, temperature: float) -> dict[str, float]:
    """The observables of Ising spins."""
    if temperature == 0:
        ground = ising_ground_energy(p)
        return dict(energy=ground, squared_overlap=1.0, overlap=1.0, breakpoint=0.0, free_energy=ground)
    q, x, _ = ising_one_step(p, temperature)
    return {
        "energy": -(1 - (1 - x) * q**p) / (2 * temperature),
        "squared_overlap": (1 - x) * q**2,
        "overlap": q,
        "breakpoint": x,
        "free_energy": ising_free_energy(p, temperature),
    }


def _ising_system(n: int, p: int, temperature: float, rng: np.random.Generator) -> dict[str, float]:
    """The observables of one system of n Ising spins, at the lowest of a ladder of temperatures that reaches 1.6.

    The squared overlap is the mean over pairs of different spins, which is zero for free ones at every n.
    """
    from ....algorithms.spins import product_tempering

    if n <= p:
        raise StatementError(f"A system of Ising spins must have more than p = {p} of them, but has {n}.")
    members = np.array(list(combinations(range(n), p)))
    J = rng.standard_normal(len(members)) * math.sqrt(n / (2 * len(members)))
    lowest = max(temperature, 0.05)
    count = 2 + math.ceil(max(0.0, math.log(1.6 / lowest)) * math.sqrt(n) / 1.5)
    T = np.geomspace(lowest, max(1.6, 1.2 * lowest), count)
    found = product_tempering(members, J, T, 40 * math.ceil(math.sqrt(n)), rng)
    squared = float(found["squared_overlap"][0])
    return {"energy": float(found["energy"][0]), "squared_overlap": (n * squared - 1) / (n - 1)}


@cache
def universal(p: int) -> float:
    """Crisanti and Sommers' z: the root in (0, 1) of (1 - z)**2 / (p z) + log z + 1 - z, which 1 is a root of too."""
    from scipy.optimize import brentq

    # divided by (1 - z)**2 the root at 1 is gone: 1/p - 1/2 there, and infinite at 0
    return float(brentq(lambda z: 1 / (p * z) + (math.log(z) + 1 - z) / (1 - z) ** 2, 1e-300, 1 - 1e-3, xtol=1e-16))


@cache
def thresholds_of(p: int) -> dict[str, float]:
    """The static and the dynamic transition temperature."""
    z = universal(p)
    dynamic = math.sqrt(p * (p - 2) ** (p - 2) / (2 * (p - 1) ** (p - 1)))
    return {"static": math.sqrt(p / 2 * z * (1 - z) ** (p - 2)), "dynamic": dynamic}


def one_step(p: int, temperature: float) -> tuple[float, float]:
    """Overlap within a state and breakpoint; 0 and 1 above the static transition, 1 and 0 at zero temperature."""
    from scipy.optimize import brentq

    if temperature >= thresholds_of(p)["static"]:
        return 0.0, 1.0
    z = universal(p)
    side = math.sqrt(2 * z / p) * temperature
    # in 1 - q, so that small temperatures lose no digits; the left side grows up to 1 - q = 2 / p
    rest = brentq(lambda r: r * (1 - r) ** ((p - 2) / 2) - side, 0.0, min(2 / p, z * (1 + 1e-12)), xtol=1e-300)
    q = 1 - float(rest)
    return q, float(rest) * (1 - z) / (z * q)


def ladder(p: int, temperature: float) -> tuple[float, ...]:
    """Temperatures of the exchange, lowest first: where the dynamics slows down, a geometric sequence upwards."""
    lowest = max(temperature, 0.05)
    highest = max(lowest, 1.6 * math.sqrt(p * (p - 2) ** (p - 2) / (2 * (p - 1) ** (p - 1))))
    return tuple(float(T) for T in np.geomspace(lowest, highest, 1 + math.ceil(math.log(highest / lowest) / 0.18)))
