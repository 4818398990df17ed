"""Empirical risk minimisation of a generalised linear model on Gaussian data."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.batching import generator, whole
from ....contract.law import Landmark, Law, NoLimit, Observable
from ....contract.record import StatementError, field
from ....parts.channel import Channel, Linear, Logit, Probit, Sign
from ....parts.loss import Absolute, Hinge, Huber, Logistic, Loss, Square
from ....parts.prior import GaussBernoulli, Gaussian, Prior

THRAMPOULIDIS = "Thrampoulidis, Abbasi and Hassibi, IEEE Trans. Inf. Theory 64 (2018) 5592"
CANDES_SUR = "Candes and Sur, Ann. Statist. 48 (2020) 27, theorem 1, without intercept"
SUR_CANDES = "Sur and Candes, PNAS 116 (2019) 14516, equation 5 (recomputed)"
BAYATI = "Bayati and Montanari, IEEE Trans. Inf. Theory 58 (2012) 1997, corollary 1.6 (recomputed)"
HASTIE = "Hastie, Montanari, Rosset and Tibshirani, Ann. Statist. 50 (2022) 949, corollary 5 (recomputed)"
RECOMPUTED = "independent high-precision solution of the fixed point"


class ERM(Law):
    r"""A student learns a teacher's labels by minimising an empirical risk.

    n = $\alpha d$ inputs $x_i \sim N(0, I_d)$ get labels $y_i$ from a teacher $w^\star$, whose coordinates are drawn
    from `prior` (second moment $\rho$), through a channel that sees $x_i \cdot w^\star / \sqrt d$. The student
    minimises

    $$\sum_{i=1}^n \ell(y_i, x_i \cdot w / \sqrt d) + \frac{\text{ridge}}{2} |w|^2 + \text{l1}\, |w|_1 .$$

    As $d \to \infty$ the overlap $w \cdot w^\star / d$ and the norm $|w|^2 / d$ tend to the solution m, q of

    $$\hat m = \alpha E[f g], \quad \hat q = \alpha E[f^2], \quad \hat V = -\alpha E[\partial_\omega f], \quad
      f = (\mathrm{prox}_{V \ell(y, \cdot)}(\omega) - \omega) / V,$$

    $$m = E[w^\star \hat w], \quad q = E[\hat w^2], \quad V = E[\partial_B \hat w], \quad
      \hat w = \frac{\mathrm{soft}(\hat m w^\star + \sqrt{\hat q}\, \xi,\ \text{l1})}{\text{ridge} + \hat V},$$

    where $\omega \sim N(0, q)$, the teacher's field given $\omega$ is $N(m \omega / q,\ \rho - m^2 / q)$, $g$ is the
    derivative of the log-probability of the label in its mean, and $\xi$ is standard normal.

    The test error is the probability of a wrong sign for labels +-1, the mean squared error for real ones, on labels
    without flips or added noise unless `noisy_test` (the labels of Logit and Probit are random by nature). The
    training loss is the mean loss without the penalty, the training error the share of wrong signs, or the mean
    squared residual. The replica-symmetric answer is exact for convex losses.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    ridge: float = field(0.1, "strength of the penalty ridge/2 |w|^2", at_least=0)
    l1: float = field(0.0, "strength of the penalty l1 |w|_1", at_least=0)
    loss: Loss = field(Logistic(), "loss of a label and a field; any convex function of (y, z)")
    teacher: Channel = field(Sign(), "how the teacher's field makes a label; any function of z")
    prior: Prior = field(Gaussian(), "law of the teacher's coordinates")
    noisy_test: bool = field(False, "whether the labels of the test carry noise")

    size = "dimension"
    sizes = (100, 200, 400)
    seeds = 60
    block = 10
    source = THRAMPOULIDIS + "; replica method: Gardner and Derrida, J. Phys. A 22 (1989) 1983"
    bibtex = """@article{ThrampoulidisAbbasiHassibi2018,
  author = {Thrampoulidis, Christos and Abbasi, Ehsan and Hassibi, Babak},
  title = {Precise error analysis of regularized {M}-estimators in high dimensions},
  journal = {IEEE Transactions on Information Theory},
  volume = {64}, pages = {5592--5628}, year = {2018}
}
@article{CandesSur2020,
  author = {Cand{\\`e}s, Emmanuel J. and Sur, Pragya},
  title = {The phase transition for the existence of the maximum likelihood estimate
           in high-dimensional logistic regression},
  journal = {Annals of Statistics},
  volume = {48}, pages = {27--42}, year = {2020}
}"""
    status = "proved for convex losses"
    compiled = False
    vectorised = True
    observables = {
        "overlap": Observable("m", "overlap of student and teacher, per dimension"),
        "norm": Observable("q", "squared norm of the student, per dimension"),
        "test_error": Observable(r"\varepsilon_g", "error on new samples"),
        "train_loss": Observable(r"\varepsilon_t", "mean loss of the training samples, without penalty", scale=0.1),
        "train_error": Observable(r"\varepsilon_{tr}", "error on the training samples", scale=0.1, self_averaging=True),
    }

    def predict(self) -> dict[str, Any]:
        from .theory import predict

        return predict(self)

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        from ....algorithms.erm.fit import fit

        rng = generator(key)
        samples = whole(self.alpha * n, rng)
        star = self.prior.sample(n, rng)
        power = float(self.prior.second_moment)
        star *= np.sqrt(power * n / np.maximum(star @ star, 1e-300))
        X = rng.standard_normal((samples, n)) / np.sqrt(n)
        y = self.teacher.sample(X @ star, rng)
        w = fit(X, y, self.loss, self.ridge, self.l1).w
        z = X @ w
        wrong = _wrong(y, z) if self.teacher.binary else np.mean((y - z) ** 2)
        return {
            "overlap": w @ star / n,
            "norm": w @ w / n,
            "test_error": self._measured_error(w, star, rng),
            "train_loss": np.mean(self.loss(y, z)),
            "train_error": wrong,
        }

    def _measured_error(self, w: np.ndarray, star: np.ndarray, rng: np.random.Generator) -> float:
        """The error on fresh samples: only the fields of teacher and student matter, which are jointly normal."""
        n, fresh = len(w), 100_000
        a, b = rng.standard_normal((2, fresh))
        length = np.linalg.norm(star)
        along = w @ star / length
        across = np.linalg.norm(w - along / length * star)
        z0, z = a * length / np.sqrt(n), (along * a + across * b) / np.sqrt(n)
        y = (self.teacher if self.noisy_test else self.teacher.noiseless()).sample(z0, rng)
        return float(_wrong(y, z) if self.teacher.binary else np.mean((y - z) ** 2))

    def check(self) -> None:
        self.prior.check()
        if type(self.teacher).function is Channel.function:
            self.teacher.check()
        if self.loss.margin and not self.teacher.binary:
            raise NoLimit(f"{self.loss!r} is a loss of labels +-1, but {self.teacher!r} makes real ones.")
        if self.ridge or self.l1:
            return
        threshold = self.thresholds("alpha")["existence"]
        if not self.alpha > threshold:
            what = "the labels are linearly separable" if self.loss.margin else "the samples can be fitted exactly"
            raise NoLimit(
                f"Without penalty {self.loss!r} has a unique minimum only if alpha > {threshold:.10g}: below that "
                f"{what}. `alpha` of ERM is {self.alpha:g}; raise it, or give ridge > 0."
            )

    def valid(self) -> str | None:
        if not self.loss.convex():
            return f"{self.loss!r} is not convex: the replica-symmetric answer is not guaranteed"
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `existence`, above which the minimum without penalty exists and is unique; inf if never."""
        if along != "alpha":
            raise StatementError(f"ERM has no known transition along {along!r}; there is one along 'alpha'.")
        if not self.loss.margin:
            return {"existence": 1.0}
        from ....theory.separability import separability

        return {"existence": separability(self.teacher, float(self.prior.second_moment))}


def _wrong(y: np.ndarray, z: np.ndarray) -> float:
    """The share of fields with the wrong sign; a field of zero, which has none, is wrong by half."""
    return float(np.mean((1 - np.sign(y * z)) / 2))


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(
            dict(loss=Logistic(), ridge=0.0, teacher=Logit(scale=s)), "existence", value, 1e-5, CANDES_SUR, "alpha"
        )
        for s, value in (
            (0.0, 1 / 0.5),
            (1.0, 1 / 0.438939),
            (5**0.5, 1 / 0.325589),
            (3.0, 1 / 0.272522),
            (5.0, 1 / 0.185052),
        )
    ]
    for kappa, slope, spread in ((0.2, 1.499350, 4.743553), (0.1, 1.167782, 3.346564)):
        fields = dict(alpha=1 / kappa, ridge=0.0, loss=Logistic(), teacher=Logit(scale=5**0.5))
        rows.append(Landmark(fields, "overlap", slope * 5**0.5, 1e-5, SUR_CANDES))
        rows.append(Landmark(fields, "norm", 5 * slope**2 + kappa * spread**2, 1e-4, SUR_CANDES))
    lasso = dict(ridge=0.0, loss=Square(), teacher=Linear(noise=0.01), prior=GaussBernoulli(rho=0.2))
    for alpha, l1, value in (
        (0.3, 1.0, 0.1966893722689852),
        (0.5, 0.01, 0.04257880840532191),
        (1.0, 0.1, 0.009178964617467205),
    ):
        rows.append(Landmark(dict(alpha=alpha, l1=l1) | lasso, "test_error", value, 1e-9, BAYATI))
    square, logistic, hinge = Square(), Logistic(), Hinge()
    for alpha, ridge, loss, name, value in (
        (4.0, 1.0, square, "test_error", 0.12879110233246746),
        (1.0, 0.001, square, "norm", 6.17306269571326),
        (2.0, 0.001, logistic, "norm", 67.55188522841583),
        (2.0, 0.1, logistic, "overlap", 1.7203130925926764),
        (8.0, 0.01, hinge, "test_error", 0.05945427259934757),
    ):
        rows.append(Landmark(dict(alpha=alpha, ridge=ridge, loss=loss), name, value, 1e-9 * max(value, 1), RECOMPUTED))
    for alpha, ridge, noise, name, value in (
        (1.0, 1.0, 0.01, "test_error", 0.44892179943245747),
        (4.0, 0.1, 0.25, "test_error", 0.07782588921798128),
        (8.0, 0.001, 0.25, "train_loss", 0.10937500928995443),
    ):
        fields = dict(alpha=alpha, ridge=ridge, loss=square, teacher=Linear(noise=noise))
        rows.append(Landmark(fields, name, value, 1e-9, HASTIE))
    probit = dict(alpha=4.0, ridge=0.01, loss=logistic, teacher=Probit(noise=0.25))
    rows.append(Landmark(probit, "test_error", 0.21579202461100225, 1e-9, RECOMPUTED))
    return tuple(rows)


ERM.landmarks = _landmarks()

__all__ = ["ERM", "Absolute", "Huber"]
