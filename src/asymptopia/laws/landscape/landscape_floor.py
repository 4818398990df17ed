"""The floor of a rough landscape: the energies at which gradient descent comes to rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

STARTS = 8
SELLKE = "Sellke, Comm. Pure Appl. Math. 77 (2024) 4065, theorems 1.1 and 1.2"
SAGUN = "Sagun, Guney, Ben Arous and LeCun, arXiv 1412.6615 (2014)"


def _landmarks() -> tuple[Landmark, ...]:
    note = "published for E H H' = n q^p: divided by sqrt 2 here"
    rows = [
        Landmark(dict(p=p), "floor_energy", -published / math.sqrt(2), 1e-8, SELLKE, note=note)
        for p, published in ((3, 1.63299316), (4, 1.73205081), (16, 1.93649167))
    ]
    edge = "the semicircle's edge: extreme eigenvalues are n**(-2/3) apart (Tracy and Widom)"
    return (*rows, Landmark({}, "spread_rate", -0.6666666667, 1e-9, edge))


class LandscapeFloor(Law):
    r"""The energy at which gradient descent comes to rest on a random polynomial on a sphere.

    n spins with $\sum_i s_i^2 = n$ have a Gaussian energy H, homogeneous of degree p, with
    $E H(s) H(s') = n (s \cdot s'/n)^p / 2$ (energies for the covariance $n q^p$ are $\sqrt 2$ times as large: the floor
    is then 1.6330 below zero for p = 3). Descent from random starts comes to rest at minima; as $n \to \infty$ their
    energies per spin concentrate at the floor

    $$E_{th} = -\sqrt{2 (p - 1) / p},$$

    above which an energy has a curvature of negative sign left in a share of directions, and below which lie
    exponentially many minima, lower by far, that descent does not find.

    At energy E the Hessian has the semicircle's spectrum with the lower edge $-p E - \sqrt{2 p (p - 1)}$, which is
    zero at the floor. Its extreme eigenvalues are of order $n^{-2/3}$ apart, and a descent that meets its last negative
    one comes to rest: the energies lie above the floor by that order, and those of one landscape, over starts, are
    spread by it. From 16 to 200 spins a fit with floor and exponent both free gives the exponent $0.62 \pm 0.03$ of the
    distance and the floor $-1.631 \pm 0.006$, for the covariance $n q^p$: the experiment extrapolates with 0.6.

    A realisation is one landscape and descents from independent starts, until the gradient per root of n is below a
    tolerance that falls as $n^{-2/3}$, which lets the energies err by a small share of their distance to the floor. The
    exponent of the spread is stated, but not confronted: no size within reach tells it to a tenth.
    `asymptopia run LandscapeFloor --sizes 25,50,100,200,400 --seeds 20` repeats the published experiment.
    """

    p: int = field(3, "spins that a coupling joins", at_least=3, at_most=20)

    defaults = Defaults(size="spins", sizes=(35, 70, 140), seeds=24, bias=0.6, block=8)
    references = References(
        source=f"{SELLKE}; {SAGUN}",
        status=(
            "the floor is proved for n to infinity before the time; at rest, which is later, and for the exponent "
            "of what lies above it, heuristic"
        ),
        bibtex=r"""@article{Sellke2024,
  author = {Sellke, Mark},
  title = {The threshold energy of low temperature {L}angevin dynamics for pure spherical spin glasses},
  journal = {Communications on Pure and Applied Mathematics}, volume = {77}, pages = {4065--4099}, year = {2024}
}
@article{SagunGuneyBenArousLeCun2014,
  author = {Sagun, Levent and G{\"u}ney, V. U{\u g}ur and Ben Arous, G{\'e}rard and LeCun, Yann},
  title = {Explorations on high dimensional landscapes},
  journal = {arXiv:1412.6615}, year = {2014}
}""",
    )
    observables = {
        "floor_energy": Observable("E_{th}", "energy per spin at rest", unit="energy", resolution=0.1),
        "spread": Observable(
            r"\sigma_E",
            "standard deviation of that energy over starts in one landscape",
            "energy",
            scale=1.0,
            resolution=0.1,
        ),
        "spread_rate": Observable("b", "exponent of the spread", limit_only=True),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        p = int(self.p)
        return {
            "floor_energy": -math.sqrt(2 * (p - 1) / p),
            "spread": 0.0,
            "spread_rate": -2 / 3,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.landscape.critical_points import come_to_rest, symmetric_couplings

        rng = generator(key)
        J = symmetric_couplings(n, int(self.p), rng, single=True)
        start = rng.standard_normal((STARTS, n))
        start *= math.sqrt(n) / np.linalg.norm(start, axis=1)[:, None]
        energy, _, _ = come_to_rest(J, start, tolerance=0.02 * n ** (-2 / 3))
        return {"floor_energy": energy.mean(), "spread": energy.std(ddof=1)}
