"""Learning on random features of Gaussian inputs, which is also the hidden manifold model."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Erf
from ....parts.channel import Channel
from ....parts.channel import Sign as SignOf
from ....parts.loss import Logistic, Loss
from ..common import none_drawn
from .landmarks import LANDMARKS

GERACE = "Gerace, Loureiro, Krzakala, Mezard and Zdeborova, ICML 2020 (arXiv:2002.09339), equations 13 to 15"
_NEAR, _TINY = 0.1, 1e-3


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

    where the traces are those of the Marchenko-Pastur distribution. The errors have a peak where the samples are just
    interpolated (`thresholds`, along `features`): at p = n for losses of real labels, where classes become linearly
    separable for the others. For p to infinity the student is one of a kernel.

    The test error is the probability of a wrong sign for labels +-1, the mean squared error for real ones, on labels
    without flips or added noise. The training loss is the mean loss without penalty.
    """

    alpha: float = field(2.0, "samples per dimension of the inputs, n / d", above=0)
    features: float = field(1.0, "features per dimension of the inputs, p / d", above=0)
    activation: Activation = field(Erf(), "what makes a feature of f.x / sqrt(d); any function of it")
    loss: Loss = field(Logistic(), "loss of a label and a field; any convex function of (y, z)", needs="convex")
    ridge: float = field(0.1, "strength of the penalty ridge/2 |a|^2", above=0)
    teacher: Channel = field(SignOf(), "how the teacher's field makes a label; any function of z")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=200, block=20)
    references = References(
        source=GERACE + "; Mei and Montanari, Comm. Pure Appl. Math. 75 (2022) 667, theorem 2",
        status=(
            "proved for the square loss (Mei and Montanari), and for convex losses with smooth odd activations "
            "(Hu and Lu, IEEE Trans. Inf. Theory 69 (2023) 1932); heuristic beyond"
        ),
        bibtex="""@inproceedings{GeraceLoureiroKrzakalaMezardZdeborova2020,
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
}""",
    )
    landmarks = LANDMARKS
    observables = {
        "test_error": Observable(r"\varepsilon_g", "error on new samples"),
        "train_loss": Observable(r"\varepsilon_t", "mean loss of the training samples, without penalty"),
    }

    def check(self) -> None:
        if self.loss.margin and not self.teacher.binary:
            raise NoLimit(f"{self.loss!r} is a loss of labels +-1, but {self.teacher!r} makes real ones.")
        self.activation.moments()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha, "features": self.features}, sizes)

    def valid(self) -> str | None:
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
