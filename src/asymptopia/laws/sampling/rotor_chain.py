"""Rotors of the plane on a ring, moved by event chains: structure, susceptibility, and the rate of events."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

if TYPE_CHECKING:
    from ...theory.transfer import TransferOperator

FISHER = "Fisher, Am. J. Phys. 32 (1964) 343; Joyce, Phys. Rev. 155 (1967) 478: u = I_1(K) / I_0(K) for the plane"
MICHEL = "Michel, Mayer and Krauth, EPL 112 (2015) 20003"
STRUVE = "the mean of |sin| under e**(K cos): 2 sinh(K) / (pi K I_0(K)), times K"
SNAPSHOTS = 64


def _landmarks() -> tuple[Landmark, ...]:
    free, u = dict(h=0.0), 0.4463899658965345
    return (
        Landmark(free, "alignment", u, 1e-10, FISHER),
        Landmark(free, "correlation", u**4, 1e-10, FISHER, at=(2,)),
        Landmark(free, "susceptibility", (1 + u) / (1 - u) / 2, 1e-9, FISHER),
        Landmark(free, "turning_rate", 2 * math.sinh(1) / math.pi / 1.2660658777520084, 1e-9, STRUVE),
        Landmark(
            dict(coupling=1e-12),
            "magnetisation",
            0.24249961258080197,
            1e-9,
            "a single rotor: I_1(h) / I_0(h) at h = 1/2",
        ),
    )


class RotorChain(Law):
    r"""Rotors of the plane on a ring that align with their neighbours, moved by event chains without rejections.

    n rotors $\theta_i$ on a ring have the probability density
    $\propto \exp(K \sum_i \cos(\theta_i - \theta_{i+1}) + h \sum_i \cos\theta_i)$: the XY model in one dimension. As
    $n \to \infty$ its averages follow from the transfer operator

    $$T(\theta, \theta') = e^{h (\cos\theta + \cos\theta') / 2 + K \cos(\theta - \theta')},$$

    with eigenvalues $\lambda_0 > \lambda_1 \ge \dots$ and eigenfunctions $\psi_k$:

    $$E\,f(\theta) = \langle\psi_0|f|\psi_0\rangle, \qquad
      E\,f(\theta_0) f(\theta_r) = \sum_k (\lambda_k/\lambda_0)^r \langle\psi_0|f|\psi_k\rangle^2 .$$

    Without a field $\lambda_k = 2\pi I_k(K)$ and the correlation at the distance r is $(I_1(K)/I_0(K))^r$. An event
    chain turns one rotor until the energy with a neighbour, or with the field, stops it; the neighbour turns on, or the
    rotor turns back. It does so at the rate (events per angle)
    $K\,E|\sin(\theta_0 - \theta_1)| + \frac h2 E|\sin\theta|$.

    Corrections of a ring fall exponentially with n over the correlation length $1/\log(\lambda_0/\lambda_1)$. The
    system starts from independent uniform angles, and turns by $40 \log n$ radians a rotor to forget them and by three
    times as much while 64 configurations are observed. n times the variance of the mean cosine is taken from half the
    squared differences of configurations that half of these chains lie between.
    """

    coupling: float = field(1.0, "K, the coupling over the temperature", above=0)
    h: float = field(0.5, "external field over the temperature", at_least=0)
    distances: tuple[int, ...] = field((1, 2, 4, 8), "distances of two rotors, increasing", at_least=0, axis="distance")

    defaults = Defaults(size="rotors", sizes=(32, 64, 128), seeds=400, bias=math.inf, block=50)
    references = References(
        source=f"{FISHER}; {MICHEL}",
        status="proved",
        bibtex="""@article{MichelMayerKrauth2015,
  author = {Michel, Manon and Mayer, Johannes and Krauth, Werner},
  title = {Event-chain {M}onte {C}arlo for classical continuous spin models},
  journal = {EPL}, volume = {112}, pages = {20003}, year = {2015}
}
@article{Joyce1967,
  author = {Joyce, G. S.},
  title = {Classical {H}eisenberg model},
  journal = {Physical Review}, volume = {155}, pages = {478--491}, year = {1967}
}""",
    )
    observables = {
        "alignment": Observable(
            r"E\cos(\theta_0 - \theta_1)", "mean cosine between neighbours", scale=1.0, resolution=0.02
        ),
        "magnetisation": Observable("m", "mean cosine to the external field", scale=1.0, resolution=0.02),
        "correlation": Observable("C", "mean cosine between two rotors", dims=("distance",), scale=1.0),
        "susceptibility": Observable(r"\chi", "n times the variance of the mean cosine to the field"),
        "turning_rate": Observable(r"\lambda", "events per angle that the chains turn by", resolution=0.02),
    }
    exercises = (dict(coupling=2.5, h=0.3), dict(coupling=0.4, h=2.0))
    landmarks = _landmarks()

    def check(self) -> None:
        if self.coupling > 100 or self.h > 100:
            raise NoLimit(
                "`coupling` and `h` of RotorChain must be at most 100, where rotors are all but aligned, but are "
                f"{self.coupling:g} and {self.h:g}."
            )

    def predict(self) -> dict[str, Any]:
        from ...theory.transfer import refined

        self.check()
        return refined(self._averages, f"The limit of {self!r}")

    def _averages(self, count: int) -> dict[str, Any]:
        from ...theory.transfer import smoothed

        operator, angle = self._operator(count), _angles(count)
        cosine, sine = np.cos(angle), np.sin(angle)
        turns = np.subtract.outer(np.arange(count), np.arange(count)) % count
        steep = smoothed(lambda x: np.abs(np.sin(x)), angle)
        return {
            "alignment": operator.bond_mean(cosine[turns]),
            "magnetisation": operator.mean(cosine),
            "correlation": operator.correlation(cosine, self.distances) + operator.correlation(sine, self.distances),
            "susceptibility": operator.susceptibility(cosine),
            "turning_rate": self.coupling * operator.bond_mean(steep[turns]) + self.h / 2 * operator.mean(steep),
        }

    def _operator(self, count: int) -> TransferOperator:
        from ...theory.transfer import TransferOperator

        angle = _angles(count)
        alone, together = self.h * np.cos(angle), self.coupling * np.cos(angle[:, None] - angle)
        return TransferOperator.of(angle, (alone[:, None] + alone) / 2 + together)

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return self._operator(256).too_short(min(sizes))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.samplers.spin_chains import ring_snapshots, rotor_chains, variance_between_halves

        if n <= 2 * max(self.distances, default=1):
            raise NoLimit(f"RotorChain needs more than twice as many rotors as the largest distance, but n is {n}.")
        rng = generator(key)
        run = partial(rotor_chains, coupling=self.coupling, field=self.h)
        chains = ring_snapshots(run, rng.uniform(0, 2 * np.pi, n), 1.0, rng, SNAPSHOTS)
        angles = chains.snapshots
        magnetisation = np.cos(angles).mean(axis=1)
        correlation = [np.cos(angles - np.roll(angles, r, axis=1)).mean() for r in self.distances]
        return {
            "alignment": np.cos(angles - np.roll(angles, 1, axis=1)).mean(),
            "magnetisation": magnetisation.mean(),
            "correlation": np.array(correlation),
            "susceptibility": n * variance_between_halves(magnetisation),
            "turning_rate": chains.turning_rate,
        }


def _angles(count: int) -> np.ndarray:
    return 2 * np.pi * np.arange(count) / count
