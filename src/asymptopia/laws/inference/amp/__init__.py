"""Approximate message passing, iteration by iteration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.channel import Channel, Linear, Sign
from ....parts.prior import Gaussian, Prior
from ..common import few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

BAYATI = "Bayati and Montanari, IEEE Trans. Inf. Theory 57 (2011) 764"
JAVANMARD = "Javanmard and Montanari, Information and Inference 2 (2013) 115"
STARTS = {"uninformative": 0.0, "informative": 100.0}


class AMP(Law):
    r"""The overlap of signal and estimate after each iteration of approximate message passing.

    A signal $w^\star$ of d independent coordinates from `prior` (second moment $\rho$) is seen through
    n = $\alpha d$ labels $y_i$ that `channel` makes of the fields $x_i \cdot w^\star / \sqrt d$, $x_i \sim N(0, I_d)$.
    Message passing (`asymptopia.algorithms.amp.iterates`) refines an estimate $\hat w_t$. As $d \to \infty$ at
    fixed t its overlap $q_t = \hat w_t \cdot w^\star / d$ follows state evolution,

    $$A_{t+1} = \alpha E[(\partial_\omega \log P(y | \omega))^2], \quad q_{t+1} = E[\langle w \rangle_{A_{t+1}}^2],$$

    where y is the label of a field $N(\omega, \rho - q_t)$, $\omega \sim N(0, q_t)$, and $\langle \cdot \rangle_A$ is
    the mean of a coordinate given $\sqrt A w + z$, z standard normal. The mean squared error is $\rho - q_t$.

    `start` is the signal-to-noise ratio $A_0$ of a noisy copy $\sqrt{A_0} w^\star + z$ of the signal that is seen
    before the first iteration and then forgotten: "uninformative" stands for 0, "informative" for 100. Where labels do
    not tell a signal from its negative, the estimate stays zero without such a start.

    With `l1` it is message passing for the LASSO, the minimiser of $\frac12 |y - z|^2 + \lambda |w|_1$ with z the
    fields of w: the posterior mean gives way to the soft threshold. With believed variance $V_t$, mean squared error
    $E_t$ and noise of variance $\Delta$, the threshold $\lambda$ is applied to $A w + \sqrt C z$ and the result divided
    by A, where

    $$A = \frac{\alpha}{1 + V_t}, \quad C = \frac{\alpha (\Delta + E_t)}{(1 + V_t)^2}, \quad
    V_{t+1} = \frac1A P(|A w + \sqrt C z| > \lambda).$$
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    prior: Prior = field(Gaussian(), "distribution of the signal's coordinates")
    channel: Channel = field(Sign(), "how a field makes a label")
    iterations: int = field(10, "how many iterations", at_least=1, at_most=10_000)
    start: float | str = field("uninformative", "signal-to-noise ratio of what is known at the start", at_least=0)
    l1: float | None = field(None, "strength of the penalty, for the LASSO; None for Bayesian inference", above=0)

    defaults = Defaults(size="dimension", sizes=(500, 1000, 2000), seeds=40, block=5)
    references = References(
        source=f"{BAYATI}; {JAVANMARD}, theorem 1; Rangan, Proc. IEEE ISIT (2011) 2168",
        status="proved, for fixed iterations as the dimension grows",
        bibtex="""@article{BayatiMontanari2011,
  author = {Bayati, Mohsen and Montanari, Andrea},
  title = {The dynamics of message passing on dense graphs, with applications to compressed sensing},
  journal = {IEEE Transactions on Information Theory},
  volume = {57}, number = {2}, pages = {764--785}, year = {2011}
}
@article{JavanmardMontanari2013,
  author = {Javanmard, Adel and Montanari, Andrea},
  title = {State evolution for general approximate message passing algorithms, with applications to spatial coupling},
  journal = {Information and Inference},
  volume = {2}, number = {2}, pages = {115--144}, year = {2013}
}""",
    )
    landmarks = LANDMARKS
    observables = {
        "overlap": Observable("q_t", "overlap of estimate and signal, per dimension", dims=("iteration",)),
        "mse": Observable("E_t", "squared distance of estimate and signal, per dimension", dims=("iteration",)),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.start, str) and self.start not in STARTS:
            raise StatementError(
                f'`start` of AMP must be "uninformative", "informative" or a number >= 0, but is {self.start!r}.'
            )
        if self.l1 is not None and not isinstance(self.channel, Linear):
            raise StatementError(f"`l1` of AMP goes with the channel Linear, but `channel` is {self.channel!r}.")

    @property
    def snr(self) -> float:
        """The signal-to-noise ratio at the start."""
        return STARTS[self.start] if isinstance(self.start, str) else self.start

    def coords(self) -> dict[str, Any]:
        return {"iteration": np.arange(1, self.iterations + 1)}

    def check(self) -> None:
        self.prior.check()
        self.channel.check()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        if self.snr == 0 and self.prior.mean == 0 and self.channel.even():
            return "labels do not tell the signal from its negative: the estimate stays zero unless `start` > 0"
        return None
