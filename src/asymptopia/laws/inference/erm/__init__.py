"""Empirical risk minimisation of a generalised linear model on Gaussian data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....parts.channel import Channel, Linear, Sign
from ....parts.loss import Logistic, Loss
from ....parts.prior import Gaussian, Prior
from ..common import few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

BAI = "Bai, Mei, Wang and Xiong, ICML (2021), arXiv:2102.07856"
THRAMPOULIDIS = "Thrampoulidis, Abbasi and Hassibi, IEEE Trans. Inf. Theory 64 (2018) 5592"


class _Observables:
    """The observables of a law: the logistic loss alone states probabilities of labels."""

    points = {
        "overlap": Observable("m", "overlap of student and teacher, per dimension"),
        "norm": Observable("q", "squared norm of the student, per dimension"),
        "test_error": Observable(r"\varepsilon_g", "error on new samples"),
        "train_loss": Observable(
            r"\varepsilon_t",
            "mean loss of the training samples, without penalty",
            scale=0.1,
            floor=1e-6,  # less rests on samples rarer than any that an experiment meets
        ),
        "train_error": Observable(r"\varepsilon_{tr}", "error on the training samples", scale=0.1, self_averaging=True),
    }
    scores = {
        "log_loss": Observable(r"\ell", "mean negative log-probability of new labels"),
        "brier": Observable("B", "mean squared distance of a stated probability from the indicator of its label"),
        "overconfidence": Observable(
            "c", "mean stated probability of the likelier label, less its frequency", scale=0.1
        ),
    }

    def __get__(self, law: ERM | None, owner: type) -> dict[str, Observable]:
        return self.points | self.scores if law is not None and isinstance(law.loss, Logistic) else self.points


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

    Without penalty and for $\alpha < 1$ a loss of real labels vanishes on all samples, and w is the solution of least
    norm: $m = \alpha E[y z^\star]$, $q = m^2/\rho + \alpha E[(y - \omega)^2]$. Above, labels without noise leave the
    teacher alone. With penalties they still do for a loss whose slope jumps at the label, such as `Absolute`, as long
    as the penalties are weak: with ridge up to $\tau^2 - \alpha E\,\mathrm{clip}(\tau \xi, \pm1)^2 =
    \rho\, \text{ridge}^2$, $P(|\tau \xi| < 1) = 1 / \alpha$.

    The test error is the probability of a wrong sign for labels +-1, the mean squared error for real ones, on labels
    without flips or added noise unless `noisy_test` (the labels of Logit and Probit are random by nature). The
    training loss is the mean loss without the penalty, the training error the share of wrong signs, or the mean
    squared residual.

    The replica-symmetric answer is exact for convex losses. A loss that is not convex needs ridge > 0 and a proximal
    map without jumps. Replica symmetry is then stable (de Almeida and Thouless) where

    $$\alpha\, E[(\partial_\omega f)^2]\, E[(\partial_B \hat w)^2] < 1, \quad
    B = \hat m w^\star + \sqrt{\hat q}\, \xi,$$

    the factor by which the squared distance of two runs of approximate message passing falls in a step; `valid` gives
    its value where it is larger, `thresholds` along `ridge` the line. The solution is the one continued from a strong
    ridge, and the system's student the lowest minimum that descents from several starts reach.

    The logistic loss states the probability $1/(1 + e^{-z})$ of the label 1: `log_loss`, `brier` and `overconfidence`
    say what it is worth, on labels with their noise. A calibrated student has an overconfidence of 0.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    ridge: float = field(0.1, "strength of the penalty ridge/2 |w|^2", at_least=0)
    l1: float = field(0.0, "strength of the penalty l1 |w|_1", at_least=0)
    loss: Loss = field(Logistic(), "loss of a label and a field; any function of (y, z), best convex")
    teacher: Channel = field(Sign(), "how the teacher's field makes a label; any function of z")
    prior: Prior = field(Gaussian(), "distribution of the teacher's coordinates")
    noisy_test: bool = field(False, "whether the labels of the test carry noise")

    defaults = Defaults(size="dimension", sizes=(100, 200, 400), seeds=60, block=10)
    references = References(
        source=(
            THRAMPOULIDIS + "; replica method: Gardner and Derrida, J. Phys. A 22 (1989) 1983; calibration: " + BAI
        ),
        status="proved for convex losses; heuristic (replica method) for others",
        bibtex="""@article{ThrampoulidisAbbasiHassibi2018,
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
}""",
    )
    landmarks = LANDMARKS
    observables = _Observables()

    def check(self) -> None:
        self.prior.check()
        if type(self.teacher).function is Channel.function:
            self.teacher.check()
        if self.loss.margin and not self.teacher.binary:
            raise NoLimit(f"{self.loss!r} is a loss of labels +-1, but {self.teacher!r} makes real ones.")
        if not self.loss.convex():
            self._check_not_convex()
        if self.ridge or self.l1:
            return
        threshold = self.thresholds("alpha")["existence"]
        if self.alpha > threshold or (self.alpha < threshold and not self.loss.margin):
            return
        if self.loss.margin:
            raise NoLimit(
                f"Without penalty {self.loss!r} has a minimum only if alpha > {threshold:.10g}: below that the labels "
                f"are linearly separable. `alpha` of ERM is {self.alpha:g}; raise it, or give ridge > 0 (as it "
                "falls to 0, the student turns to that of `MaxMargin`)."
            )
        raise NoLimit(
            "Without penalty the norm of the student diverges at alpha = 1, where there are as many samples as "
            "dimensions: change `alpha` of ERM, or give ridge > 0."
        )

    def _check_not_convex(self) -> None:
        if not self.ridge > 0 or self.l1 > 0:
            raise NoLimit(
                f"`loss` of ERM must be convex unless ridge > 0 and l1 = 0, but {self.loss!r} is not, with "
                f"ridge={self.ridge:g} and l1={self.l1:g}."
            )
        from .theory.stability import replicon

        if replicon(self) == float("inf"):
            raise NoLimit(
                f"The proximal map of {self.loss!r} jumps at the replica-symmetric solution: replica symmetry is "
                "broken. `NonconvexERM` breaks it in one step; or give a larger `ridge` to ERM (or a smaller `alpha`), "
                "or a loss of less negative curvature."
            )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        """For losses that are not convex, the value at the line of de Almeida and Thouless where it is passed."""
        if self.loss.convex():
            return None
        from .theory.stability import replicon

        value = replicon(self)
        if value < 1:
            return None
        return (
            f"replica symmetry is unstable (de Almeida and Thouless): the eigenvalue {value:.4g} is above 1, and the "
            "values are not exact; `NonconvexERM`, which breaks it in one step, is nearer"
        )

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`: `existence`, above which the minimum without penalty exists and is unique; inf if never.

        Of losses of real labels it is 1, below which all samples are fitted. Along `ridge` and `l1`, of a loss whose
        slope jumps at labels without noise: `exact_recovery`, up to which the student is the teacher; 0 if never.
        Along `ridge`, of a loss that is not convex: `replica_symmetry`, down to which, from strong ones, it is stable.
        """
        if not self.loss.convex():
            return self._stable_along(along)
        if along in ("ridge", "l1") and self._jumps_at_labels():
            from .theory import last_exact

            return {"exact_recovery": last_exact(self, along)}
        if along != "alpha":
            raise StatementError(
                f"{self!r} has no known transition along {along!r}; there is one along 'alpha', and along 'ridge' and "
                "'l1' for Absolute(), Linear(noise=0.0) and a prior that is a mixture of Gaussians."
            )
        if not self.loss.margin:
            return {"existence": 1.0}
        from ....theory.separability import separability

        return {"existence": separability(self.teacher, float(self.prior.second_moment))}

    def _stable_along(self, along: str) -> dict[str, float]:
        from .theory.stability import least_stable_ridge

        if along != "ridge":
            raise StatementError(
                f"ERM has no known transition along {along!r} for {self.loss!r}, which is not convex; there is one "
                "along 'ridge'."
            )
        return {"replica_symmetry": least_stable_ridge(self)}

    def _jumps_at_labels(self) -> bool:
        """Whether the labels have no noise, and the slope of the loss jumps at each of them."""
        exact = isinstance(self.teacher, Linear) and self.teacher.noise == 0 and self.loss.location
        return exact and bool((self.loss.kinks(np.zeros(1)) == 0).any()) and self.prior.components() is not None
