"""Recovery of a sparse signal by the l1 norm: the Donoho-Tanner transition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from .common import few_nonzero

DONOHO = "Donoho, Maleki and Montanari, Proc. Natl. Acad. Sci. 106 (2009) 18914, equation 5 (recomputed)"
AMELUNXEN = "Amelunxen, Lotz, McCoy and Tropp, Information and Inference 3 (2014) 224, theorem II and equation 4.1"


class L1Recovery(Law):
    r"""The number of random projections that determine a sparse signal as the solution of least l1 norm.

    A signal $w^\star$ of d coordinates, a fraction $\rho$ (`sparsity`) of them not zero, is seen through
    $\alpha d$ projections $x_i \cdot w^\star$, $x_i \sim N(0, I_d)$. Basis pursuit takes, of all w with the same
    projections (and $w \ge 0$ if `nonnegative`, as the signal then is), that of least $|w|_1$. As $d \to \infty$ it is
    the signal with probability 1 above, and 0 below, the weak threshold

    $$\alpha_w = \min_\tau \left[ \rho (1 + \tau^2) + c (1 - \rho) \left((1 + \tau^2) \Phi(-\tau) - \tau \phi(\tau)
    \right) \right],$$

    c = 2, or 1 if nonnegative: the statistical dimension of the cone of descent of the norm, per coordinate. With
    projections added one at a time, it is also the limit of the number at which the signal is first recovered, per
    dimension (`measurements`). The sizes of the nonzero coordinates do not matter.
    """

    alpha: float = field(0.5, "projections per dimension", above=0)
    sparsity: float = field(0.1, "fraction of the coordinates that are not zero", above=0, at_most=1)
    nonnegative: bool = field(False, "whether the signal is known to have no negative coordinate")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=200, block=5)
    references = References(
        source=f"{DONOHO}; {AMELUNXEN}",
        status="proved",
        bibtex="""@article{DonohoMalekiMontanari2009,
  author = {Donoho, David L. and Maleki, Arian and Montanari, Andrea},
  title = {Message-passing algorithms for compressed sensing},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {106}, number = {45}, pages = {18914--18919}, year = {2009}
}
@article{AmelunxenLotzMcCoyTropp2014,
  author = {Amelunxen, Dennis and Lotz, Martin and McCoy, Michael B. and Tropp, Joel A.},
  title = {Living on the edge: phase transitions in convex programs with random data},
  journal = {Information and Inference},
  volume = {3}, number = {3}, pages = {224--294}, year = {2014}
}""",
    )
    observables = {
        "recovered": Observable("P_r", "probability that the signal is recovered", resolution=0.15),
        "measurements": Observable(r"\alpha_w", "projections needed, per dimension"),
    }
    landmarks = tuple(
        Landmark(dict(sparsity=rho, nonnegative=nonnegative), "weak", value, 1e-6, DONOHO, along="alpha")
        for rho, nonnegative, value in (
            (0.1, False, 0.3287935054536302),
            (0.2, False, 0.511130),
            (0.4, False, 0.7497391119273524),
            (0.05, True, 0.16708187367435387),
            (0.1, True, 0.26530432476290056),
            (0.4, True, 0.6146662828491636),
        )
    ) + tuple(
        Landmark(dict(alpha=delta), "weak", delta * share, 1e-10, DONOHO, along="sparsity")
        for delta, share in ((0.1, 0.1894293677596739), (0.5, 0.38568966618148093), (0.9, 0.6781693781344995))
    )

    def predict(self) -> dict[str, Any]:
        weak = weak_threshold(self.sparsity, self.nonnegative)
        return {"recovered": float(self.alpha > weak), "measurements": weak}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.erm.basis_pursuit import basis_pursuit

        rng = generator(key)
        X = rng.standard_normal((n, n))
        signal = np.zeros(n)
        nonzero = rng.choice(n, whole(self.sparsity * n, rng, least=0), replace=False)
        signal[nonzero] = rng.standard_normal(len(nonzero))
        signal = np.abs(signal) if self.nonnegative else signal
        y = X @ signal
        samples = whole(self.alpha * n, rng, least=0)
        low, high = 0, n  # none determine a signal that is not zero, n any
        while high - low > 1 and len(nonzero):
            middle = (low + high) // 2
            w = basis_pursuit(X[:middle], y[:middle], nonnegative=self.nonnegative)
            if np.abs(w - signal).max() < 1e-5 * np.abs(signal).max():
                high = middle
            else:
                low = middle
        needed = high if len(nonzero) else 0
        return {"recovered": float(samples >= needed), "measurements": needed / n}

    def check(self) -> None:
        if self.alpha == weak_threshold(self.sparsity, self.nonnegative):
            raise NoLimit(f"`alpha` of L1Recovery must not be the threshold itself, {self.alpha!r}.")

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return few_nonzero(self.sparsity, sizes)

    def valid(self) -> str | None:
        weak = weak_threshold(self.sparsity, self.nonnegative)
        if abs(self.alpha - weak) < 0.05 * weak:
            return f"close to the threshold alpha = {weak:.6g} some finite systems are recovered and others are not"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """`weak`: along `alpha` what is needed for recovery; along `sparsity` the largest that is recovered."""
        if along == "alpha":
            return {"weak": weak_threshold(self.sparsity, self.nonnegative)}
        if along == "sparsity":
            return {"weak": largest_sparsity(self.alpha, self.nonnegative)}
        raise StatementError(f"L1Recovery has no transition along {along!r}; there is one along 'alpha' or 'sparsity'.")


def weak_threshold(sparsity: float, nonnegative: bool) -> float:
    """min over t of sparsity (1 + t^2) + (1 - sparsity) E (|z| - t)_+^2, or (z)_+ in place of |z|."""
    from scipy.optimize import brentq

    if sparsity == 1:
        return 1.0

    def slope(t: float) -> float:
        return sparsity * t + (1 - sparsity) * _tail(t, nonnegative)[1]

    high = 1.0
    while slope(high) < 0:
        high *= 2
    low = -1.0 if nonnegative else 0.0
    while slope(low) > 0:
        low *= 2
    t = float(brentq(slope, low, high, xtol=1e-13, rtol=1e-13))
    return float(sparsity * (1 + t**2) + (1 - sparsity) * _tail(t, nonnegative)[0])


def largest_sparsity(alpha: float, nonnegative: bool) -> float:
    """The sparsity whose threshold is alpha; 1 if alpha is at least 1."""
    from scipy.optimize import brentq

    if alpha >= 1:
        return 1.0
    log_odds = brentq(lambda x: weak_threshold(1 / (1 + np.exp(-x)), nonnegative) - alpha, -690.0, 36.0, xtol=1e-13)
    return float(1 / (1 + np.exp(-log_odds)))


def _tail(t: float, nonnegative: bool) -> tuple[float, float]:
    """E (|z| - t)_+^2, or of (z - t)_+^2, and half its derivative in t."""
    from scipy.special import ndtr

    phi, tail = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi), ndtr(-t)
    sides = 1 if nonnegative else 2
    return sides * float((1 + t**2) * tail - t * phi), sides * float(t * tail - phi)
