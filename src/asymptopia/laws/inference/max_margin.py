"""The classifier of largest margin on Gaussian data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...numerics.gaussian import nodes
from .common import none_drawn

MONTANARI = "Montanari, Ruan, Sohn and Yan, arXiv:1911.01544 (2019), theorem 1 (recomputed)"
GARDNER = "Gardner, J. Phys. A 21 (1988) 257, equation 33 (recomputed)"


class MaxMargin(Law):
    r"""The direction of largest margin between two classes that a teacher labels.

    n = $\alpha d$ inputs $x_i \sim N(0, I_d)$ get labels $y_i$, the sign of $x_i \cdot w^\star$ flipped with
    probability `flip` (1/2: random labels). The margin is

    $$\kappa = \max_{|w|^2 = d} \min_i y_i x_i \cdot w / \sqrt d .$$

    As $d \to \infty$ it tends to the largest $\kappa$ at which some cosine c between w and $w^\star$ satisfies

    $$\alpha E[(\kappa - c V - \sqrt{1 - c^2} Z)_+^2] = 1 - c^2,$$

    with Z standard normal and V the teacher's field times the label. The maximiser's test error, on labels without
    flips, tends to $\arccos(c) / \pi$. The samples are separable with a probability that tends to 1 below the
    threshold `separability` along `alpha` and to 0 above it; there is no margin above it, and the law refuses.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    flip: float = field(0.0, "probability that a label is flipped", at_least=0, at_most=0.5)

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=150, block=10)
    references = References(
        source="Gardner, J. Phys. A 21 (1988) 257; " + MONTANARI,
        status="proved",
        bibtex="""@article{Gardner1988,
  author = {Gardner, Elizabeth},
  title = {The space of interactions in neural network models},
  journal = {Journal of Physics A: Mathematical and General},
  volume = {21}, pages = {257--270}, year = {1988}
}
@article{MontanariRuanSohnYan2019,
  author = {Montanari, Andrea and Ruan, Feng and Sohn, Youngtak and Yan, Jun},
  title = {The generalization error of max-margin linear classifiers: benign overfitting
           and high dimensional asymptotics in the overparametrized regime},
  journal = {arXiv:1911.01544}, year = {2019}
}""",
    )
    observables = {
        "margin": Observable(r"\kappa", "largest margin of a direction of norm sqrt(d)"),
        "test_error": Observable(r"\varepsilon_g", "probability of a wrong sign on a new sample"),
        "separable": Observable("P_s", "probability that the samples are linearly separable", resolution=0.15),
    }
    landmarks = (
        Landmark(dict(alpha=0.5), "margin", 1.2563803390103094, 1e-9, MONTANARI),
        Landmark(dict(alpha=0.5), "test_error", 0.32884975297304686, 1e-9, MONTANARI),
        Landmark(dict(alpha=1.0), "margin", 0.7865498417060082, 1e-9, MONTANARI),
        Landmark(dict(alpha=8.0), "margin", 0.12448265848468514, 1e-9, MONTANARI),
        Landmark(dict(alpha=8.0), "test_error", 0.06090367986281736, 1e-9, MONTANARI),
        Landmark(dict(alpha=0.961205, flip=0.5), "margin", 0.5, 2e-6, GARDNER),
        Landmark(dict(alpha=0.519572, flip=0.5), "margin", 1.0, 4e-6, GARDNER),
        Landmark(dict(alpha=0.200231, flip=0.5), "margin", 2.0, 1e-5, GARDNER),
        Landmark(dict(alpha=1000.0), "test_error", 0.50049e-3, 1e-6, "asymptote alpha * test_error -> 0.50049"),
        Landmark(dict(flip=0.5), "separability", 2.0, 1e-9, "Cover, IEEE Trans. EC-14 (1965) 326", along="alpha"),
    )

    def predict_many(self) -> dict[str, Any]:
        pairs = zip(*np.broadcast_arrays(np.atleast_1d(self.alpha), self.flip), strict=True)
        margins = np.array([_margin(float(a), float(f)) for a, f in pairs])
        error = np.arctan2(1 / np.cosh(margins[:, 1]), np.tanh(margins[:, 1])) / np.pi
        return {"margin": margins[:, 0], "test_error": error, "separable": np.ones(len(margins))}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.erm.max_margin import max_margin

        rng = generator(key)
        samples = whole(self.alpha * n, rng)
        X = rng.standard_normal((samples, n)) / np.sqrt(n)
        y = np.where(X[:, 0] >= 0, 1.0, -1.0)
        y = np.where(rng.random(samples) < self.flip, -y, y)
        solution = max_margin(X, y)
        if solution is None:
            return {"margin": 0.0, "test_error": np.nan, "separable": 0.0}
        w, margin = solution
        error = np.arctan2(np.linalg.norm(w[1:]), w[0]) / np.pi
        return {"margin": margin * np.sqrt(n), "test_error": error, "separable": 1.0}

    def check(self) -> None:
        threshold = separability(self.flip)
        if not self.alpha < threshold:
            raise NoLimit(
                f"The samples are not linearly separable, so that no margin exists, unless alpha < {threshold:.10g}, "
                f"but `alpha` of MaxMargin is {self.alpha:g}."
            )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes)

    def valid(self) -> str | None:
        if self.alpha > 0.9 * separability(self.flip):
            return "close to the threshold of separability some finite systems are not separable"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `separability`, below which the samples are separable; inf without flips."""
        if along != "alpha":
            raise StatementError(f"MaxMargin has no known transition along {along!r}; there is one along 'alpha'.")
        return {"separability": separability(self.flip)}


def separability(flip: float) -> float:
    """alpha below which signs flipped with this probability are separable: 1 / min_c of E (-c V - s Z)_+**2 / s**2."""
    if flip == 0:
        return float("inf")
    return 1 / _smallest(0.0, flip)[0]


def _smallest(kappa: float, flip: float) -> tuple[float, float]:
    """min over c of E (kappa - c V - s Z)_+**2 / s**2, s = sqrt(1 - c**2), and the artanh(c) that attains it."""
    from scipy.optimize import minimize_scalar

    def objective(x: float) -> float:
        return _shortfall(kappa, x, flip)

    coarse = np.linspace(-1.0, 19.0, 81)
    k = int(np.argmin([objective(x) for x in coarse]))
    ends = (coarse[max(k - 1, 0)], coarse[min(k + 1, len(coarse) - 1)])
    best = minimize_scalar(objective, bounds=ends, method="bounded", options={"xatol": 1e-10})
    return float(best.fun), float(best.x)


def _shortfall(kappa: float, x: float, flip: float) -> float:
    """E (kappa - c V - s Z)_+**2 / s**2 with c = tanh(x), over the label's field V and Z."""
    from scipy.special import ndtr

    c, s = np.tanh(x), 1 / np.cosh(x)
    step = 0.0 if abs(c) < 1e-12 else kappa / c
    around = step + s * np.array([-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0]) / max(abs(c), 1e-3)
    v, w = nodes(np.concatenate([[0.0], around]))
    a = (kappa - c * v) / s
    w = w * np.where(v > 0, 2 * (1 - flip), 2 * flip)
    return float((w * ((a**2 + 1) * ndtr(a) + a * np.exp(-(a**2) / 2) / np.sqrt(2 * np.pi))).sum())


def _margin(alpha: float, flip: float) -> tuple[float, float]:
    """The margin and artanh of its cosine with the teacher: alpha times the smallest shortfall is 1."""
    from scipy.optimize import brentq

    def excess(kappa: float) -> float:
        return np.log(alpha * _smallest(kappa, flip)[0])

    high = 1.0 + 2 / np.sqrt(alpha)
    while excess(high) < 0:
        high *= 2
    kappa = brentq(excess, 0.0, high, xtol=1e-13, rtol=1e-13)
    return float(kappa), _smallest(kappa, flip)[1]
