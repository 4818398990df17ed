"""The p-spin model in equilibrium, of spins on a sphere and of Ising spins."""

from __future__ import annotations

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from .landmarks import CRISANTI_SOMMERS, GARDNER, LANDMARKS
from .theory import ising_stability


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

    defaults = Defaults(size="spins", sizes=(12, 24, 36), seeds=600, block=150)
    references = References(
        source=f"{CRISANTI_SOMMERS}; {GARDNER}",
        status="proved (Talagrand, 2006, for even p; Chen, 2013, for all p)",
        bibtex=r"""@article{CrisantiSommers1992,
  author = {Crisanti, Andrea and Sommers, Hans-J{\"u}rgen},
  title = {The spherical p-spin interaction spin glass model: the statics},
  journal = {Zeitschrift f{\"u}r Physik B}, volume = {87}, pages = {341--354}, year = {1992}
}
@article{Gardner1985,
  author = {Gardner, Elizabeth},
  title = {Spin glasses with p-spin interactions},
  journal = {Nuclear Physics B}, volume = {257}, pages = {747--765}, year = {1985}
}""",
    )
    observables = {
        "energy": Observable("e", "energy per spin", unit="energy"),
        "squared_overlap": Observable("Q", "square of the overlap of two independent configurations", scale=1.0),
        "overlap": Observable("q", "overlap of two configurations of one state", limit_only=True),
        "breakpoint": Observable("x", "probability that two configurations are of different states", limit_only=True),
        "free_energy": Observable("f", "free energy per spin", unit="energy", limit_only=True),
    }
    landmarks = LANDMARKS

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.spins == "ising":  # see `_ising_system`: what is of order 1/n there is taken out
            object.__setattr__(self, "bias", 2.0)
            object.__setattr__(self, "sizes", (16, 24, 32) if self.p == 3 else (8, 16, 24))

    def valid(self) -> str | None:
        """Near and below the static transition sizes that can be sampled are far from the limit."""
        p, T = int(self.p), float(self.temperature)
        ising = self.spins == "ising"
        if ising and (T == 0 or ising_stability(p, T) < 0):
            return "here one step of replica symmetry breaking is unstable: its free energy is a lower bound only"
        from .theory import ising_thresholds, thresholds_of

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
        from .theory import ising_thresholds, thresholds_of

        return ising_thresholds(int(self.p)) if self.spins == "ising" else thresholds_of(int(self.p))
