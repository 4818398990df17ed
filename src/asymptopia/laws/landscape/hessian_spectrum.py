"""The Hessian of least squares: its spectrum, its edges, the eigenvalue of a strong direction, and its sharpness."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key
from ...numerics.sample_covariance import SampleCovariance
from ...parts.activation import Activation, Tanh

MARCHENKO = "Marchenko and Pastur, Math. USSR Sb. 1 (1967) 457"
BAIK = "Baik, Ben Arous and Peche, Ann. Probab. 33 (2005) 1643, for real data Paul, Stat. Sin. 17 (2007) 1617"
PENNINGTON = "Pennington and Worah, NeurIPS 30 (2017) 2637"


def _landmarks() -> tuple[Landmark, ...]:
    half = dict(alpha=2.0, spike=0.0)
    return (
        Landmark(half, "upper_edge", 2.914213562373095, 1e-12, MARCHENKO + ": (1 + sqrt(1/2))^2"),
        Landmark(half, "lower_edge", 0.08578643762690495, 1e-12, MARCHENKO + ": (1 - sqrt(1/2))^2"),
        Landmark(dict(spike=2.0), "outlier", 3.75, 1e-12, BAIK + ": (1 + 2)(1 + 1/4)"),
        Landmark(dict(spike=2.0), "outlier_overlap", 0.7, 1e-12, BAIK + ": (1 - 1/8) / (1 + 1/4)"),
        Landmark(dict(spike=0.5), "outlier", 2.914213562373095, 1e-12, BAIK + ": below the transition, the edge"),
        Landmark({}, "separation", 0.7071067811865476, 1e-9, BAIK, along="spike"),
    )


class HessianSpectrum(Law):
    r"""The spectrum of the Hessian of least squares, linear or on random features, with one strong direction.

    n samples $x \sim N(0, I_d)$, $\alpha = n/d$, one direction of which has the variance $1 + \ell$ (`spike`), and the
    loss $\frac{1}{2n} \sum_i (y_i - \phi_i \cdot w)^2 + \frac{\lambda}{2} |w|^2$. Whatever the labels and
    the parameters are, its Hessian is $\Phi^T \Phi / n + \lambda$. As $d \to \infty$ with $\phi = x$ its eigenvalues
    have the density of Marchenko and Pastur with $\gamma = 1/\alpha$, shifted by the ridge,

    $$\rho(\lambda + x) = \frac{\sqrt{(x_+ - x)(x - x_-)}}{2 \pi \gamma x}, \qquad x_\pm = (1 \pm \sqrt \gamma)^2,$$

    and a mass $1 - \alpha$ at $\lambda$ if $\alpha < 1$. One eigenvalue leaves the bulk if $\ell > \sqrt\gamma$, for
    $(1 + \ell)(1 + \gamma / \ell)$, and its eigenvector has with the strong direction the squared overlap
    $(1 - \gamma/\ell^2) / (1 + \gamma/\ell)$.

    With `features` $p/d > 0$, $\phi = \sigma(F x / \sqrt d)$ less its mean, F of p rows of independent standard normal
    entries: $\phi$ is as good as normal with the covariance $\mu_1^2 F F^T / d + \mu_*^2$, where
    $\mu_1 = E z \sigma(z)$ and $\mu_*^2 = E \sigma^2 - (E \sigma)^2 - \mu_1^2$, and the density follows from that of
    its eigenvalues, a Wishart matrix's. But where the second Hermite coefficient, $a_2$ with
    $\sqrt 2 a_2 = E \sigma(z) (z^2 - 1)$, is not 0, the lengths of the rows of x and of F each add a matrix of rank one
    to the features, of squared singular value $n a_2^2 p / d$. Strong ones give two eigenvalues off the bulk, which
    tend to the same x, $a_2^2 (p/d) x \, m_n(x) m_p(x) = 1$ with the mean resolvents $m_n$ of $\Phi \Phi^T / n$ and
    $m_p$ of $\Phi^T \Phi / n$.

    The `sharpness` is the largest eigenvalue: gradient descent with a constant step is stable if and only if its rate
    is below the `stable_rate`, two over it.
    """

    alpha: float = field(2.0, "samples per dimension", above=0)
    spike: float = field(1.5, "excess variance of the strong direction", at_least=0)
    ridge: float = field(0.0, "strength of the penalty ridge/2 |w|^2, of a mean of losses", at_least=0)
    features: float = field(0.0, "random features per dimension; 0 for the inputs themselves", at_least=0)
    activation: Activation = field(Tanh(), "of the random features")
    bins: int = field(16, "bins of the density", at_least=1, at_most=1000)

    defaults = Defaults(size="dimension", sizes=(50, 100, 200, 400), seeds=60, bias=2 / 3, block=30)
    references = References(
        source=f"{MARCHENKO}; {BAIK}; {PENNINGTON}",
        status=(
            "proved (the density of random features by Peche, 2019; that their extreme eigenvalues do not leave "
            "it, too)"
        ),
        bibtex=r"""@article{MarchenkoPastur1967,
  author = {Mar{\v c}enko, Vladimir A. and Pastur, Leonid A.},
  title = {Distribution of eigenvalues for some sets of random matrices},
  journal = {Mathematics of the USSR-Sbornik}, volume = {1}, pages = {457--483}, year = {1967}
}
@article{BaikBenArousPeche2005,
  author = {Baik, Jinho and Ben Arous, G{\'e}rard and P{\'e}ch{\'e}, Sandrine},
  title = {Phase transition of the largest eigenvalue for nonnull complex sample covariance matrices},
  journal = {The Annals of Probability}, volume = {33}, pages = {1643--1697}, year = {2005}
}
@inproceedings{PenningtonWorah2017,
  author = {Pennington, Jeffrey and Worah, Pratik},
  title = {Nonlinear random matrix theory for deep learning},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {30}, year = {2017}
}""",
    )
    observables = {
        "density": Observable(r"\rho", "share of the eigenvalues in a bin, over its width", dims=("bin",), bias=1.0),
        "lower_edge": Observable("x_-", "least eigenvalue, but for the ridge's own", scale=1.0),
        "upper_edge": Observable(
            "x_+", "largest eigenvalue but for one of a strong direction, or two of random features", bias=2 / 3
        ),
        "outlier": Observable("x_1", "largest eigenvalue, of a strong direction or of the bulk"),
        "outlier_overlap": Observable(
            "q", "squared overlap of its eigenvector with the strong direction", scale=1.0, bias=1.0
        ),
        "sharpness": Observable(r"\lambda_{max}", "largest eigenvalue"),
        "stable_rate": Observable(r"\eta_{max}", "largest rate of stable gradient descent", limit_only=True),
    }
    exercises = (dict(alpha=1.5, spike=1.3, ridge=0.2), dict(alpha=2.5, spike=0.0, features=1.5, ridge=0.1))
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._separated():  # an eigenvalue off the bulk has corrections in 1/n
            object.__setattr__(self, "bias", 1.0)
        if self._second():  # the larger of two eigenvalues with one limit, and fluctuations of their own
            object.__setattr__(self, "bias", 0.5)

    def predict(self) -> dict[str, Any]:
        law, zero = self._covariance(), 1e-12
        low, high = law.edges()
        strength = self.features * self._second() ** 2
        outside = law.outlier(1 + self.spike) if self.spike else law.added_outlier(strength)
        outlier = high if outside is None else outside
        overlap = 0.0
        if self.spike and outside is not None:
            overlap = (1 - law.gamma / self.spike**2) / (1 + law.gamma / self.spike)
        ends = self._ends() - self.ridge
        ends[0] = -zero
        return {
            "density": law.shares(ends) / np.diff(self._ends()),
            "lower_edge": self.ridge + low,
            "upper_edge": self.ridge + high,
            "outlier": self.ridge + outlier,
            "outlier_overlap": overlap,
            "sharpness": self.ridge + outlier,
            "stable_rate": 2 / (self.ridge + outlier),
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...numerics.gaussian import expectation

        rng = generator(key)
        X = rng.standard_normal((whole(self.alpha * n, rng), n))
        X[:, 0] *= (1 + self.spike) ** 0.5
        if self.features:
            F = rng.standard_normal((whole(self.features * n, rng), n))
            mean = expectation(self.activation, breaks=self.activation.breaks())
            X = np.asarray(self.activation(X @ F.T / n**0.5), float) - mean
        samples, p = X.shape
        values, vectors = np.linalg.eigh(X.T @ X / samples)
        first = int(np.argmax(values > 1e-12 * values[-1]))
        values, ends = self.ridge + np.maximum(values, 0), self._ends()
        inside = np.clip(values, ends[0], ends[-1])
        strong = min(p - 1, 2 if self._second() else int(self.spike > 0))
        return {
            "density": np.histogram(inside, ends)[0] / (p * np.diff(ends)),
            "lower_edge": values[first],
            "upper_edge": values[-1 - strong],
            "outlier": values[-1],
            "outlier_overlap": vectors[0, -1] ** 2 if self.spike else 0.0,
            "sharpness": values[-1],
        }

    def coords(self) -> dict[str, Any]:
        ends = self._ends()
        return {"bin": (ends[1:] + ends[:-1]) / 2}

    def check(self) -> None:
        if self.spike and self.features:
            raise NoLimit(
                f"A strong direction is for the inputs themselves: `spike` must be 0 with random features, "
                f"but is {self.spike!r} with `features` {self.features!r}."
            )
        if self.features:
            self.activation.moments()

    def valid(self) -> str | None:
        near = self.spike * self.alpha**0.5
        if self.spike and 0.8 < near < 1.25:
            return (
                f"close to the separation of an eigenvalue, at `spike` {self.alpha**-0.5:.6g}, it fluctuates "
                "as much as it is away from the bulk"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `spike` the `separation`, where an eigenvalue leaves the bulk; along `alpha` the same."""
        if along == "spike" and not self.features:
            return {"separation": float(self.alpha) ** -0.5}
        if along == "alpha" and self.spike and not self.features:
            return {"separation": float(self.spike) ** -2}
        return {}

    def _separated(self) -> bool:
        return not self.features and self.spike > self.alpha**-0.5

    def _second(self) -> float:
        """The second Hermite coefficient of the features; 0 without them."""
        from ...numerics.gaussian import expectation

        if not self.features:
            return 0.0
        second = expectation(lambda z: self.activation(z) * (z**2 - 1), breaks=self.activation.breaks()) / 2**0.5
        return float(second) if abs(second) > 1e-10 * self.activation.moments().mu_star else 0.0

    def _ends(self) -> np.ndarray:
        """The ends of the bins, from the ridge to a bound on the bulk."""
        gamma, power = 1 / self.alpha, 1.0
        if self.features:
            moments = self.activation.moments()
            gamma = self.features / self.alpha
            power = moments.mu1**2 * (1 + self.features**0.5) ** 2 + moments.mu_star**2
        return self.ridge + np.linspace(0, power * (1 + gamma**0.5) ** 2, int(self.bins) + 1)

    def _covariance(self) -> SampleCovariance:
        if not self.features:
            return SampleCovariance(1 / self.alpha)
        _, mu1, mu_star = self.activation.moments()
        slope, floor = (x**2 if x**2 > 1e-20 * (mu1**2 + mu_star**2) else 0.0 for x in (mu1, mu_star))
        return SampleCovariance(self.features / self.alpha, floor, slope, self.features)
