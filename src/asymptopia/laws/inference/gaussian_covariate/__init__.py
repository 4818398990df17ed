"""Generalised linear models on Gaussian inputs with any covariance, and on real data that behave like them."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from ....contract.law import Landmark, Law, NoLimit, Observable
from ....contract.record import StatementError, field
from ....parts.channel import Channel, Linear, Sign
from ....parts.classes import Softmax, suits_classes
from ....parts.covariance import Covariance, Isotropic
from ....parts.data import Covariates, Data, feature_map
from ....parts.loss import Hinge, Logistic, Loss, Square

_FEWEST_TESTS = 20
_DETERMINED = 0.3
_ABSENT = 0.01
ISOTROPIC = "the isotropic case, solved independently in high precision"


class _Sizes:
    """The sizes of a default experiment: of a law as stated, or of the class."""

    growing = (100, 200, 400)

    def __get__(self, law: GaussianCovariate | None, owner: type) -> tuple[int, ...]:
        fixed = None if law is None else law.dimension()
        return self.growing if fixed is None else (fixed,)


class _Observables:
    """The errors, and of classes also what scores and stated probabilities are worth: of a law as stated, or all."""

    errors: ClassVar[dict[str, Observable]] = {
        "test_error": Observable(
            r"\varepsilon_{test}",
            "fraction of wrong labels, or mean squared error, on new samples",
            scale=1e-4,  # an exact formula has no error but that of rounding
            resolution=0.08,
        ),
        "train_error": Observable(
            r"\varepsilon_{train}",
            "fraction of wrong labels, or mean squared error, on the training set",
            scale=0.05,
            resolution=0.2,
            self_averaging=True,
        ),
        "train_loss": Observable(
            r"\ell_{train}", "mean loss of a training sample, without the penalty", scale=0.05, resolution=0.15
        ),
        "chosen_ridge": Observable(r"\lambda", "the ridge, chosen by theory where it is not given", limit_only=True),
    }
    ranking: ClassVar[dict[str, Observable]] = {
        "auc": Observable("A", "probability that a new sample of label 1 has a larger field than one of label -1",
                          resolution=0.05),
    }  # fmt: skip
    intervals: ClassVar[dict[str, Observable]] = {
        "conformal_width": Observable(
            "h", "half width of the interval about a prediction that holds 90 % of new targets, in units of the "
            "target's standard deviation", scale=0.05, resolution=0.08,
        ),
    }  # fmt: skip
    scores: ClassVar[dict[str, Observable]] = {
        "log_loss": Observable(r"\ell", "mean negative log-probability of new labels", resolution=0.1),
        "brier": Observable("B", "mean squared distance of stated probabilities from the indicator of the label",
                            scale=0.05, resolution=0.1),
        "overconfidence": Observable(
            "c", "mean stated probability of the likelier label, less its frequency", scale=0.1, resolution=0.2
        ),
    }  # fmt: skip

    def __get__(self, law: GaussianCovariate | None, owner: type) -> dict[str, Observable]:
        if law is None or not isinstance(law.data, Data):
            return self.errors
        kind = law.data.samples(law.features).kind
        ranked = {"classification": self.ranking, "regression": self.intervals}.get(kind, {})
        stated = kind != "regression" and isinstance(law.loss, (Logistic, Softmax))
        return self.errors | ranked | (self.scores if stated else {})


class GaussianCovariate(Law):
    r"""Empirical risk minimisation on Gaussian inputs of any covariance, or on the rows of a data set.

    Labels y_i depend on a field nu of the teacher, inputs v_i are Gaussian with covariance $\Omega$ (d x d) and
    $b = E[v \nu]$. Over n = alpha d samples the student minimises

    $$\sum_{i=1}^n \ell(y_i, w \cdot v_i/\sqrt d) + \frac{\text{ridge}}{2} |w|^2 .$$

    For d to infinity the overlaps $m = E[z\nu]$, $q = E[z^2]$ of its field z and V solve, with
    $R = (\Omega + \text{ridge}/\hat V)^{-1}$, $\rho = E[\nu^2]$ and $f = (\mathrm{prox}_{V\ell}(\omega) - \omega)/V$,

    $$V = \frac{\mathrm{tr}\,\Omega R}{d \hat V}, \quad m = \frac{\hat m}{\hat V}\, b R b, \quad
      q = \frac{\hat q}{\hat V^2} \frac{\mathrm{tr}\,\Omega R\Omega R}{d}
        + \frac{\hat m^2}{\hat V^2}\, b R \Omega R b,$$

    $$\hat V = -\alpha E[\partial_\omega f], \quad \hat q = \alpha E[f^2], \quad
      \hat m = (\alpha E[f \nu] + m \hat V)/\rho.$$

    The eigenvalues of Omega enter paired with what b has in their eigenspaces, so covariances need not commute.

    With a data set as `data` the dimension is that of the data, an experiment trains on n = alpha d rows drawn without
    replacement and tests on the rest, and the student has an intercept without penalty. Theory takes the covariance and
    the distribution of label and teacher from all rows (see `asymptopia.theory.population`). The target of a regression
    has unit variance, so that errors are fractions of it. Where data are not like Gaussian ones, theory and experiment
    differ.

    Data of K classes have a student with a field for each: with the loss Softmax() of all at once, with Logistic() or
    Square() of each class against the rest; the largest field is the answer (see `theory.several_classes`).

    Observables: test_error is the fraction of wrong labels, or the mean squared error of a regression (for Gaussian
    models of the noiseless label, as in `ERM`; for data of the label itself); train_loss the mean loss without penalty.
    For data of two classes also auc, and where the loss states probabilities log_loss, brier and overconfidence, which
    is 0 if they are calibrated; for data of a regression conformal_width, the quantile of 90 % of new absolute
    residuals, which is what split conformal prediction gives its intervals.
    """

    alpha: float = field(2.0, "samples per dimension", above=0)
    data: Covariates = field(Isotropic(), "the distribution of the inputs, or a data set")
    loss: Loss = field(Logistic(), "what the student pays for a field z and a label y", needs="convex")
    ridge: float | str = field(1.0, 'weight of |w|**2 / 2, or "auto" for that of least test error in theory', above=0)
    teacher: Channel | None = field(
        None,
        "distribution of the label given the teacher's field; None is Sign() for losses of a margin, else Linear()",
    )
    features: str = field("none", 'features of the data: "none", P random ones as in "relu:P", or "ntk:DEPTH"')

    size: ClassVar[str] = "dimension"
    sizes: ClassVar[Any] = _Sizes()
    seeds: ClassVar[int] = 40
    source: ClassVar[str] = (
        "Loureiro, Gerbelot, Cui, Goldt, Krzakala, Mezard and Zdeborova, NeurIPS 34 (2021) 18137, theorem 1"
    )
    bibtex: ClassVar[str] = """@inproceedings{loureiro2021learning,
  title = {Learning curves of generic features maps for realistic datasets with a teacher-student model},
  author = {Loureiro, Bruno and Gerbelot, C{\\'e}dric and Cui, Hugo and Goldt, Sebastian and
            Krzakala, Florent and M{\\'e}zard, Marc and Zdeborov{\\'a}, Lenka},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {34},
  pages = {18137--18151},
  year = {2021}
}"""
    status: ClassVar[str] = (
        "proved for Gaussian inputs and convex losses; for data an assumption that the experiment tests"
    )
    observables: ClassVar[Any] = _Observables()

    landmarks: ClassVar[tuple[Landmark, ...]] = (
        Landmark(
            dict(alpha=4.0, ridge=1.0, loss=Square(), teacher=Sign()),
            "test_error",
            0.12879110233246746,
            1e-8,
            ISOTROPIC,
        ),
        Landmark(
            dict(alpha=8.0, ridge=1.0, loss=Logistic(), teacher=Sign()),
            "test_error",
            0.0917398108156842,
            1e-8,
            ISOTROPIC,
        ),
        Landmark(
            dict(alpha=8.0, ridge=0.1, loss=Hinge(), teacher=Sign()), "train_loss", 0.0726990039228468, 1e-8, ISOTROPIC
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        feature_map(self.features)
        if isinstance(self.ridge, str) and self.ridge != "auto":
            raise StatementError(f'`ridge` of GaussianCovariate must be a number > 0 or "auto", but is {self.ridge!r}.')
        if isinstance(self.data, Data):
            object.__setattr__(self, "bias", math.inf)  # the theory is of these data, whose size is what it is
            if self.teacher is not None:
                raise StatementError(
                    "`teacher` of GaussianCovariate must be None for data: their labels are their own."
                )
        elif self.features != "none":
            raise StatementError(
                '`features` of GaussianCovariate are for data; for a Gaussian model they must be "none".'
            )

    @property
    def label_law(self) -> Channel:
        """The teacher's channel of a Gaussian model."""
        return self.teacher if self.teacher is not None else Sign() if self.loss.margin else Linear()

    def called(self, n: int) -> str:
        if not isinstance(self.data, Data):
            return super().called(n)
        return f"{self.samples_drawn(n)} samples of {self.data.called}"

    def dimension(self) -> int | None:
        """The dimension, where it is fixed by data or matrices."""
        if isinstance(self.data, Data):
            return self.data.samples(self.features).shape[1]
        assert isinstance(self.data, Covariance)
        return self.data.dimension()

    def samples_drawn(self, d: int) -> int:
        """The number n of training samples in dimension d."""
        return max(round(self.alpha * d), 1)

    def sizes_and_seeds(self, sizes: Any, seeds: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        fixed = self.dimension()
        chosen = super().sizes_and_seeds(sizes, seeds)
        if fixed is not None and chosen[0] != (fixed,):
            raise StatementError(f"`sizes` must be ({fixed},), the dimension of the data, but is {chosen[0]}.")
        return chosen

    def check(self) -> None:
        """Raise `NoLimit` where labels do not suit the loss, or the data set is too small for n = alpha d."""
        if not isinstance(self.data, Data):
            if self.loss.margin and not self.label_law.binary:
                raise NoLimit(f"The loss {self.loss!r} is for labels -1 and 1, which {self.label_law!r} does not give.")
            return
        samples = self.data.samples(self.features)
        N, d = samples.shape
        if self.loss.margin and samples.kind == "regression":
            raise NoLimit(
                f"The loss {self.loss!r} is for classes, but the target of {self.data!r} is a number; "
                "use Square() or Huber()."
            )
        if samples.kind == "classes" and not suits_classes(self.loss):
            raise NoLimit(
                f"Several classes need the loss Softmax(), or Logistic() or Square() of each against the rest, but "
                f"`loss` is {self.loss!r}."
            )
        n, least = self.samples_drawn(d), min(_FEWEST_TESTS, N // 5)
        if not 2 <= n <= N - least:
            raise NoLimit(
                f"`alpha` must be between {2 / d:.4g} and {(N - least) / d:.4g}, so that of the {N} samples at least "
                f"2 train and {least} test, but is {self.alpha:.4g} ({n} samples)."
            )

    def valid(self) -> str | None:
        if not isinstance(self.data, Data):
            return None
        samples = self.data.samples(self.features)
        N, d = samples.shape
        if d < 10:
            return f"The data have {d} dimensions only, and the theory is for many."
        if samples.kind != "regression" and self._rarest_absent(samples.y) > _ABSENT:
            return (
                f"More than one training set in {1 / _ABSENT:.0f} holds no sample of the rarest class: what a student "
                "states then is a convention, and the theory is for many samples of each class."
            )
        if d >= _DETERMINED * N:
            from .theory import unresolved

            if unresolved(self):
                return (
                    "With so little ridge the student fits more directions than the rows of the data determine: what "
                    "is predicted rests on corrections for Gaussian data, and real errors are often a fifth larger. "
                    "Give more ridge, or fewer features."
                )
        return None

    def _rarest_absent(self, y: np.ndarray) -> float:
        """The probability that n labels drawn from a population like y (N,) hold none of the rarest."""
        share = float(np.unique(y, return_counts=True)[1].min() / len(y))
        return (1 - share) ** self.samples_drawn(self.dimension())  # type: ignore[arg-type]

    def chosen_ridge(self) -> float:
        """The ridge, or the one that minimises the test error in theory."""
        from .theory import best_ridge

        return best_ridge(self)[0] if isinstance(self.ridge, str) else self.ridge
