"""Quantile regression with more samples than dimensions: the learned quantile covers too little."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key
from ...parts.loss import Loss, namespace

BAI = "Bai, Mei, Wang and Xiong, NeurIPS 34 (2021), arXiv:2106.05515, theorem 1"
KOENKER = "Koenker and Bassett, Econometrica 46 (1978) 33, theorem 4.2"
_FARTHEST, _RAREST = 9.0, 1e-12
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(96)


class Pinball(Loss):
    """level (y - z) above the prediction z, (1 - level) (z - y) below it: its mean is least at a quantile of y."""

    level: float = field(0.9, "probability that the quantile is to cover", above=0, below=1)

    location = True

    def __call__(self, y: ArrayLike, z: ArrayLike) -> Any:
        xp = namespace(y, z)
        return xp.maximum(self.level * (y - z), (self.level - 1) * (y - z))

    def gradient(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.where(np.subtract(z, y) > 0, 1 - self.level, -self.level)

    def curvature(self, y: ArrayLike, z: ArrayLike) -> np.ndarray:
        return np.zeros(np.broadcast_shapes(np.shape(y), np.shape(z)))

    def proximal(self, y: ArrayLike, omega: Any, V: Any) -> np.ndarray:
        r, V = np.subtract(omega, y), np.asarray(V)
        return y + np.maximum(r - V * (1 - self.level), 0.0) + np.minimum(r + V * self.level, 0.0)

    def kinks(self, y: ArrayLike) -> np.ndarray:
        return np.asarray(y, float)[..., None]

    def knots(self, y: ArrayLike) -> np.ndarray:
        return np.zeros((*np.shape(y), 0))


class QuantileRegression(Law):
    r"""A linear quantile, with an intercept, learned from more samples than there are dimensions.

    n = $\alpha d$ inputs $x_i \sim N(0, I_d)$ have labels $y_i = x_i \cdot w^\star / \sqrt d + \sigma z_i$ with normal
    noise of variance $\sigma^2$ = `noise`. Weights w and the intercept b minimise the pinball loss

    $$\sum_{i=1}^n \ell_\tau(y_i - b - x_i \cdot w / \sqrt d), \qquad \ell_\tau(r) = \max(\tau r, (\tau - 1) r) .$$

    On new samples $y \leq b + x \cdot w / \sqrt d$ is to hold with the probability $\tau$, the `level` of the loss. As
    $d \to \infty$ the `coverage` tends to $\Phi(\beta)$ instead, where $\beta$ and v solve, for
    $X \sim N(-\beta, 1)$ and $c = \mathrm{clip}(X / v, \tau - 1, \tau)$,

    $$E[c] = 0, \qquad \alpha\, P(v (\tau - 1) < X < v \tau) = 1 .$$

    The second says that as many labels are met exactly as there are dimensions. With $T^2 = \sigma^2 / (1 - \alpha v^2
    E[c^2])$ the `distance` $|w - w^\star|^2 / d$ tends to $T^2 - \sigma^2$, the intercept to $\beta T$. The coverage
    depends neither on the noise nor on $w^\star$; for many samples it is $\tau - (\tau - 1/2) / \alpha$.

    With no more samples than dimensions all labels are met, and the law refuses.
    """

    alpha: float = field(5.0, "samples per dimension, n / d", above=0)
    loss: Pinball = field(Pinball(), "with the level of the quantile")
    noise: float = field(1.0, "variance of the labels around w_star.x / sqrt(d)", above=0)

    defaults = Defaults(size="dimension", sizes=(25, 50, 100), seeds=250, block=25)
    references = References(
        source=BAI + "; unregularised limit: Donoho and Montanari, Probab. Theory Relat. Fields 166 (2016) 935",
        status="proved",
        bibtex="""@inproceedings{BaiMeiWangXiong2021,
  author = {Bai, Yu and Mei, Song and Wang, Huan and Xiong, Caiming},
  title = {Understanding the under-coverage bias in uncertainty estimation},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {34}, year = {2021}
}""",
    )
    observables = {
        "coverage": Observable("C", "probability that a new label is at most the learned quantile"),
        "intercept": Observable("b", "learned intercept"),
        "distance": Observable(
            r"\Delta", "squared distance of the weights from the teacher's, per dimension", resolution=0.1
        ),
        "train_loss": Observable(r"\varepsilon_t", "mean pinball loss of the training samples", scale=0.1),
    }
    landmarks = (
        Landmark(dict(alpha=1000.0), "coverage", 0.8996, 1e-6, BAI),
        Landmark(dict(alpha=1000.0, loss=Pinball(0.75)), "coverage", 0.74975, 1e-6, BAI),
        Landmark(dict(loss=Pinball(0.5)), "coverage", 0.5, 1e-12, "symmetry of the median"),
        Landmark(dict(alpha=1e6, noise=2.0), "distance", 5.8441e-6, 1e-9, KOENKER),
    )
    exercises = (dict(alpha=2.0, loss=Pinball(0.7), noise=0.5),)

    def check(self) -> None:
        if self.alpha <= 1:
            raise NoLimit(
                "With no more samples than dimensions every label is met exactly, and the quantile is not unique: "
                f"`alpha` of QuantileRegression must be > 1, but is {self.alpha:g}."
            )
        if not _RAREST <= self.loss.level <= 1 - _RAREST:
            raise NoLimit(
                f"`loss.level` of QuantileRegression must be between {_RAREST:g} and 1 - {_RAREST:g}, beyond which the "
                f"limit is not computed, but is {self.loss.level!r}."
            )

    def predict(self) -> dict[str, Any]:
        from scipy.optimize import brentq
        from scipy.special import ndtr

        self.check()
        level = self.loss.level

        def excess(log_v: float) -> float:
            return float(_met(level, _balanced(level, np.exp(log_v)), np.exp(log_v))[1].sum()) - 1 / self.alpha

        widest = np.log(2000 / min(level, 1 - level))
        v = float(np.exp(brentq(excess, -40.0, widest, xtol=1e-13, rtol=1e-14)))
        beta = _balanced(level, v)
        share = self.alpha * v**2 * _clipped(level, beta, v, 2)
        spread = np.sqrt(self.noise / (1 - share))
        low, high = beta - v * (1 - level), beta + v * level
        loss = level * (_density(high) - high * ndtr(-high)) + (1 - level) * (_density(low) + low * ndtr(low))
        return {
            "coverage": ndtr(beta),
            "intercept": beta * spread,
            "distance": spread**2 * share,
            "train_loss": spread * loss,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from scipy.special import ndtr

        rng = generator(key)
        samples = whole(self.alpha * n, rng, least=n + 2)
        X = np.column_stack([rng.standard_normal((samples, n)) / np.sqrt(n), np.ones(samples)])
        y = np.sqrt(self.noise) * rng.standard_normal(samples)  # less w_star.x / sqrt(d), which w would only follow
        w = _minimum(X, y, self.loss.level)
        distance = w[:-1] @ w[:-1] / n
        return {
            "coverage": ndtr(w[-1] / np.sqrt(self.noise + distance)),
            "intercept": w[-1],
            "distance": distance,
            "train_loss": np.mean(self.loss(y, X @ w)),
        }


def _minimum(X: np.ndarray, y: np.ndarray, level: float) -> np.ndarray:
    """The weights (d,) of least pinball loss on samples (n, d): multipliers of the dual linear programme."""
    from scipy.optimize import linprog

    solved = linprog(-y, A_eq=X.T, b_eq=np.zeros(X.shape[1]), bounds=(level - 1, level), method="highs-ds")
    if not solved.success:
        raise ArithmeticError(f"The linear programme of quantile regression was not solved: {solved.message}")
    return np.asarray(-solved.eqlin.marginals)


def _density(z: ArrayLike) -> np.ndarray:
    return np.exp(-np.square(z) / 2) / np.sqrt(2 * np.pi)


def _met(level: float, beta: float, v: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and probabilities (N,) of the standard normal numbers beta + X whose labels are met exactly."""
    ends = np.array([beta - v * (1 - level), beta + v * level])
    within = np.clip(ends, -_FARTHEST, _FARTHEST)
    half = v / 2 if (within == ends).all() else np.ptp(within) / 2  # the ends of a narrow range have lost digits
    z = within.mean() + _NODES * half
    return z, _WEIGHTS * half * _density(z)


def _clipped(level: float, beta: float, v: float, power: int) -> float:
    """E clip(X / v, level - 1, level)**power for X ~ N(-beta, 1)."""
    from scipy.special import ndtr

    z, weights = _met(level, beta, v)
    above, below = ndtr(-beta - v * level), ndtr(beta - v * (1 - level))
    return float(weights @ ((z - beta) / v) ** power + level**power * above + (level - 1) ** power * below)


def _balanced(level: float, v: float) -> float:
    """beta at which the mean slope of the loss vanishes, as it does at the best intercept."""
    from scipy.optimize import brentq

    return float(brentq(lambda beta: _clipped(level, beta, v, 1), -_FARTHEST, _FARTHEST, xtol=1e-14, rtol=1e-14))
