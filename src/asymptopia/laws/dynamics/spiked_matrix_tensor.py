"""Recovery of a spike in a matrix and a tensor by Langevin dynamics and gradient flow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...theory.glassy import checked_times, two_time_limit

MARVELS = (
    "Sarao Mannelli, Biroli, Cammarota, Krzakala, Urbani and Zdeborova, Phys. Rev. X 10 (2020) 011057 (recomputed)"
)
AFRAID = "Sarao Mannelli, Biroli, Cammarota, Krzakala and Zdeborova, NeurIPS 32 (2019) 8676 (recomputed)"


def _delta2(p: int, delta_p: float) -> float:
    return (-delta_p + (delta_p**2 + 4 * (p - 1) * delta_p) ** 0.5) / (2 * (p - 1))


class SpikedMatrixTensor(Law):
    r"""Langevin dynamics or gradient flow in search of a spike in a noisy matrix and a noisy tensor.

    A signal $x^\star$ with $|x^\star|^2 = n$ is seen through $Y_{ij} = x^\star_i x^\star_j / \sqrt n + N(0, \Delta_2)$,
    i < j, and $T_{i_1 ... i_p} = \sqrt{(p-1)!} x^\star_{i_1} ... x^\star_{i_p} / n^{(p-1)/2} + N(0, \Delta_p)$,
    $i_1 < ... < i_p$, with $\Delta_2$ = 1 / `snr2` and $\Delta_p$ = 1 / `snr3`. The energy on the sphere
    $|x|^2 = n$ is minus the log-likelihood up to constants,

    $$H = -\frac{1}{\Delta_2 \sqrt n} \sum_{i<j} Y_{ij} x_i x_j
      - \frac{\sqrt{(p-1)!}}{\Delta_p n^{(p-1)/2}} \sum_{i_1 < ... < i_p} T_{i_1 ... i_p} x_{i_1} ... x_{i_p},$$

    a Gaussian field of covariance n f and mean $-n f(m)$, $m = x \cdot x^\star / n$, with
    $f(q) = q^2 / (2\Delta_2) + q^p / (p\Delta_p)$. Langevin dynamics at temperature T (1 samples the posterior, 0 is
    gradient flow) starts at random with $m(0)$ = `start_overlap`. As $n \to \infty$ at fixed times m solves

    $$\dot m = -\mu m + \int_0^t f''(C(t, s)) R(t, s) m(s) ds + f'(m),$$

    with correlation C and response R of the causal equations that belong to it, and the energy per spin is
    $-\int_0^t f'(C) R ds - f(m)$. An infinitesimal overlap grows
    exponentially beyond `thresholds`: at T = 0 if
    $\Delta_2 < (-\Delta_p + \sqrt{\Delta_p^2 + 4(p-1)\Delta_p}) / (2(p-1))$.
    """

    snr2: float = field(3.0, "signal-to-noise ratio of the matrix, 1 / variance of its noise", above=0)
    snr3: float = field(1.0, "signal-to-noise ratio of the tensor, 1 / variance of its noise", at_least=0)
    p: int = field(3, "order of the tensor", at_least=3)
    temperature: float = field(1.0, "1: Langevin dynamics in the posterior; 0: gradient flow", at_least=0)
    start_overlap: float = field(0.5, "overlap of the start with the signal", at_least=-1, at_most=1)
    times: tuple = field((0.25, 0.5, 1.0, 2.0), "times at which to look, increasing")

    defaults = Defaults(size="spins", sizes=(24, 48, 96), seeds=300, block=25)
    references = References(
        source=MARVELS.removesuffix(" (recomputed)") + "; " + AFRAID.removesuffix(" (recomputed)"),
        status="the equations as those of the spherical p-spin model, which are proved; the thresholds heuristic",
        bibtex=r"""@article{SaraoMannelli2020,
  author = {Sarao Mannelli, Stefano and Biroli, Giulio and Cammarota, Chiara and Krzakala, Florent and
            Urbani, Pierfrancesco and Zdeborov{\'a}, Lenka},
  title = {Marvels and Pitfalls of the {Langevin} Algorithm in Noisy High-Dimensional Inference},
  journal = {Physical Review X}, volume = {10}, pages = {011057}, year = {2020}
}
@inproceedings{SaraoMannelli2019,
  author = {Sarao Mannelli, Stefano and Biroli, Giulio and Cammarota, Chiara and Krzakala, Florent and
            Zdeborov{\'a}, Lenka},
  title = {Who is Afraid of Big Bad Minima? {Analysis} of gradient-flow in spiked matrix-tensor models},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {32}, pages = {8676--8686}, year = {2019}
}""",
    )
    observables = {
        "overlap": Observable("m", "overlap with the signal", dims=("time",), scale=1.0),
        "energy": Observable("e", "energy per spin", unit="energy", dims=("time",)),
    }
    landmarks = (
        Landmark(dict(snr3=1.0, temperature=0.0), "recovery", 2.0, 1e-12, AFRAID, along="snr2"),
        Landmark(dict(snr3=0.25, temperature=0.0), "recovery", 1 / _delta2(3, 4.0), 1e-12, AFRAID, along="snr2"),
        Landmark(dict(p=4, temperature=0.0), "recovery", 1 / _delta2(4, 1.0), 1e-12, AFRAID, along="snr2"),
        Landmark(dict(snr3=2.0), "recovery", 2.0, 1e-10, MARVELS, along="snr2", note="Delta_2**2 = Delta_3 / 2"),
        Landmark(dict(snr3=0.1), "recovery", 1.0, 1e-10, MARVELS, along="snr2", note="weak recovery at Delta_2 = 1"),
        Landmark(dict(), "weak_recovery", 1.0, 1e-12, MARVELS, along="snr2"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        checked_times(self.times, "SpikedMatrixTensor")

    def predict(self) -> dict[str, Any]:
        solution = two_time_limit(self.landscape(), float(self.temperature), self.times, 1.0, float(self.start_overlap))
        return {name: solution[name] for name in ("overlap", "overlap_error", "energy", "energy_error")}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.sphere.langevin import spherical_langevin

        path = spherical_langevin(
            n, key, self.landscape(), self.temperature, self.times, signal=1.0, overlap=self.start_overlap
        )
        return {name: path[name] for name in ("overlap", "energy")}

    def coords(self) -> dict[str, Any]:
        return {"time": np.asarray(self.times)}

    def landscape(self) -> tuple[float, ...]:
        """The coefficients of f, constant first."""
        return (0.0, 0.0, float(self.snr2) / 2, *([0.0] * (self.p - 3)), float(self.snr3) / self.p)

    def valid(self) -> str | None:
        if self.start_overlap == 0:
            return "from overlap 0 the limit never leaves it; a finite system does within a time that grows as log n"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        r"""Along `snr2`: `recovery`, above which this dynamics amplifies an infinitesimal overlap, and `weak_recovery`.

        The latter is that of message passing, $\Delta_2 = 1$. Along `snr3`: `recovery`, below
        which the dynamics recovers: more tensor makes the landscape rougher.
        """
        if along == "snr2":
            return {"recovery": _recovery(self.snr3, self.p, self.temperature), "weak_recovery": 1.0}
        if along == "snr3":
            growth = (self.snr2 - 1) * self.snr2 / (self.p - 1)
            rough = max(1 - self.temperature / self.snr2, 0.0) ** (self.p - 2)
            return {"recovery": growth / rough if growth > 0 and rough > 0 else 0.0}
        raise StatementError(
            f"SpikedMatrixTensor has no known transition along {along!r}; there are some along 'snr2' and 'snr3'."
        )


def _recovery(snr3: float, p: int, temperature: float) -> float:
    """The largest snr2 with snr2**2 = f''(q) at q = 1 - T / snr2 of marginal states; T if the paramagnet has none."""
    from scipy.optimize import brentq

    def excess(snr2: float) -> float:
        return snr2 * (snr2 - 1) - (p - 1) * snr3 * max(1 - temperature / snr2, 0.0) ** (p - 2)

    lowest = max(1.0, temperature)
    high = 2 * lowest + 2 * (p - 1) * snr3
    grid = np.linspace(high, lowest, 4001)
    below = np.flatnonzero(np.array([excess(x) for x in grid]) < 0)
    if not len(below):
        return lowest
    k = int(below[0])
    return float(brentq(excess, grid[k], grid[k - 1], xtol=1e-15, rtol=1e-14))
