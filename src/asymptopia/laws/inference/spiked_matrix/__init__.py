"""A signal of rank one in a noisy matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....contract.transitions import FixedPoint, State
from ....parts.prior import Gaussian, Prior, Rademacher
from ..common import few
from .landmarks import LANDMARKS, LESIEUR, PECHE

if TYPE_CHECKING:
    from .theory import Spike


class SpikedMatrix(Law):
    r"""A signal of rank one, hidden in a symmetric or rectangular matrix of noise.

    A vector x of N independent entries from the prior, of second moment r, is seen through

    $$Y = \sqrt{snr/N}\, x x^T + W,$$

    with W symmetric and Gaussian, of variance 1 (2 on the diagonal). With an `aspect` $\alpha$ the matrix has
    $M = \alpha N$ rows instead, $Y = \sqrt{snr/N}\, u x^T + W$, and u has independent entries from the prior of the
    rows, of second moment s: given x, rows are samples of covariance $I + snr\, x x^T/N$ if that is Gaussian.

    As $N \to \infty$ the overlap $q = \lim \hat x \cdot x / N$ of the posterior mean solves

    $$q = F_x(A), \qquad A = snr\, q \quad \text{or} \quad A = \alpha\, snr\, F_u(snr\, q),$$

    where $F(A) = E[E[x | \sqrt A x + z]^2]$ for one entry and a standard normal z; the matrix has mean square error
    $r^2 - q^2$, or $rs - F_x F_u$. Message passing reaches the stable solution of least overlap from an estimate that
    knows nothing, and that of largest from x itself (`start`); the posterior is at that of largest

    $$\phi = \frac{A r}{2} - I_x(A) - \frac{snr}{4} q^2,$$

    or, for a rectangular matrix,

    $$\phi = \frac{A r}{2} - I_x(A) + \alpha \left(\frac{snr\, q s}{2} - I_u(snr\, q) - \frac{snr}{2} F_x F_u\right),$$

    with I the mutual information of an entry. Principal components need no prior: with $\theta^2 = snr\, r^2$
    the largest eigenvalue of $Y/\sqrt N$ tends to $\theta + 1/\theta$, and the squared cosine of its eigenvector with
    x to $1 - 1/\theta^2$, if $\theta > 1$, else to 2 and 0. For $Y^T Y/M$, with $\ell = snr\, rs$ and
    $\gamma = 1/\alpha$, they are $(1 + \ell)(1 + \gamma/\ell)$ and $(1 - \gamma/\ell^2)/(1 + \gamma/\ell)$ if
    $\ell > \sqrt\gamma$, else $(1 + \sqrt\gamma)^2$ and 0.

    The system is one such matrix; its estimate is that of approximate message passing. Where -x is as probable as x,
    the sign of an overlap is its own.
    """

    snr: float = field(2.0, "signal-to-noise ratio", above=0)
    prior: Prior = field(Rademacher(), "distribution of the entries of x")
    start: str = field("uninformative", "where message passing starts", one_of=("uninformative", "informative"))
    aspect: float | None = field(None, "rows per column, M / N; None for a symmetric matrix", above=0)
    rows: Prior = field(Gaussian(), "distribution of the entries of u, if there is an aspect")

    defaults = Defaults(size="columns", sizes=(250, 500, 1000), seeds=120, block=10)
    references = References(
        source=f"{LESIEUR}; {PECHE}",
        status="proved (Miolane 2017; Lelarge and Miolane, Probab. Theory Relat. Fields 173 (2019) 859)",
        bibtex="""@article{LesieurKrzakalaZdeborova2017,
  author = {Lesieur, Thibault and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Constrained low-rank matrix estimation: phase transitions, approximate message passing and applications},
  journal = {Journal of Statistical Mechanics: Theory and Experiment},
  volume = {2017}, pages = {073403}, year = {2017}
}
@article{BenaychGeorgesNadakuditi2011,
  author = {Benaych-Georges, Florent and Nadakuditi, Raj Rao},
  title = {The eigenvalues and eigenvectors of finite, low rank perturbations of large random matrices},
  journal = {Advances in Mathematics},
  volume = {227}, pages = {494--521}, year = {2011}
}""",
    )
    observables = {
        "mse": Observable(r"\mathrm{MSE}", "mean square error of an entry of the signal's matrix", scale=1.0),
        "overlap": Observable("q", "overlap of the estimate of x with x", scale=1.0, self_averaging=True),
        "pca_overlap": Observable("c^2", "squared cosine of the leading eigenvector with x", scale=1.0),
        "top_eigenvalue": Observable(r"\lambda_1", r"largest eigenvalue of $Y/\sqrt N$, or of $Y^T Y/M$"),
    }

    landmarks = LANDMARKS

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return None if self.aspect is None else few("rows", self.aspect, sizes)

    def fixed_points(self) -> list[FixedPoint]:
        from .theory import points

        return points(self.spike(), self.snr)

    def spike(self) -> Spike:
        """The problem without its snr, as the theory takes it."""
        from .theory import Spike

        return Spike(self.prior, None if self.aspect is None else self.rows, self.aspect)

    def check(self) -> None:
        if self.aspect is None and self.rows != Gaussian():
            raise StatementError(
                "`rows` is the distribution of u in a rectangular matrix: give it an `aspect`, or leave it out."
            )
        self.prior.check()
        self.rows.check()

    def valid(self) -> str | None:
        """Warns near the transition of principal components, and where the posterior is at another fixed point."""
        onset = self.spike().onset
        if abs(self.snr / onset - 1) < 0.05:
            return (
                f"close to the transition at snr {onset:.6g} overlaps of finite matrices are smeared and relax slowly"
            )
        state, here = State.of(self.fixed_points()), self._state()
        if here.free_entropy >= state.best.free_entropy:
            return None
        better = f"overlap {state.best.overlap:.6g} instead of {here.overlap:.6g}"
        if self.start == "uninformative":
            return f"hard phase: the posterior, with {better}, is not reached without knowledge of the signal"
        return f"the informed state is metastable: that of largest free entropy has {better}"

    def _state(self) -> FixedPoint:
        state = State.of(self.fixed_points())
        return state.high if self.start == "informative" else state.low
