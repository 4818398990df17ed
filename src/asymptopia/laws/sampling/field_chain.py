"""A scalar field of the phi^4 type on a ring, moved by event chains: structure, susceptibility, rate of events."""

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

SCALAPINO = "Scalapino, Sears and Ferrell, Phys. Rev. B 6 (1972) 3409: the transfer integral of one-dimensional fields"
MICHEL = "Michel, Mayer and Krauth, EPL 112 (2015) 20003; Michel, Kapfer and Krauth, J. Chem. Phys. 140 (2014) 054116"
GAUSSIAN = "the normal chain in closed form: variance 1/sqrt(a (a + 4 K)), correlations a geometric series"
SNAPSHOTS = 64
STIFFEST = 1e5  # energy of a bond between the two wells, over the temperature


def _landmarks() -> tuple[Landmark, ...]:
    normal = dict(quadratic=1.0, quartic=0.0, coupling=2.0)
    alone = dict(coupling=1e-12, quadratic=0.0, quartic=1.0)
    square = 2 * math.gamma(0.75) / math.gamma(0.25)
    return (
        Landmark(normal, "square", 1 / 3, 1e-10, GAUSSIAN),
        Landmark(normal, "fourth", 1 / 3, 1e-10, GAUSSIAN),
        Landmark(normal, "correlation", 1 / 3 / 16, 1e-10, GAUSSIAN, at=(2,)),
        Landmark(normal, "susceptibility", 1.0, 1e-9, GAUSSIAN),
        Landmark(normal, "squared_step", 1 / 3, 1e-10, GAUSSIAN),
        Landmark(
            normal, "turning_rate", (2 + 1 / 2) * math.sqrt(2 / 3 / math.pi), 1e-8, "mean modulus of normal numbers"
        ),
        Landmark(alone, "square", square, 1e-9, "a single spin: ratios of gamma functions"),
        Landmark(alone, "fourth", 1.0, 1e-9, "a single spin, by parts"),
    )


class FieldChain(Law):
    r"""A real field on a ring, its values in single or double wells, moved by event chains without rejections.

    n values $\phi_i$ on a ring have the probability density $\propto e^{-S}$ with the action

    $$S = \sum_i \left[ \frac K2 (\phi_i - \phi_{i+1})^2 + \frac a2 \phi_i^2 + \frac b4 \phi_i^4 \right] .$$

    As $n \to \infty$ its averages follow from the transfer operator
    $T(x, y) = e^{-V(x)/2 - K (x - y)^2 / 2 - V(y)/2}$ with $V(x) = a x^2/2 + b x^4/4$, its eigenvalues
    $\lambda_0 > \lambda_1 > \dots$ and eigenfunctions $\psi_k$:

    $$E\,f(\phi) = \langle\psi_0|f|\psi_0\rangle, \qquad
      E\,\phi_0\phi_r = \sum_k (\lambda_k/\lambda_0)^r \langle\psi_0|\phi|\psi_k\rangle^2 .$$

    For b = 0 the values are normal, of variance $1/\sqrt{a (a + 4 K)}$. An event chain moves one value until the energy
    of a bond, or its own well, stops it; the neighbour moves on, or the value turns back, at the rate (events per
    displacement) $K\,E|\phi_0 - \phi_1| + \frac12 E|V'(\phi)|$.

    Corrections of a ring fall exponentially with n over the correlation length $1/\log(\lambda_0/\lambda_1)$. The
    system starts from independent normal values and moves by $40 \log n$ widths per value to forget them, and by three
    times as much while 64 configurations are observed; a width is
    $(\max(a, 0) + K + \sqrt b)^{-1/2} + \sqrt{\max(-a, 0)/b}$. n times the variance of the mean is taken from half the
    squared differences of configurations that half of these chains lie between.
    """

    coupling: float = field(1.0, "K, stiffness of a bond, over the temperature", above=0)
    quadratic: float = field(-0.5, "a, curvature of the well at 0, over the temperature; negative: two wells")
    quartic: float = field(1.0, "b, strength of the fourth power, over the temperature", at_least=0)
    distances: tuple[int, ...] = field((1, 2, 4, 8), "distances of two sites, increasing", at_least=0, axis="distance")

    defaults = Defaults(size="sites", sizes=(32, 64, 128), seeds=400, bias=math.inf, block=50)
    references = References(
        source=f"{SCALAPINO}; {MICHEL}",
        status="proved",
        bibtex="""@article{ScalapinoSearsFerrell1972,
  author = {Scalapino, D. J. and Sears, M. and Ferrell, R. A.},
  title = {Statistical mechanics of one-dimensional {G}inzburg-{L}andau fields},
  journal = {Physical Review B}, volume = {6}, pages = {3409--3416}, year = {1972}
}
@article{MichelMayerKrauth2015,
  author = {Michel, Manon and Mayer, Johannes and Krauth, Werner},
  title = {Event-chain {M}onte {C}arlo for classical continuous spin models},
  journal = {EPL}, volume = {112}, pages = {20003}, year = {2015}
}""",
    )
    observables = {
        "square": Observable(r"E\phi^2", "mean square of a value", resolution=0.02),
        "fourth": Observable(r"E\phi^4", "mean fourth power of a value"),
        "squared_step": Observable(r"E(\phi_0 - \phi_1)^2", "mean squared difference of neighbours", resolution=0.02),
        "correlation": Observable("C", "mean product of two values", dims=("distance",)),
        "susceptibility": Observable(r"\chi", "n times the variance of the mean value"),
        "turning_rate": Observable(r"\lambda", "events per displacement", resolution=0.02),
    }
    exercises = (dict(coupling=2.0, quadratic=0.5, quartic=0.3), dict(coupling=0.4, quadratic=-1.5, quartic=1.4))
    landmarks = _landmarks()

    def check(self) -> None:
        if self.quartic == 0 and self.quadratic <= 0:
            raise NoLimit(
                f"`quadratic` of FieldChain must be > 0 where `quartic` is 0, but is {self.quadratic:g}: the field "
                "would have no distribution."
            )
        if self.coupling * -self.quadratic > STIFFEST * self.quartic:
            raise NoLimit(
                f"`coupling` of FieldChain must be at most {STIFFEST * self.quartic / -self.quadratic:g}, beyond which "
                f"bonds are too stiff for the distance of the two wells, but is {self.coupling:g}."
            )

    def predict(self) -> dict[str, Any]:
        from ...theory.transfer import refined

        self.check()
        return refined(self._averages, f"The limit of {self!r}")

    def _averages(self, count: int) -> dict[str, Any]:
        from ...theory.transfer import smoothed

        operator = self._operator(count)
        x, apart = operator.points, np.subtract.outer(operator.points, operator.points)
        shifted = x - x[count // 2]
        distance = smoothed(np.abs, shifted)[np.subtract.outer(np.arange(count), np.arange(count)) % count - count // 2]
        slope = smoothed(lambda y: np.abs(self.quadratic * y + self.quartic * y**3), x)
        return {
            "square": operator.mean(x**2),
            "fourth": operator.mean(x**4),
            "squared_step": operator.bond_mean(apart**2),
            "correlation": operator.correlation(x, self.distances),
            "susceptibility": operator.susceptibility(x),
            "turning_rate": self.coupling * operator.bond_mean(distance) + operator.mean(slope) / 2,
        }

    def _operator(self, count: int) -> TransferOperator:
        """On an interval beyond which the density of a value is below 1e-26 of its largest."""
        from ...theory.transfer import TransferOperator

        a, b = self.quadratic, self.quartic
        depth = a**2 / (4 * b) if a < 0 else 0.0
        height = 60 + depth
        square = 2 * height / a if b == 0 else (-a + math.sqrt(a**2 + 4 * b * height)) / b
        x = math.sqrt(square) * (2 * np.arange(count) / count - 1)
        well = a * x**2 / 2 + b * x**4 / 4
        return TransferOperator.of(x, -(well[:, None] + well) / 2 - self.coupling * np.subtract.outer(x, x) ** 2 / 2)

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return self._operator(512).too_short(min(sizes))

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.samplers.spin_chains import field_chains, ring_snapshots, variance_between_halves

        if n <= 2 * max(self.distances, default=1):
            raise NoLimit(f"FieldChain needs more than twice as many sites as the largest distance, but n is {n}.")
        rng = generator(key)
        a, b = self.quadratic, self.quartic
        width = (max(a, 0.0) + self.coupling + math.sqrt(b)) ** -0.5 + (math.sqrt(-a / b) if a < 0 else 0.0)
        run = partial(field_chains, coupling=self.coupling, quadratic=a, quartic=b)
        chains = ring_snapshots(run, width * rng.normal(size=n), width, rng, SNAPSHOTS)
        values = chains.snapshots
        return {
            "square": (values**2).mean(),
            "fourth": (values**4).mean(),
            "squared_step": ((values - np.roll(values, 1, axis=1)) ** 2).mean(),
            "correlation": np.array([(values * np.roll(values, r, axis=1)).mean() for r in self.distances]),
            "susceptibility": n * variance_between_halves(values.mean(axis=1)),
            "turning_rate": chains.turning_rate,
        }
