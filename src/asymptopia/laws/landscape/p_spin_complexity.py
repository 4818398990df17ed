"""The critical points of the spherical p-spin model: how many there are, and of which index, at each energy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key

AUFFINGER = "Auffinger, Ben Arous and Cerny, Comm. Pure Appl. Math. 66 (2013) 165"
STARTS = 24
FAR = 0.2  # beyond the energies of critical points and their range, where a line through them says nothing


def _landmarks() -> tuple[Landmark, ...]:
    printed = {3: (1.63299316, 1.65699836, 1.65287320), 4: (1.73205081, 1.79408503, 1.78330030)}
    rows = []
    note = "published for E H H' = n q^p: divided by sqrt 2 here"
    for p, (threshold, *lowest) in printed.items():
        source = AUFFINGER + ", equations 2.12 to 2.16 (recomputed)"
        rows.append(Landmark(dict(p=p), "threshold_energy", -threshold / math.sqrt(2), 1e-8, source, note=note))
        rows.append(Landmark(dict(p=p), "ground_energy", -lowest[0] / math.sqrt(2), 1e-8, source, note=note))
        for k, value in enumerate(lowest):
            rows.append(Landmark(dict(p=p), "lowest_energy", -value / math.sqrt(2), 1e-8, source, at=(k,), note=note))
    recomputed = AUFFINGER + ", theorem 2.5 (recomputed)"
    near = -1.1674312190437792
    for k, value in enumerate((0.0036632048685602547, 0.001476732256659008, -0.0007097403552422388)):
        rows.append(Landmark(dict(energy=near), "complexity", value, 1e-12, recomputed, at=(k,)))
    rows.append(Landmark(dict(p=5), "ground_energy", -1.3350097019298937, 1e-11, "one-step replica symmetry breaking"))
    whole = AUFFINGER + ", theorem 2.8: at half the threshold energy, through the logarithmic potential"
    rows.append(Landmark(dict(energy=-0.5773502691896257), "total_complexity", 0.26324025694663933, 1e-12, whole))
    return tuple(rows)


class PSpinComplexity(Law):
    r"""The number and the index of the critical points of a random polynomial on a sphere, at each energy.

    n spins with $\sum_i s_i^2 = n$ have a Gaussian energy H, homogeneous of degree p, with
    $E H(s) H(s') = n (s \cdot s'/n)^p / 2$ (energies for the covariance $n q^p$ are $\sqrt 2$ times as large).
    The mean number of critical points of index k with energy at most $n E$ grows as $e^{n \Sigma_k(E)}$: below the
    threshold $E_{th} = -\sqrt{2 (p - 1) / p}$, with $E = E_{th} \cosh t$,

    $$\Sigma_k(E) = \frac12 \log(p - 1) - \frac{p - 2}{p} \cosh^2 t - (k + 1) (\frac12 \sinh 2t - t),$$

    and above it the constant $\Sigma_k(E_{th})$. $E_k$, where it vanishes, is the lowest energy of index k, and
    $E_0$ the ground state. Critical points of any index have the complexity
    $\frac12 \log(p - 1) - \frac{p - 2}{2 (p - 1)} E^2$ for $E_{th} \leq E \leq 0$, $\Sigma_0(E)$ below, and its
    value at zero above.

    The Hessian of a critical point of energy $n E$ has the spectrum of a Wigner matrix: a semicircle of radius
    $R = \sqrt{2 p (p - 1)}$ about $-p E$: its eigenvalues have mean $-p E$, variance $R^2 / 4$ and lower edge
    $-p E - R$, and the share of negative ones is the mass of that semicircle below zero.
    Another density at some energy would have a probability of order $e^{-c n^2}$, and the number of critical points
    is only exponential in n.

    In a system, Newton's method starts where gradient descent passes the `energy`; a straight line through the
    critical points found, share, mean or variance against energy, is read off at `energy`. The edge is approached too
    slowly, as $n^{-2/3}$ with further corrections, for systems of tens of spins to confirm it, and is not observed.
    """

    p: int = field(3, "spins that a coupling joins", at_least=3)
    energy: float = field(-0.5, "energy per spin", unit="energy")
    indices: int = field(10, "how many indices, from 0, to give the complexity of", at_least=1)

    defaults = Defaults(size="spins", sizes=(8, 16, 32), seeds=60, block=10)
    references = References(
        source=AUFFINGER + ", theorems 2.5 and 2.8",
        status=(
            "proved for mean numbers; for the numbers themselves above the ground state of minima proved for p > "
            "2 (Subag, 2017)"
        ),
        bibtex=r"""@article{AuffingerBenArousCerny2013,
  author = {Auffinger, Antonio and Ben Arous, G{\'e}rard and {\v C}ern{\'y}, Ji{\v r}{\'i}},
  title = {Random matrices and complexity of spin glasses},
  journal = {Communications on Pure and Applied Mathematics},
  volume = {66}, pages = {165--201}, year = {2013}
}""",
    )
    observables = {
        "complexity": Observable(
            r"\Sigma_k", "growth rate of their number up to `energy`", dims=("index",), limit_only=True
        ),
        "total_complexity": Observable(r"\Sigma", "growth rate of the number of any index", limit_only=True),
        "threshold_energy": Observable(
            "E_{th}", "energy below which indices are finite", unit="energy", limit_only=True
        ),
        "ground_energy": Observable("E_0", "energy of the ground state", unit="energy", limit_only=True),
        "lowest_energy": Observable("E_k", "lowest energy of that index", "energy", ("index",), limit_only=True),
        "index_fraction": Observable("k/n", "share of negative eigenvalues of the Hessian", scale=1.0),
        "hessian_mean": Observable(r"\mu", "mean eigenvalue of the Hessian", unit="energy"),
        "hessian_variance": Observable(r"\nu", "variance of the eigenvalues of the Hessian", unit="energy**2"),
        "hessian_edge": Observable(
            r"\lambda_-", "lower edge of the Hessian's spectrum", unit="energy", limit_only=True
        ),
    }
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        p, energy = int(self.p), float(self.energy)
        radius, threshold = math.sqrt(2 * p * (p - 1)), threshold_energy(p)
        k = np.arange(self.indices)
        t = math.acosh(max(energy / threshold, 1.0))
        lowest = np.array([lowest_energy(p, int(i)) for i in k])
        return {
            "complexity": _complexity(p, k, t),
            "total_complexity": float(_complexity(p, 0, t)) if energy < threshold else _total(p, min(energy, 0.0)),
            "threshold_energy": threshold,
            "ground_energy": lowest[0],
            "lowest_energy": lowest,
            "index_fraction": _semicircle_below(p * energy / radius),
            "hessian_mean": -p * energy,
            "hessian_variance": radius**2 / 4,
            "hessian_edge": -p * energy - radius,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.checks import NotSolved
        from ...algorithms.landscape.critical_points import critical_points, descend, symmetric_couplings

        rng = generator(key)
        J = symmetric_couplings(n, int(self.p), rng)
        start = rng.standard_normal((STARTS, n))
        start *= math.sqrt(n) / np.linalg.norm(start, axis=1)[:, None]
        energies, spectra = critical_points(J, descend(J, start, self.energy))
        low, high = (energies.min(), energies.max()) if len(energies) else (self.energy, self.energy)
        if max(low - self.energy, self.energy - high) > high - low + FAR:
            raise NotSolved(
                f"The critical points that were found have energies between {low:.4g} and {high:.4g}, too far from "
                f"`energy` = {self.energy:g} for a line through them to say anything there."
            )
        read = {
            "index_fraction": np.mean(spectra < 0, axis=1),
            "hessian_mean": spectra.mean(axis=1),
            "hessian_variance": spectra.var(axis=1),
        }
        return {k: line_at(energies, v, self.energy) for k, v in read.items()}

    def coords(self) -> dict[str, Any]:
        return {"index": np.arange(self.indices)}

    def valid(self) -> str | None:
        ground = lowest_energy(int(self.p), 0)
        if abs(self.energy) > abs(ground):
            return f"there are no critical points beyond the ground state at {ground:.10g}, nor above {-ground:.10g}"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `energy`: `ground`, below which there are no critical points, and `threshold`, of finite indices."""
        if along != "energy":
            raise StatementError(f"PSpinComplexity has no known transition along {along!r}; there are along 'energy'.")
        p = int(self.p)
        return {"ground": lowest_energy(p, 0), "threshold": threshold_energy(p)}


def threshold_energy(p: int) -> float:
    """The energy per spin above which critical points have indices that grow with n."""
    return -math.sqrt(2 * (p - 1) / p)


def lowest_energy(p: int, k: int) -> float:
    """The energy per spin at which the complexity of index k vanishes."""
    from scipy.optimize import brentq

    high = 1.0
    while _complexity(p, k, high) > 0:
        high *= 2
    t = brentq(lambda t: float(_complexity(p, k, t)), 0.0, high, xtol=1e-15, rtol=1e-15)
    return threshold_energy(p) * math.cosh(t)


def line_at(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """The value at one place of the straight line that fits y(x) best; nan from fewer than two different x."""
    if len(x) < 2 or np.ptp(x) < 1e-9:
        return math.nan
    centred = x - x.mean()
    return float(y.mean() + (at - x.mean()) * (centred @ y) / (centred @ centred))


def _complexity(p: int, k: Any, t: float) -> Any:
    return math.log(p - 1) / 2 - (p - 2) / p * math.cosh(t) ** 2 - (k + 1) * (math.sinh(2 * t) / 2 - t)


def _total(p: int, energy: float) -> float:
    return math.log(p - 1) / 2 - (p - 2) / (2 * (p - 1)) * energy**2


def _semicircle_below(x: float) -> float:
    """The mass below x of the semicircle of radius 1."""
    x = min(max(x, -1.0), 1.0)
    return 0.5 + (x * math.sqrt(1 - x * x) + math.asin(x)) / math.pi
