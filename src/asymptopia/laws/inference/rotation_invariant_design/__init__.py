"""Penalised regression on designs with any singular values."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import field
from ....parts.prior import GaussBernoulli, Prior
from ....parts.singular_values import RowOrthogonal, SingularValues
from ..common import few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

RANGAN = "Rangan, Schniter and Fletcher, IEEE Trans. Inf. Theory 65 (2019) 6664, theorem 1"
TAKAHASHI = "Takahashi and Kabashima, J. Stat. Mech. (2020) 093402"
GERBELOT = "Gerbelot, Abbara and Krzakala, IEEE Trans. Inf. Theory 69 (2023) 1824, theorem 1"


class RotationInvariantDesign(Law):
    r"""Ridge regression and the LASSO on a design with given singular values and random singular vectors.

    A signal $w^\star$ of d independent coordinates from `prior` (second moment $\rho$) is seen through
    $y = X w^\star + \sqrt{\text{noise}}\, z$, z standard normal. The design $X = U S V^T$ of shape ($\alpha d$, d) has
    uniformly distributed orthogonal U and V, and entries of mean square 1/d. The estimate $\hat w$ minimises

    $$\tfrac12 |y - X w|^2 + \frac{\text{ridge}}{2} |w|^2 + \text{l1}\, |w|_1 .$$

    As $d \to \infty$ a coordinate is estimated from its value in Gaussian noise, $r \sim N(w^\star, \tau)$, by
    $\hat w = \mathrm{soft}(A r, \text{l1}) / (A + \text{ridge})$. With $c = E\, \partial \hat w / \partial r$, the
    eigenvalues $\lambda$ of $X^T X$ and $f = \lambda \gamma / (\lambda + \gamma)$

    $$\gamma = A \frac{1 - c}{c}, \quad \sigma = \frac{E (\hat w - w^\star - c\, (r - w^\star))^2}{(1 - c)^2}, \quad
      A = \frac{E f}{E \frac{\gamma}{\lambda + \gamma}}, \quad
      \tau = \frac{\text{noise}\; E (f^2 / \lambda) + \sigma\, \mathrm{Var} f}{(E f)^2} ,$$

    which is the state evolution of vector message passing. Independent entries (`MarchenkoPastur`) give the limit of
    `ERM` with the square loss. `mse` is $|\hat w - w^\star|^2 / d$, `active` the share of coordinates that l1 leaves,
    `train_loss` half of the mean squared residual. Corrections are of order 1/d.
    """

    alpha: float = field(0.6, "samples per dimension, n / d", above=0)
    singular_values: SingularValues = field(RowOrthogonal(), "singular values of the design")
    noise: float = field(0.05, "variance of the noise of a label", at_least=0)
    ridge: float = field(0.0, "strength of the penalty ridge/2 |w|^2", at_least=0)
    l1: float = field(0.1, "strength of the penalty l1 |w|_1", at_least=0)
    prior: Prior = field(GaussBernoulli(rho=0.2), "distribution of the signal's coordinates")

    defaults = Defaults(size="dimension", sizes=(100, 200, 400), seeds=100, block=10)
    references = References(
        source=f"{RANGAN}; {TAKAHASHI}; {GERBELOT}",
        status="proved for strongly convex penalties, by the replica method otherwise",
        bibtex="""@article{RanganSchniterFletcher2019,
  author = {Rangan, Sundeep and Schniter, Philip and Fletcher, Alyson K.},
  title = {Vector approximate message passing},
  journal = {IEEE Transactions on Information Theory},
  volume = {65}, number = {10}, pages = {6664--6684}, year = {2019}
}
@article{TakahashiKabashima2020,
  author = {Takahashi, Takashi and Kabashima, Yoshiyuki},
  title = {Macroscopic analysis of vector approximate message passing in a model mismatch setting},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  pages = {093402}, year = {2020}
}""",
    )
    observables = {
        "overlap": Observable("m", "overlap of estimate and signal, per dimension"),
        "norm": Observable("q", "squared norm of the estimate, per dimension"),
        "mse": Observable(r"\rho - 2m + q", "squared distance of estimate and signal, per dimension", resolution=0.1),
        "active": Observable("a", "share of coordinates of the estimate that are not zero"),
        "train_loss": Observable(r"\varepsilon_t", "half of the mean squared residual of the samples", scale=0.01),
    }
    exercises = (
        dict(ridge=0.3),
        dict(alpha=1.5, ridge=0.3, noise=0.2),
    )
    landmarks = LANDMARKS

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def check(self) -> None:
        self.prior.check()
        self.singular_values.check()
        if self.ridge == 0 and self.l1 == 0:
            raise NoLimit(
                "`ridge` and `l1` of RotationInvariantDesign must not both be 0: without penalty the estimate is not "
                "unique below alpha = 1. Give a weak one, such as ridge = 1e-6."
            )
