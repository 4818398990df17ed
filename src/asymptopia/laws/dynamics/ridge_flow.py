"""Gradient flow on a quadratic loss: least squares and ridge regression along the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

ADVANI_SAXE = "Advani, Saxe and Sompolinsky, Neural Networks 132 (2020) 428, equations 9 to 12"
RECOMPUTED = "quadrature of the Marchenko-Pastur distribution, recomputed independently"
LONGEST = 1e6


def _landmarks() -> tuple[Landmark, ...]:
    def both(time: float, test: float, train: float, **fields: float) -> list[Landmark]:
        stated = dict(alpha=2.0, ridge=0.0, noise=0.25, start_variance=0.0) | fields | dict(times=(time,))
        values = {"test_error": test, "train_loss": train}
        return [Landmark(stated, k, v, 1e-11, RECOMPUTED, at=(0,)) for k, v in values.items()]

    return (
        *both(0.1, 0.6995292331283822, 0.39151420356069655),
        *both(1.0, 0.4500294522854266, 0.0929068049660855, alpha=1.0),
        *both(10.0, 0.19138760219946735, 0.06520256535339104, ridge=0.1, start_variance=1.0),
        *both(1.0, 1.2574331283499822, 0.12005563091178204, alpha=0.5, ridge=0.01, noise=0.01, start_variance=1.0),
        Landmark(
            dict(alpha=2.0, ridge=0.0, noise=0.25, start_variance=0.0, times=(1e6,)),
            "test_error",
            0.25,
            1e-9,
            "least squares, noise / (alpha - 1)",
            at=(0,),
        ),
    )


class RidgeFlow(Law):
    r"""Ridge regression is learned by gradient flow, from a random start.

    n = $\alpha d$ samples have inputs $x_\mu \sim N(0, I_d)$ and labels $y_\mu = w^\star \cdot x_\mu/\sqrt d +
    \xi_\mu$, with $|w^\star|^2 = d$ and noise of variance $\sigma^2$. From w(0) of independent coordinates of variance
    $s_0$, independent of the data,

    $$\dot w = -\nabla \Big( \frac12 \sum_\mu (y_\mu - w \cdot x_\mu/\sqrt d)^2 + \frac\lambda2 |w|^2 \Big).$$

    The matrix $X^T X/d$ has eigenvalues s of the Marchenko-Pastur distribution $\rho$, and each of its directions
    relaxes on its own. With $\phi = (1 - e^{-(s + \lambda) t})/(s + \lambda)$, as $d \to \infty$,

    $$\frac{|w - w^\star|^2}{d} \to \int \big[ s_0 e^{-2 (s + \lambda) t} + (1 - s \phi)^2 + \sigma^2 s \phi^2 \big]
      d\rho(s),$$

    and the mean loss of a sample, half a square, without penalty, to

    $$\frac{1}{2\alpha} \int \big[ s\, s_0 e^{-2 (s + \lambda) t} + (s + \sigma^2) (1 - s \phi)^2 \big] d\rho(s)
      + \frac{\sigma^2}{2} \Big( 1 - \frac1\alpha \Big).$$

    The system is solved in the eigenvectors of its own matrix, exactly for every time.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    ridge: float = field(0.1, "strength of the penalty, for a sum of losses", at_least=0)
    noise: float = field(0.25, "variance of the noise of the labels", at_least=0)
    start_variance: float = field(1.0, "variance of each weight at the start", at_least=0)
    times: tuple[float, ...] = field((0.1, 0.3, 1.0, 3.0, 10.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=200, block=50)
    references = References(
        source=ADVANI_SAXE + "; Ali, Kolter and Tibshirani, AISTATS 22 (2019) 1370",
        status="proved",
        bibtex="""@article{AdvaniSaxeSompolinsky2020,
  author = {Advani, Madhu S. and Saxe, Andrew M. and Sompolinsky, Haim},
  title = {High-dimensional dynamics of generalization error in neural networks},
  journal = {Neural Networks}, volume = {132}, pages = {428--446}, year = {2020}
}
@inproceedings{AliKolterTibshirani2019,
  author = {Ali, Alnur and Kolter, J. Zico and Tibshirani, Ryan J.},
  title = {A continuous-time view of early stopping for least squares regression},
  booktitle = {Proceedings of the 22nd International Conference on Artificial Intelligence and Statistics},
  pages = {1370--1378}, year = {2019}
}""",
    )
    observables = {
        "test_error": Observable(
            r"\varepsilon",
            "squared distance |w - w_star|**2 / d, the squared error on labels without noise",
            dims=("time",),
        ),
        "train_loss": Observable(r"\mathcal L", "mean loss of a sample, without penalty", dims=("time",)),
    }
    exercises = (dict(alpha=1.5, ridge=3.0, noise=0.6, start_variance=1.5),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        before = self._averages(128)
        for nodes in 2 ** np.arange(8, 22):  # the rule converges geometrically once it sees the slowest directions
            now = self._averages(int(nodes))
            if np.allclose(now, before, rtol=1e-11, atol=1e-13):
                return dict(zip(self.observables, now, strict=True))
            before = now
        raise NoLimit(f"The limit of {self!r} could not be integrated: its last time is too late.")

    def _averages(self, nodes: int) -> tuple[np.ndarray, np.ndarray]:
        r"""The integrals with $s = 1 + \alpha + 2 \sqrt\alpha \cos\theta$, at the midpoints of `nodes` intervals."""
        theta = np.pi * (np.arange(nodes) + 0.5) / nodes
        s = 1 + self.alpha + 2 * np.sqrt(self.alpha) * np.cos(theta)
        weight = 2 * self.alpha / nodes * np.sin(theta) ** 2
        test, train = self._along(s)
        test_0, train_0 = self._along(np.zeros(1))
        # s drho is what the angle integrates, and drho has mass 1, whether or not some of it is at zero
        test, train = (f0[:, 0] + ((f - f0) / s) @ weight for f, f0 in ((test, test_0), (train, train_0)))
        return test, (train + self.noise * (self.alpha - 1)) / (2 * self.alpha)

    def _along(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What a direction of eigenvalue s has of the error and of the loss, for every time (T, S)."""
        t = np.array(self.times)[:, None]
        decay = s + self.ridge
        phi = np.where(decay > 0, -np.expm1(-decay * t) / np.where(decay > 0, decay, 1.0), t)
        start = self.start_variance * np.exp(-2 * decay * t)
        left = (1 - s * phi) ** 2
        return start + left + self.noise * s * phi**2, s * start + (s + self.noise) * left

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        samples = whole(self.alpha * n, rng)
        X = rng.standard_normal((samples, n)) / np.sqrt(n)
        teacher = np.zeros(n)
        teacher[0] = np.sqrt(n)
        y = X @ teacher + np.sqrt(self.noise) * rng.standard_normal(samples)
        w0 = np.sqrt(self.start_variance) * rng.standard_normal(n)
        values, vectors = np.linalg.eigh(X.T @ X + self.ridge * np.eye(n))
        pull, start = vectors.T @ (X.T @ y), vectors.T @ w0
        t = np.array(self.times)[:, None]
        approach = np.where(values > 0, -np.expm1(-values * t) / np.where(values > 0, values, 1.0), t)
        w = (np.exp(-values * t) * start + approach * pull) @ vectors.T
        residual = y - w @ X.T
        return {
            "test_error": ((w - teacher) ** 2).sum(axis=1) / n,
            "train_loss": (residual**2).mean(axis=1) / 2,
        }


def best_time(law: RidgeFlow) -> tuple[float, float]:
    """The best stopping time: the time with the smallest test error, and that error.

    Raises `NoLimit` if the error decreases for ever.
    """
    from scipy.optimize import minimize_scalar

    def at(log_time: float) -> float:
        return float(law.replace(times=(float(np.exp(log_time)),)).predict()["test_error"][0])

    grid = np.linspace(np.log(1e-4), np.log(LONGEST), 47)
    values = [at(x) for x in grid]
    k = int(np.argmin(values))
    if values[-1] - values[k] <= 1e-9 * max(values):
        raise NoLimit("The test error decreases for ever: there is no time at which to stop.")
    ends = (grid[max(k - 1, 0)], grid[k + 1])
    minimum = minimize_scalar(at, bounds=ends, method="bounded", options={"xatol": 1e-9})
    return float(np.exp(minimum.x)), float(minimum.fun)
