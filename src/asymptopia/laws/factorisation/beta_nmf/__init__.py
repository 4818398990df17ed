"""Nonnegative matrix factorisation by multiplicative updates: descent, where it ends and how fast it gets there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ....contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ....contract.record import field
from ....parts.nonnegative import NonnegativeData, Planted

FEVOTTE_IDIER = "Fevotte and Idier, Neural Computation 23 (2011) 2421, section 4 and theorem 1"


class BetaNMF(Law):
    r"""A nonnegative matrix factorised by multiplicative updates for a beta-divergence.

    X is approximated by W H with r components and entries >= 0 that minimise $\sum_{ij} d_\beta(x_{ij} | (W H)_{ij})$
    plus `l1` times the sum of all entries of W and H. Without a penalty one iteration is
    $w \leftarrow w \, (num / den)^\gamma$ with $num = (X \odot V^{\beta-2}) H^T$, $den = V^{\beta-1} H^T$, $V = W H$,
    and then the same for H. With $\gamma(\beta) = 1/(2-\beta)$ below 1, 1 between 1 and 2 and $1/(\beta-1)$ above 2
    that minimises a majoriser of the divergence; with a penalty the factor t of an entry is where the majoriser's slope
    $den \, t^{b-1} - num \, t^{a-1} + l1$ vanishes, $a = \min(\beta - 1, 1)$, $b = \max(\beta, 1)$. The objective
    therefore never increases: there are no `violations`. The `heuristic` factor $num / (den + l1)$ is proved to
    descend for $0 \le \beta \le 2$ without penalty only.

    As the number n of iterations grows, the mean `divergence` of an entry tends to that of the minimum, and a
    perturbation shrinks in each iteration by the `rate`, the spectral radius of the derivative of the iteration there.
    With F the Hessian's rows and $D = diag(z / ((b - 1) den - (a - 1) num))$ it is that of

    $$(1 - D_H F_H) (1 - D_W F_W)$$

    on the entries that are not zero, or the largest factor t of one that is. The scales of the components, free without
    a penalty, are left out. Where other mixtures of the components leave W H and the penalty as they are, there is no
    such limit: the rate depends on which of them is reached.

    The theory finds the minimum by quasi-Newton and Newton steps and takes its derivatives; the experiment iterates the
    update, from random starts, and measures how a perturbation of the last iterate, kept at a relative size of 1e-6,
    shrinks in the last of n further iterations.
    """

    data: NonnegativeData = field(Planted(), "the matrix")
    rank: int = field(2, "number of components", at_least=1)
    beta: float = field(1.0, "which divergence: 2 square, 1 Kullback-Leibler, 0 Itakura-Saito")
    l1: float = field(2.0, "strength of the penalty on the sum of W and H", at_least=0)
    heuristic: bool = field(False, "whether the update is num / (den + l1) for every beta")
    starts: int = field(6, "random starts of which the best is kept", at_least=1)

    defaults = Defaults(size="iterations", sizes=(300, 400), seeds=80, block=80)
    references = References(
        source=FEVOTTE_IDIER,
        status=("proved (descent); the rate at an isolated minimum, which the best of several starts is taken to find"),
        bibtex=r"""@article{FevotteIdier2011,
  author = {F{\'e}votte, C{\'e}dric and Idier, J{\'e}r{\^o}me},
  title = {Algorithms for nonnegative matrix factorization with the beta-divergence},
  journal = {Neural Computation}, volume = {23}, pages = {2421--2456}, year = {2011}
}""",
    )
    observables = {
        "divergence": Observable("d", "mean beta-divergence of an entry"),
        "violations": Observable("k", "iterations in which the divergence rose", bound="every"),
        "rate": Observable(
            r"\rho", "by what a perturbation shrinks in an iteration", resolution=1e-4, scale=1.0, floor=1e-5
        ),
    }
    landmarks = (
        Landmark(
            dict(rank=1, beta=1.0, l1=0.0),
            "rate",
            0.0,
            1e-9,
            "Lee and Seung (2001): one component at beta = 1 is the product of the marginals, found in one iteration",
        ),
    )

    def check(self) -> None:
        shape = self.data.matrix().shape
        if self.rank > min(shape):
            raise NoLimit(
                f"`rank` of BetaNMF must be at most {min(shape)}, as the matrix is {shape}, but is {self.rank}."
            )
        if self.beta <= 0 and (self.data.matrix() == 0).any():
            raise NoLimit(f"`beta` of BetaNMF must be > 0, as the matrix has zeros, but is {self.beta:g}.")

    def valid(self) -> str | None:
        if self.heuristic and (self.l1 > 0 or not 0 <= self.beta <= 2):
            return "the heuristic update is proved to descend for beta from 0 to 2 without penalty only"
        return None

    def too_small(self, sizes: Sequence[int]) -> str | None:
        rate = self.predict()["rate"]
        if rate ** max(sizes) > 1e-5:
            needed = int(np.log(1e-6) / np.log(rate)) if rate < 1 else 10**9
            return f"perturbations shrink by {rate:.6g} an iteration only: about {needed} iterations are needed"
        return None
