"""Classification of Gaussian clusters by empirical risk minimisation, and the error of the best classifier."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import StatementError, field
from ....parts.loss import Logistic, Loss, Square
from ..common import none_drawn
from .landmarks import LANDMARKS

MIGNACCO = "Mignacco, Krzakala, Lu, Urbani and Zdeborova, ICML 2020 (arXiv:2002.11544), equations 12 to 19"
LOUREIRO = "Loureiro, Sicuro, Gerbelot, Pacco, Krzakala and Zdeborova, NeurIPS 2021 (arXiv:2106.03791), theorem 1"


class MixtureERM(Law):
    r"""Samples of Gaussian clusters are classified by minimising an empirical risk.

    The centres of K `clusters` are the corners $c_k$ of a regular simplex around the origin of circumradius
    `separation` s, in a random direction (for two clusters $\pm c$); the first cluster is `balance` times as large as
    each of the others. Of n = $\alpha d$ samples $x_i = c_{y_i} + z_i$, $z_i \sim N(0, I_d)$, the student minimises,
    with weights w and intercepts b without penalty,

    $$\sum_{i=1}^n \ell(y_i, w \cdot x_i / \sqrt d + b) + \frac{\text{ridge}}{2} |w|^2 .$$

    For two clusters, w is a vector and labels are +-1. For more, w has a row for each cluster, of which the largest
    score is chosen, and the loss is the multinomial one $\log \sum_k e^{z_k} - z_y$ for `Logistic`, and half the
    squared distance to the indicator of y for `Square`.

    As $d \to \infty$, with $\varepsilon_k$ the corners of a simplex of circumradius 1 in $R^{K-1}$, the fields are
    $\omega = s M \varepsilon_y + b + Q^{1/2} \xi$, $\xi \sim N(0, I)$, before a sample is learnt. With
    $f = V^{-1}(\mathrm{prox}_{V \ell}(\omega) - \omega)$ and $E f = 0$, which fixes b,

    $$\hat V = -\alpha E[\partial_\omega f], \quad \hat Q = \alpha E[f f^T], \quad
      \hat M = \alpha s E[f \varepsilon_y^T], \quad V = (\text{ridge} + \hat V)^{-1}, \quad M = V \hat M, \quad
      Q = V (\hat M \hat M^T + \hat Q) V .$$

    The best classifier that learns from the samples is linear. For two clusters of one size its error is

    $$Q\left(\frac{s}{\sqrt{1 + 1 / (\alpha s^2)}}\right), \quad Q(x) = P(N(0, 1) > x) .$$

    The overlap is $w \cdot c / (s \sqrt d)$ for two clusters and tr(M) / (K - 1), which is the same, for more.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    clusters: int = field(2, "number of clusters", at_least=2, at_most=10)
    separation: float = field(1.5, "distance of the centres from the origin, in deviations of a cluster", above=0)
    balance: float = field(1.0, "size of the first cluster, as a multiple of that of each other", above=0)
    loss: Loss = field(
        Logistic(), "loss of a label and a field; with three clusters or more Logistic() or Square()", needs="convex"
    )
    ridge: float = field(0.1, "strength of the penalty ridge/2 |w|^2", above=0)

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=150, block=15)
    references = References(
        source=MIGNACCO + "; " + LOUREIRO,
        status="proved for convex losses",
        bibtex="""@inproceedings{MignaccoKrzakalaLuUrbaniZdeborova2020,
  author = {Mignacco, Francesca and Krzakala, Florent and Lu, Yue M. and Urbani, Pierfrancesco
            and Zdeborov{\\'a}, Lenka},
  title = {The role of regularization in classification of high-dimensional noisy {G}aussian mixture},
  booktitle = {International Conference on Machine Learning},
  year = {2020}, eprint = {2002.11544}
}
@inproceedings{LoureiroSicuroGerbelotPaccoKrzakalaZdeborova2021,
  author = {Loureiro, Bruno and Sicuro, Gabriele and Gerbelot, C{\\'e}dric and Pacco, Alessandro
            and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Learning {G}aussian mixtures with generalised linear models: Precise asymptotics in high dimensions},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {34}, year = {2021}, eprint = {2106.03791}
}""",
    )
    exercises = (dict(alpha=1.5, separation=0.9, balance=3.0, ridge=0.3),)
    landmarks = LANDMARKS
    observables = {
        "test_error": Observable(r"\varepsilon_g", "probability that a new sample is put into a wrong cluster"),
        "train_loss": Observable(r"\varepsilon_t", "mean loss of the training samples, without penalty"),
        "overlap": Observable("m", "overlap of the weights with the directions of the centres"),
        "bayes_error": Observable(r"\varepsilon_B", "error of the best classifier that learns from n samples",
                                  limit_only=True),
    }  # fmt: skip

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes)

    def check(self) -> None:
        if self.clusters > 2 and not isinstance(self.loss, Logistic | Square):
            raise NoLimit(
                f"With three clusters or more the loss must be Logistic() or Square(), but `loss` of MixtureERM is "
                f"{self.loss!r} and `clusters` {self.clusters}."
            )

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`, for two clusters: `separability`, up to which a plane can separate the samples."""
        if along != "alpha" or self.clusters > 2:
            raise StatementError(
                f"MixtureERM of {self.clusters} clusters has no known transition along {along!r}; "
                "there is one along 'alpha' for two."
            )
        from .theory import separability, shares

        return {"separability": separability(self.separation, float(shares(self, 1)[0]))}
