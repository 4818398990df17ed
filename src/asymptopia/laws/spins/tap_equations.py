"""The equations of Thouless, Anderson and Palmer for the Sherrington-Kirkpatrick model."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key
from ...theory import replica_symmetric as symmetric

BOLTHAUSEN = "Bolthausen, Comm. Math. Phys. 325 (2014) 333, theorem 2.1"
STEPS = 6


class TAPEquations(Law):
    r"""Spins coupled at random, each in the mean field of the others less its own reaction, solved by iteration.

    n spins with $H = -\sum_{i<j} J_{ij} s_i s_j - h \sum_i s_i$ and independent normal couplings of variance $1/n$.
    Their magnetisations obey $m_i = \tanh \beta (h + \sum_j J_{ij} m_j - \beta m_i \sum_j J_{ij}^2 (1 - m_j^2))$,
    solved by Bolthausen's iteration from $m^0 = 0$: the last $m_i$ is the one before. As $n \to \infty$ the fields
    at the steps k and l are Gaussian with mean h and covariance $C_{k-1,l-1}$, so that the overlaps
    $C_{kl} = \frac1n m^k \cdot m^l$ tend to

    $$C_{k+1,l+1} = E \tanh(\beta (h + Z_k)) \tanh(\beta (h + Z_l)), \qquad \mathrm{Cov}(Z) = C.$$

    They converge to $q = E \tanh^2 (\beta (h + \sqrt q z))$, and the squared distance of two steps falls by the factor
    `rate` $= \beta^2 E \cosh^{-4} (\beta (h + \sqrt q z))$ a step: below 1 above the line of de Almeida and Thouless,
    beyond which there is no limit. The TAP free energy tends to the replica-symmetric one.
    """

    beta: float = field(1.0, "inverse temperature", above=0, unit="1/energy")
    h: float = field(0.3, "external field", unit="energy")

    defaults = Defaults(size="spins", sizes=(200, 400, 800), seeds=100)
    references = References(
        source=BOLTHAUSEN,
        status="proved (Bolthausen, 2014; the free energy at high temperature: Chen and Panchenko, 2018)",
        bibtex="""@article{Bolthausen2014,
  author = {Bolthausen, Erwin},
  title = {An iterative construction of solutions of the {TAP} equations for the {Sherrington-Kirkpatrick} model},
  journal = {Communications in Mathematical Physics}, volume = {325}, pages = {333--366}, year = {2014}
}""",
    )
    observables = {
        "overlap": Observable("q", "mean of the squared magnetisations", scale=1.0),
        "magnetisation": Observable("m", "mean of the magnetisations", scale=1.0),
        "free_energy": Observable("f", "TAP free energy per spin", unit="energy"),
        "distance": Observable(
            "d", "squared distance of two steps of the iteration, a spin", dims=("iteration",), resolution=0.1
        ),
        "rate": Observable(r"\lambda", "factor a step by which the squared distance falls in the end", limit_only=True),
    }
    exercises = (dict(beta=0.8, h=0.5),)
    landmarks = (
        Landmark({}, "overlap", 0.19190719807254425, 1e-12, "replica-symmetric overlap, independent quadrature"),
        Landmark({}, "free_energy", -0.9830713741069735, 1e-12, "replica-symmetric, independent quadrature"),
        Landmark(dict(beta=1.5340863661522794), "rate", 1.0, 1e-10, "de Almeida and Thouless 1978 (recomputed)"),
    )

    def coords(self) -> dict[str, Any]:
        return {"iteration": np.arange(STEPS)}

    def check(self) -> None:
        """Raise `NoLimit` below the line of de Almeida and Thouless, where the iteration does not converge."""
        beta, h = float(self.beta), float(self.h)
        if symmetric.replicon(beta, h) > 1 + 1e-9:
            raise NoLimit(
                f"The iteration for the TAP equations does not converge at beta = {beta:g}: in a field of {h:g} it "
                f"does up to beta = {symmetric.critical_beta(abs(h)):.6g}, the line of de Almeida and Thouless."
            )

    def predict(self) -> dict[str, Any]:
        beta, h = float(self.beta), float(self.h)
        state = symmetric.free_energy(beta, h)
        return {
            "overlap": state["overlap"],
            "magnetisation": state["magnetisation"],
            "free_energy": state["free_energy"],
            "distance": _distances(beta, h),
            "rate": symmetric.replicon(beta, h),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.spins.tap import bolthausen, tap

        rng, beta, h = generator(key), float(self.beta), float(self.h)
        J = np.triu(rng.standard_normal((n, n)), 1) / math.sqrt(n)
        J += J.T
        steps = np.array([m for m, _ in itertools.islice(bolthausen(J, h, beta), STEPS + 1)])
        solution = tap(J, h, beta)
        return {
            "overlap": solution.overlap,
            "magnetisation": solution.means.mean(),
            "free_energy": solution.free_energy,
            "distance": (np.diff(steps, axis=0) ** 2).mean(axis=1),
        }

    def thresholds(self, along: str) -> dict[str, float]:
        """`almeida_thouless` along `beta`: the iteration converges up to there."""
        if along != "beta":
            raise StatementError(f"TAPEquations has no known transition along {along!r}; there is one along 'beta'.")
        line = symmetric.critical_beta(abs(float(self.h)))
        return {} if math.isinf(line) else {"almeida_thouless": line}


def _distances(beta: float, h: float) -> np.ndarray:
    """|m^(k+1) - m^k|**2 / n from the fields of neighbouring steps, m^0 = 0.

    The first field and its change are followed, not the two fields, of which small distances are differences.
    """
    from ...numerics.gaussian import expectation_2d

    def squared_change(x: ArrayLike, change: ArrayLike) -> Any:
        t, s = np.tanh(beta * x), np.tanh(np.clip(beta * change, -1.0, 1.0))
        small = (1 - t) * (1 + t) * s / (1 + t * s)  # tanh of a sum, less the first
        return np.where(np.abs(beta * change) < 1, small, np.tanh(beta * (x + change)) - t) ** 2

    old, new = 0.0, math.tanh(beta * h) ** 2
    distances = [new]
    while len(distances) < STEPS:
        distance = distances[-1]
        most = math.sqrt(old * distance)
        leaning = min(max((new - old - distance) / 2, -most), most)
        covariance = np.array([[old, leaning], [leaning, distance]])
        distances.append(float(expectation_2d(squared_change, covariance, (h, 0.0))))
        old, new = new, symmetric.moment(beta, h, new)
    return np.array(distances)
