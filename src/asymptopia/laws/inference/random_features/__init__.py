"""Learning on random features of Gaussian inputs, which is also the hidden manifold model."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.law import Landmark, Law, NoLimit, Observable
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Erf, Identity, Relu, Sign
from ....parts.channel import Channel, Linear
from ....parts.channel import Sign as SignOf
from ....parts.loss import Logistic, Loss, Square

GERACE = "Gerace, Loureiro, Krzakala, Mezard and Zdeborova, ICML 2020 (arXiv:2002.09339), equations 13 to 15"
MEI = "Mei and Montanari, Comm. Pure Appl. Math. 75 (2022) 667, theorem 2 (recomputed)"
KERNEL = "ridge regression on mu1 x / sqrt(d) with ridge + mu_star**2: the kernel of infinitely many features"
LINEAR = "many linear features are the inputs themselves: the law ERM (recomputed)"
RECOMPUTED = "independent high-precision solution of the fixed point"
_FRESH = 5_000
_NEAR, _TINY = 0.1, 1e-3


def _landmarks() -> tuple[Landmark, ...]:
    noisy = dict(loss=Square(), teacher=Linear(noise=0.1))
    rows = [
        Landmark(dict(alpha=a, features=p, activation=s, ridge=r) | noisy, name, value, 1e-9, MEI)
        for a, p, s, r, name, value in (
            (1.0, 0.5, Relu(), 0.01, "test_error", 1.3499454650381741),
            (1.0, 1.0, Relu(), 1e-4, "test_error", 12.636427200166796),
            (3.0, 6.0, Relu(), 1.0, "test_error", 0.4606471000640583),
            (3.0, 2.0, Relu(), 0.01, "train_loss", 0.057531649704170226),
            (1.0, 0.5, Erf(), 0.01, "test_error", 1.1630826816024538),
        )
    ]
    rows += [
        Landmark(dict(alpha=a, features=1e9, activation=s, ridge=r) | noisy, "test_error", value, 1e-7, KERNEL)
        for a, s, r, value in (
            (1.0, Relu(), 0.01, 0.342832250774472),
            (3.0, Erf(), 1.0, 0.2775346458865411),
            (3.0, Sign(), 1e-4, 0.08018438560915397),
        )
    ]
    rows += [
        Landmark(dict(alpha=a, features=p, activation=s, ridge=r), name, value, 1e-9, RECOMPUTED)
        for a, p, s, r, name, value in (
            (3.0, 1.0, Erf(), 0.01, "test_error", 0.24908419658265243),
            (3.0, 3.0, Erf(), 0.01, "train_loss", 0.08975012815931287),
            (2.0, 2.0, Relu(), 0.1, "test_error", 0.28014468544391324),
        )
    ]
    linear = dict(alpha=2.0, features=1e9, activation=Identity(), ridge=0.001)
    rows.append(Landmark(linear, "test_error", 0.1776265253620458, 1e-7, LINEAR))
    rows.append(
        Landmark(dict(alpha=3.0) | noisy, "interpolation", 3.0, 1e-12, "as many features as samples", "features")
    )
    return tuple(rows)


class RandomFeatures(Law):
    r"""A student learns a teacher's labels from random nonlinear features of the inputs.

    n = $\alpha d$ inputs $x_i \sim N(0, I_d)$ get labels $y_i$ through a channel that sees
    $\nu_i = x_i \cdot w^\star / \sqrt d$ with $|w^\star|^2 = d$. The student sees p = `features` d random features
    with their mean removed, $\varphi_j(x) = \sigma(f_j \cdot x / \sqrt d) - E\sigma$, with directions uniform on
    $|f_j|^2 = d$, and minimises

    $$\sum_{i=1}^n \ell(y_i, \varphi(x_i) \cdot a / \sqrt p) + \frac{\text{ridge}}{2} |a|^2 .$$

    The hidden manifold model is the same: there $x$ is the hidden coordinate, $\sigma(F x / \sqrt d)$ the input that is
    seen in p dimensions, and labels depend on x alone.

    With $\mu_1 = E[z \sigma(z)]$, $\mu_\star^2 = E[\sigma(z)^2] - \mu_1^2 - E[\sigma(z)]^2$ for z standard normal, the
    features act like the Gaussian ones $\mu_1 f_j \cdot x / \sqrt d + \mu_\star \xi_j$ as $d \to \infty$. Their
    covariance is $\Omega = \mu_1^2 F F^T / d + \mu_\star^2$, that with $\nu$ is $b = \mu_1 F w^\star / d$, and
    $m = E[z \nu]$, $q = E[z^2]$, V of the student's field z solve, with $R = (\Omega + \text{ridge} / \hat V)^{-1}$
    and $f = (\mathrm{prox}_{V \ell}(\omega) - \omega) / V$,

    $$V = \frac{\mathrm{tr}\, \Omega R}{p \hat V}, \quad m = \frac{\hat m}{\hat V} b R b, \quad
      q = \frac{\hat q}{\hat V^2} \frac{\mathrm{tr}\, \Omega R \Omega R}{p}
        + \frac{\hat m^2}{\hat V^2} b R \Omega R b,$$

    $$\hat V = -\frac n p E[\partial_\omega f], \quad \hat q = \frac n p E[f^2], \quad
      \hat m = \frac n p E[f\, \partial_\omega \log P(y | \omega)],$$

    where the traces are those of the law of Marchenko and Pastur. The errors have a peak where the samples are just
    interpolated (`thresholds`, along `features`): at p = n for losses of real labels, where classes become linearly
    separable for the others. For p to infinity the student is one of a kernel.

    The test error is the probability of a wrong sign for labels +-1, the mean squared error for real ones, on labels
    without flips or added noise. The training loss is the mean loss without penalty.
    """

    alpha: float = field(2.0, "samples per dimension of the inputs, n / d", above=0)
    features: float = field(1.0, "features per dimension of the inputs, p / d", above=0)
    activation: Activation = field(Erf(), "what makes a feature of f.x / sqrt(d); any function of it")
    loss: Loss = field(Logistic(), "loss of a label and a field; any convex function of (y, z)")
    ridge: float = field(0.1, "strength of the penalty ridge/2 |a|^2", above=0)
    teacher: Channel = field(SignOf(), "how the teacher's field makes a label; any function of z")

    size = "dimension"
    sizes = (50, 100, 200)
    seeds = 200
    block = 20
    source = GERACE + "; Mei and Montanari, Comm. Pure Appl. Math. 75 (2022) 667, theorem 2"
    bibtex = """@inproceedings{GeraceLoureiroKrzakalaMezardZdeborova2020,
  author = {Gerace, Federica and Loureiro, Bruno and Krzakala, Florent and M{\\'e}zard, Marc
            and Zdeborov{\\'a}, Lenka},
  title = {Generalisation error in learning with random features and the hidden manifold model},
  booktitle = {International Conference on Machine Learning},
  year = {2020}, eprint = {2002.09339}
}
@article{GoldtMezardKrzakalaZdeborova2020,
  author = {Goldt, Sebastian and M{\\'e}zard, Marc and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Modeling the influence of data structure on learning in neural networks: The hidden manifold model},
  journal = {Physical Review X}, volume = {10}, pages = {041044}, year = {2020}
}
@article{MeiMontanari2022,
  author = {Mei, Song and Montanari, Andrea},
  title = {The generalization error of random features regression: Precise asymptotics
           and the double descent curve},
  journal = {Communications on Pure and Applied Mathematics},
  volume = {75}, pages = {667--766}, year = {2022}
}"""
    status = (
        "proved for the square loss (Mei and Montanari), and for convex losses with smooth odd activations (Hu and Lu, "
        "IEEE Trans. Inf. Theory 69 (2023) 1932); heuristic beyond"
    )
    compiled = False
    vectorised = True
    landmarks = _landmarks()
    observables = {
        "test_error": Observable(r"\varepsilon_g", "error on new samples"),
        "train_loss": Observable(r"\varepsilon_t", "mean loss of the training samples, without penalty"),
    }

    def predict(self) -> dict[str, Any]:
        from .theory import predict

        return predict(self)

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        from ....algorithms.erm.fit import fit
        from ....numerics.gaussian import expectation

        rng = generator(key)
        samples, p = (whole(share * n, rng) for share in (self.alpha, self.features))
        star = rng.standard_normal(n)
        star /= np.linalg.norm(star)
        F = rng.standard_normal((p, n))
        F /= np.linalg.norm(F, axis=1, keepdims=True)
        mean = expectation(self.activation, breaks=self.activation.breaks())

        def seen(x: np.ndarray) -> np.ndarray:
            return (np.asarray(self.activation(x @ F.T), float) - mean) / np.sqrt(p)

        X = rng.standard_normal((samples, n))
        y = self.teacher.sample(X @ star, rng)
        features = seen(X)
        a = fit(features, y, self.loss, self.ridge).w
        z, fresh = features @ a, rng.standard_normal((_FRESH, n))
        wrong = _wrong if self.teacher.binary else _squared
        return {
            "test_error": wrong(self.teacher.noiseless().sample(fresh @ star, rng), seen(fresh) @ a),
            "train_loss": float(np.mean(self.loss(y, z))),
        }

    def check(self) -> None:
        if self.loss.margin and not self.teacher.binary:
            raise NoLimit(f"{self.loss!r} is a loss of labels +-1, but {self.teacher!r} makes real ones.")
        self.activation.moments()

    def valid(self) -> str | None:
        if not self.loss.convex():
            return f"{self.loss!r} is not convex: the replica-symmetric answer is not guaranteed"
        if self.ridge < _TINY and not self.loss.margin and abs(self.features / self.alpha - 1) < _NEAR:
            return (
                "close to interpolation, p = n, with so little ridge finite systems vary widely, and their mean "
                "reaches the limit only for very large d"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `features` or `alpha`: `interpolation`, where the training samples can just be fitted without error."""
        if along not in ("features", "alpha"):
            raise StatementError(
                f"RandomFeatures has no known transition along {along!r}; there is one along 'features' and 'alpha'."
            )
        from .theory import interpolating_features, interpolating_samples

        return {"interpolation": interpolating_features(self) if along == "features" else interpolating_samples(self)}


def _wrong(y: np.ndarray, z: np.ndarray) -> float:
    """The share of fields with the wrong sign; a field of zero, which has none, is wrong by half."""
    return float(np.mean((1 - np.sign(y * z)) / 2))


def _squared(y: np.ndarray, z: np.ndarray) -> float:
    return float(np.mean((y - z) ** 2))
