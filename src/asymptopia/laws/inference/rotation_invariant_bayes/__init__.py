"""The best estimate of a signal from noisy linear observations through designs with any singular values."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import field
from ....contract.transitions import FixedPoint
from ....parts.prior import GaussBernoulli, Prior, Rademacher
from ....parts.singular_values import Geometric, RowOrthogonal, SingularValues
from ..common import doubt_start, few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

TAKEDA = "Takeda, Uda and Kabashima, Europhys. Lett. 76 (2006) 1193"
TULINO = "Tulino, Caire, Verdu and Shamai, IEEE Trans. Inf. Theory 59 (2013) 4243"
BARBIER = "Barbier, Macris, Maillard and Krzakala, Proc. IEEE ISIT (2018) 1390"
RANGAN = "Rangan, Schniter and Fletcher, IEEE Trans. Inf. Theory 65 (2019) 6664"


class RotationInvariantBayes(Law):
    r"""The best estimate of a signal seen in noise through a design with given singular values, and the one VAMP finds.

    A signal $w^\star$ of d independent coordinates from `prior` (second moment $\rho$) is seen through
    $y = X w^\star + \sqrt{\text{noise}}\, z$, z standard normal. The design $X = U S V^T$ of shape ($\alpha d$, d) has
    uniformly distributed orthogonal U and V, and entries of mean square 1/d. All of this is known but $w^\star$ and z.

    As $d \to \infty$ a coordinate is known as well as from $\sqrt A w + z$, with the mean posterior variance v. With
    the R-transform of the eigenvalues $\lambda$ of $X^T X$, or the precision $\gamma$ of what the prior adds,

    $$v = E\, \mathrm{Var}(w | \sqrt A w + z), \quad A = \frac{R(-v / \text{noise})}{\text{noise}} = \frac1v - \gamma,
      \quad v = E \frac{1}{\gamma + \lambda / \text{noise}} .$$

    Iterated from no knowledge of the signal (`start="uninformative"`) these follow vector approximate message passing;
    from full knowledge (`"informative"`) they find the best state there is. Of all fixed points the Bayes-optimal one
    has the least

    $$i = I(A) + \frac12 E \log \frac{\gamma + \lambda / \text{noise}}{\gamma + A} ,$$

    with $I(A)$ the mutual information of a coordinate and its observation: this is `mutual_information`,
    $\lim I(w^\star; y | X) / d$ in nats, from whatever start. Where its state is not the one reached without knowledge,
    inference is hard. `mse` is v, and `field_error` the mean squared error of the fields $X w^\star$ of the samples,
    $\text{noise}\, A v / \alpha$. Independent entries (`MarchenkoPastur`) give the limit of `BayesOptimal` with the
    channel `Linear`, a Gaussian prior that of ridge regression.
    """

    alpha: float = field(0.6, "samples per dimension, n / d", above=0)
    singular_values: SingularValues = field(RowOrthogonal(), "singular values of the design")
    noise: float = field(0.1, "variance of the noise of a label", at_least=1e-10)
    prior: Prior = field(GaussBernoulli(rho=0.5), "distribution of the signal's coordinates")
    start: str = field("uninformative", "knowledge of the signal at the start", one_of=("uninformative", "informative"))

    defaults = Defaults(size="dimension", sizes=(100, 200, 400), seeds=100, block=10)
    references = References(
        source=f"{TAKEDA}; {TULINO}; {BARBIER}; message passing: {RANGAN}, theorem 1",
        status="proved for message passing; by the replica method for the state of least mutual information, proved "
        "there for some spectra",
        bibtex="""@article{TakedaUdaKabashima2006,
  author = {Takeda, Koujin and Uda, Shinsuke and Kabashima, Yoshiyuki},
  title = {Analysis of {CDMA} systems that are characterized by eigenvalue spectrum},
  journal = {Europhysics Letters},
  volume = {76}, number = {6}, pages = {1193--1199}, year = {2006}
}
@inproceedings{BarbierMacrisMaillardKrzakala2018,
  author = {Barbier, Jean and Macris, Nicolas and Maillard, Antoine and Krzakala, Florent},
  title = {The mutual information in random linear estimation beyond i.i.d. matrices},
  booktitle = {Proceedings of the IEEE International Symposium on Information Theory},
  pages = {1390--1394}, year = {2018}
}
@article{RanganSchniterFletcher2019,
  author = {Rangan, Sundeep and Schniter, Philip and Fletcher, Alyson K.},
  title = {Vector approximate message passing},
  journal = {IEEE Transactions on Information Theory},
  volume = {65}, number = {10}, pages = {6664--6684}, year = {2019}
}""",
    )
    observables = {
        "overlap": Observable("q", "overlap of posterior mean and signal, per dimension"),
        "mse": Observable("v", "squared distance of posterior mean and signal, per dimension", resolution=0.1),
        "field_error": Observable("v_z", "mean squared error of the fields of the samples", resolution=0.1),
        "mutual_information": Observable(
            "i", "information of labels on the signal, per dimension", "nats", limit_only=True
        ),
    }
    exercises = (dict(alpha=1.3, noise=0.3, singular_values=Geometric(condition=10.0), prior=Rademacher()),)
    landmarks = LANDMARKS

    def fixed_points(self) -> list[FixedPoint]:
        from .theory import fixed_points

        return [FixedPoint({"overlap": p.q, "mse": p.v}, -p.information, p.stable) for p in fixed_points(self)]

    def check(self) -> None:
        self.prior.check()
        self.singular_values.check()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        return none_drawn({"samples": self.alpha}, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        """Warns in the hard phase, and where an informed start leads to a state that is not that of equilibrium."""
        return doubt_start(self.fixed_points(), self.start)
