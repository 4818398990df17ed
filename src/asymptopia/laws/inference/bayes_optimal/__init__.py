"""Bayes-optimal inference in generalised linear models: what can be learned at all, and what efficiently."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import field
from ....contract.transitions import FixedPoint
from ....parts.channel import Channel, Sign
from ....parts.prior import Gaussian, Prior
from ..common import doubt_start, few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

BARBIER = "Barbier, Krzakala, Macris, Miolane and Zdeborova, PNAS 116 (2019) 5451"
"""Share of the signal's power at which the informed start puts the variance: small, but not yet perfect recovery."""


class BayesOptimal(Law):
    r"""The best estimate of a random vector from labels of its random projections, and the one AMP finds.

    A signal $w^\star$ of d independent coordinates from `prior` (second moment $\rho$) is seen through
    n = $\alpha d$ labels $y_i$ that `channel` makes of the fields $x_i \cdot w^\star / \sqrt d$, $x_i \sim N(0, I_d)$.
    As $d \to \infty$ the overlap $q = \langle w \rangle \cdot w^\star / d$ of the posterior mean obeys

    $$q = E[\langle w \rangle_A^2], \quad A = \alpha E[(\partial_\omega \log P(y | \omega))^2],$$

    where $\langle \cdot \rangle_A$ is the mean of a coordinate given $\sqrt A w + z$, z standard normal, and the label
    y is that of a field $N(\omega, \rho - q)$ with $\omega \sim N(0, q)$. Iterated from no knowledge of the signal
    (`start="uninformative"`) this state evolution follows approximate message passing; from full knowledge
    (`"informative"`) it finds the best state there is. Of all fixed points that of largest free entropy

    $$\phi = \lim \tfrac1d E \log P(y | X) = \alpha E \log P(y | \omega) - I(A) + \tfrac12 A (\rho - q)$$

    is the Bayes-optimal one, with $I(A)$ the mutual information of a coordinate and its observation; `free_entropy` is
    infinite where labels without noise determine the signal and have a density. Where it is not the one reached without
    knowledge, inference is hard: possible, but not by any efficient algorithm known. The transitions are given by
    `thresholds`, all fixed points by `fixed_points`.

    `mse` is $\rho - q$; the test error is the least probability of a wrong label, or the least mean squared error
    of real labels, on labels without flips or added noise (those of Logit and Probit are random by nature). Where a
    global sign of the signal cannot be learned, it is taken from the signal.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    prior: Prior = field(Gaussian(), "distribution of the signal's coordinates")
    channel: Channel = field(Sign(), "how a field makes a label")
    start: str = field("uninformative", "knowledge of the signal at the start", one_of=("uninformative", "informative"))

    defaults = Defaults(size="dimension", sizes=(400, 800, 1600), seeds=40, block=5)
    references = References(
        source=BARBIER + ", equations 4-8; AMP: Rangan, Proc. IEEE ISIT (2011) 2168",
        status="proved, for the state of largest free entropy and for message passing",
        bibtex="""@article{BarbierKrzakalaMacrisMiolaneZdeborova2019,
  author = {Barbier, Jean and Krzakala, Florent and Macris, Nicolas and Miolane, L{\\'e}o and Zdeborov{\\'a}, Lenka},
  title = {Optimal errors and phase transitions in high-dimensional generalized linear models},
  journal = {Proceedings of the National Academy of Sciences},
  volume = {116}, number = {12}, pages = {5451--5460}, year = {2019}
}
@inproceedings{Rangan2011,
  author = {Rangan, Sundeep},
  title = {Generalized approximate message passing for estimation with random linear mixing},
  booktitle = {Proceedings of the IEEE International Symposium on Information Theory},
  pages = {2168--2172}, year = {2011}
}""",
    )
    observables = {
        "overlap": Observable("q", "overlap of posterior mean and signal, per dimension"),
        "mse": Observable(r"\rho - q", "squared distance of posterior mean and signal, per dimension"),
        "test_error": Observable(r"\varepsilon_g", "least error on new labels"),
        "free_entropy": Observable(r"\phi", "log-probability of all labels, per dimension", limit_only=True),
    }
    landmarks = LANDMARKS

    def fixed_points_along(self, along: str, values: Sequence[float]) -> list[list[FixedPoint]]:
        """Along `alpha` all at once: the scalar problems do not depend on it."""
        from .theory import fixed_points

        if along != "alpha":
            return super().fixed_points_along(along, values)
        every = fixed_points(self.prior, self.channel, values)
        return [[FixedPoint({"overlap": p.q, "mse": p.v}, p.free_entropy, p.stable) for p in at] for at in every]

    def fixed_points(self) -> list[FixedPoint]:
        return self.fixed_points_along("alpha", [self.alpha])[0]

    def check(self) -> None:
        self.prior.check()
        self.channel.check()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        """Warns in the hard phase, and where an informed start leads to a state that is not that of equilibrium."""
        return doubt_start(self.fixed_points(), self.start)
