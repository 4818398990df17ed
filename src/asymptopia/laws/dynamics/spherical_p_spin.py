"""Glassy dynamics of the spherical p-spin model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...theory import glassy as theory
from ...theory.glassy import checked_times, two_time_limit

CUGLIANDOLO_KURCHAN = "Cugliandolo and Kurchan, Phys. Rev. Lett. 71 (1993) 173"
CUGLIANDOLO_DEAN = (
    "Cugliandolo and Dean, J. Phys. A 28 (1995) 4213 (recomputed: closed form through the semicircle law)"
)
CRISANTI_SOMMERS = "Crisanti and Sommers, Z. Phys. B 87 (1992) 341 (recomputed)"
RECOMPUTED = "second-order integration, extrapolated in the step; equations of Crisanti, Horner and Sommers (1993)"


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(p=p, temperature=0.0), "asymptotic_energy", e, 1e-12, CUGLIANDOLO_KURCHAN + ": threshold energy")
        for p, e in ((3, -1.1547005383792515), (4, -1.224744871391589), (5, -1.2649110640673518))
    ]
    for p, temperature, e in ((2, 0.2, -0.9), (4, 0.5, -0.9480684814894919), (5, 0.2, -1.1612636655031194)):
        rows.append(
            Landmark(
                dict(p=p, temperature=temperature), "asymptotic_energy", e, 1e-12, CUGLIANDOLO_KURCHAN + ": ageing"
            )
        )
    quenches = [
        (2, 0.0, 10.0, -0.9627404353619466, CUGLIANDOLO_DEAN),
        (2, 0.2, 10.0, -0.8632895424049083, CUGLIANDOLO_DEAN),
        (2, 0.5, 100.0, -0.7462885533951253, CUGLIANDOLO_DEAN),
        (3, 0.2, 1.0, -0.700712333117916, RECOMPUTED),
        (3, 0.2, 10.0, -0.9775377611496748, RECOMPUTED),
        (3, 0.5, 1.0, -0.586993130265405, RECOMPUTED),
        (3, 0.5, 50.0, -0.8560583788164119, RECOMPUTED),
    ]
    for p, temperature, t, e, source in quenches:
        fields = dict(p=p, temperature=temperature, times=(t,))
        rows.append(Landmark(fields, "energy", e, 1e-6, source, at=(0,)))
    for p, dynamic, static in (
        (3, 0.6123724356957946, 0.5860539724),
        (4, 0.5443310539518174, 0.503039351586548),
        (5, 0.5134898976610932, 0.46147986534353463),
    ):
        rows.append(Landmark(dict(p=p), "dynamic", dynamic, 1e-10, CRISANTI_SOMMERS, along="temperature"))
        rows.append(Landmark(dict(p=p), "static", static, 1e-9, CRISANTI_SOMMERS, along="temperature"))
    return tuple(rows)


class SphericalPSpin(Law):
    r"""Langevin dynamics of spins on a sphere whose energy is a random polynomial.

    n spins with $\sum_i s_i^2 = n$ and $H = -\sum_{i_1 < ... < i_p} J_{i_1 ... i_p} s_{i_1} ... s_{i_p}$, couplings of
    variance $p! / (2 n^{p-1})$, so that $E H(s) H(s') = n f(s \cdot s' / n)$ with $f(q) = q^p / 2$; a `mixture` of
    orders has $f(q) = \sum_p a_p q^p / 2$. A planted signal v, $|v|^2 = n$, adds $-\lambda n f(s \cdot v / n)$,
    $\lambda$ = `snr`. The dynamics is

    $$ds = -\nabla H dt + \sqrt{2T} dB + \text{constraint},$$

    from a random start (of overlap `start_overlap` with the signal) or from equilibrium at `start_temperature`. As
    $n \to \infty$ at fixed times, correlation $C(t, t') = s(t) \cdot s(t') / n$, response R and overlap m solve
    with $\Sigma(t, s) = f''(C(t, s)) R(t, s)$ for $t > t'$

    $$\partial_t C(t, t') = -\mu(t) C + \int_0^t \Sigma(t, s) C(s, t') ds + \int_0^{t'} f'(C(t, s)) R(t', s) ds
      + \lambda f'(m(t)) m(t'),$$

    with the multiplier $\mu$ that keeps $C(t, t) = 1$, and alike for R and m. The energy per spin is
    $-\int_0^t f'(C) R ds - \lambda f(m)$. Equilibrium at temperature T' is a signal at which the dynamics starts,
    with $\lambda = 1/T'$, as long as T' is above the static transition. `overlap` is that with the signal or, where
    none is planted, with the start.

    `asymptotic_energy` is the limit of long times after that of large n: of marginal states below the dynamic
    transition (the threshold energy $-\sqrt{2(p-1)/p}$ at T = 0), of the paramagnet above it, or of the state near
    the signal (or near minus the signal, for an overlap below 0) if the overlap grows to that state's. Energies are for
    $E H H' = n q^p / 2$; times $\sqrt 2$ they are those for $n q^p$.
    """

    p: int = field(3, "spins that a coupling joins", at_least=2)
    temperature: float = field(0.5, "temperature of the dynamics", at_least=0, unit="energy")
    snr: float = field(0.0, "strength of the planted signal; 1 / temperature is Bayes-optimal", at_least=0)
    start: str = field("random", "where the dynamics starts", one_of=("random", "equilibrium"))
    times: tuple = field((0.5, 1.0, 2.0, 4.0), "times at which to look, increasing")
    mixture: tuple = field((), "pairs (order, a) of a mixed model, f(q) = sum of a q**order / 2; replaces `p`")
    start_overlap: float = field(0.0, "overlap of a random start with the signal", at_least=-1, at_most=1)
    start_temperature: float | None = field(None, "temperature of an equilibrium start; None: that of the dynamics")

    defaults = Defaults(size="spins", sizes=(36, 72, 144), seeds=1400, block=50)
    references = References(
        source=CUGLIANDOLO_KURCHAN + "; Crisanti, Horner and Sommers, Z. Phys. B 92 (1993) 257",
        status=(
            "the equations proved (Ben Arous, Dembo and Guionnet, 2006); the energy at infinite time heuristic: "
            "weak ergodicity breaking is assumed"
        ),
        bibtex=r"""@article{CugliandoloKurchan1993,
  author = {Cugliandolo, Leticia F. and Kurchan, Jorge},
  title = {Analytical solution of the off-equilibrium dynamics of a long-range spin-glass model},
  journal = {Physical Review Letters}, volume = {71}, pages = {173--176}, year = {1993}
}
@article{CrisantiHornerSommers1993,
  author = {Crisanti, Andrea and Horner, Heinz and Sommers, Hans-J{\"u}rgen},
  title = {The spherical p-spin interaction spin-glass model: the dynamics},
  journal = {Zeitschrift f{\"u}r Physik B}, volume = {92}, pages = {257--271}, year = {1993}
}""",
    )
    observables = {
        "energy": Observable("e", "energy per spin", unit="energy", dims=("time",)),
        "overlap": Observable("m", "overlap with the signal, or with the start", dims=("time",), scale=1.0),
        "correlation": Observable("C", "overlap of the states at two times", dims=("time", "time2")),
        "asymptotic_energy": Observable("e_\\infty", "energy at long times", unit="energy", limit_only=True),
    }
    exercises = (dict(temperature=0.4, snr=1.5, start_overlap=0.5, times=(0.5, 1.0, 2.0)),)
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_times(self.times, "SphericalPSpin")
        _checked_mixture(self.mixture)

    def predict(self) -> dict[str, Any]:
        signal, overlap = self._signal()
        f, temperature = self.landscape(), float(self.temperature)
        solution = two_time_limit(f, temperature, self.times, signal, overlap)
        return solution | {"asymptotic_energy": theory.asymptotic_energy(f, temperature, signal, overlap)}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.sphere.langevin import spherical_langevin

        signal, overlap = self._signal()
        return spherical_langevin(
            n, key, self.landscape(), self.temperature, self.times, signal=signal, overlap=overlap
        )

    def coords(self) -> dict[str, Any]:
        return {"time": np.asarray(self.times), "time2": np.asarray(self.times)}

    def landscape(self) -> tuple[float, ...]:
        """The coefficients of f, constant first."""
        pairs = self.mixture or ((self.p, 1.0),)
        f = [0.0] * (1 + max(int(p) for p, _ in pairs))
        for p, a in pairs:
            f[int(p)] += float(a) / 2
        return tuple(f)

    def _signal(self) -> tuple[float, float]:
        """Strength of the signal and overlap with it at the start; equilibrium and no signal start at it."""
        if self.start == "equilibrium":
            return 1 / float(self._start_temperature()), 1.0
        return (float(self.snr), float(self.start_overlap)) if self.snr > 0 else (0.0, 1.0)

    def _start_temperature(self) -> float:
        return self.temperature if self.start_temperature is None else self.start_temperature

    def check(self) -> None:
        """An equilibrium start needs `snr` 0 and a temperature above the static transition."""
        if self.start != "equilibrium":
            return
        if self.snr > 0:
            raise NoLimit(f"`snr` of SphericalPSpin must be 0 for a start in equilibrium, but is {self.snr:g}.")
        lowest, start = theory.static_temperature(self.landscape()), self._start_temperature()
        if not start >= lowest * (1 - 1e-12):
            raise NoLimit(
                f"A start in equilibrium is known at temperatures >= {lowest:.6g} only, where the statics is that of a "
                f"paramagnet, but that of SphericalPSpin is {start:g}."
            )

    def valid(self) -> str | None:
        """Mixtures with pairs may break ergodicity at all scales; ageing may keep memory of a start in equilibrium."""
        f = self.landscape()
        if f[2] > 0 and len(f) > 3 and self.temperature < theory.dynamic_temperature(f):
            return "with couplings of pairs beside others, `asymptotic_energy` assumes one step of ageing, unchecked"
        if self.start == "equilibrium" and self._start_temperature() != self.temperature:
            state = theory.signal_state(f, self.temperature, 1 / self._start_temperature())
            if (state is None or state[2] >= 1) and self.temperature < theory.dynamic_temperature(f):
                return "ageing after equilibrium may keep memory of it, which `asymptotic_energy` neglects"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `temperature`: `dynamic`, below which a random start ages, and `static`, of the equilibrium.

        Along `snr`: `recovery`, above which an arbitrarily small overlap with the signal grows; inf without pairs.
        """
        f = self.landscape()
        if along == "temperature":
            return {"dynamic": theory.dynamic_temperature(f), "static": theory.static_temperature(f)}
        if along == "snr":
            chi = theory.marginal_response(f, self.temperature) or 1 / self.temperature
            return {"recovery": 1 / (2 * f[2] * chi) if f[2] > 0 else float("inf")}
        raise StatementError(
            f"SphericalPSpin has no known transition along {along!r}; there are some along 'temperature' and 'snr'."
        )


def _checked_mixture(mixture: tuple) -> None:
    for pair in mixture:
        if (
            not (isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(v, (int, float)) for v in pair))
            or pair[0] != int(pair[0])
            or not (pair[0] >= 2 and 0 < pair[1] < float("inf"))
        ):
            raise StatementError(
                f"`mixture` of SphericalPSpin must hold pairs (order >= 2, coefficient > 0), but has {pair!r}."
            )
