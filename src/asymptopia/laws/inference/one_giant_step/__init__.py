"""A two-layer network that learns features in one giant step of gradient descent."""

from __future__ import annotations

from collections.abc import Sequence

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Erf
from ....parts.channel import Channel
from ....parts.channel import Sign as SignOf
from ..common import none_drawn
from .landmarks import LANDMARKS

CUI = "Cui, Pesce, Dandi, Krzakala, Lu, Zdeborova and Loureiro, ICML 235 (2024), arXiv:2402.04980"
BA = "Ba, Erdogdu, Suzuki, Wang, Wu and Yang, NeurIPS 35 (2022), arXiv:2205.01445"


class OneGiantStep(Law):
    r"""A two-layer network after one large step of gradient descent on its first layer, against its random features.

    p = `features` d units see inputs $x \sim N(0, I_d)$ through weights $w_j$, uniform on $|w_j|^2 = d$. Labels are
    $y = \mathrm{sign}(w^\star \cdot x / \sqrt d)$, $|w^\star|^2 = d$, flipped with the `teacher`'s probability. On
    $n_0 = \alpha_0 d$ samples the first layer makes one step on half the mean squared error of
    $f(x) = \frac1p \sum_j \sigma(w_j \cdot x / \sqrt d)$, of rate $\eta\, p\, d$ with $\eta$ = `step`:

    $$w_j \leftarrow w_j + \eta \sqrt d\, \frac{1}{n_0} \sum_\mu (y_\mu - f(x_\mu))\,
      \sigma'(w_j \cdot x_\mu / \sqrt d)\, x_\mu .$$

    Then, on $n = \alpha d$ new samples, the readout a minimises
    $\sum_i \frac12 (y_i - a \cdot \sigma(W x_i / \sqrt d)/\sqrt p)^2 + \frac{\text{ridge}}{2} |a|^2$. Without a step
    this is regression on random features, which learns linear functions of the input alone.

    Limit: d to infinity. The step moves all weights along one direction g, a spike whose cosine with the teacher is

    $$\gamma = C / \sqrt{C^2 + 1/\alpha_0}, \qquad C = E[y z^\star],$$

    and changes the covariance of the rest, $\Omega = 1 + \tau X^T X / n_0$ with
    $\tau = \eta^2 \mathrm{Var}(\sigma') / \alpha_0$. With $\kappa \sim N(0, 1)$ along g and
    $\theta = \eta\, E[\sigma']\, |g|$ features act like

    $$m_0(\kappa) + m_1(\kappa)\, b \cdot x / \sqrt d + \tfrac12 m_2(\kappa)\, k / \sqrt d + m_\star(\kappa)\, \xi,
      \qquad m_i(\kappa) = E[\sigma^{(i)}(\theta \kappa + \sqrt{1 + \tau}\, z)] ,$$

    so that the network learns functions $m_0(\kappa)$ that are not linear. Errors solve the replica-symmetric equations
    of ridge regression with these, see `theory`.

    `test_error` is the share of new inputs whose sign differs from the teacher's, `test_loss` half the mean squared
    error of new labels and `train_loss` of the n seen ones, `norm` is $|a|^2/p$, `spike_overlap` is $\gamma$. The
    activation must be odd and continuous: for others, and for real labels, the covariance after the step is not of this
    form. Corrections are of order 1/d. The source takes the rest of the weights as isotropic; its covariance, and the
    part of the rows' lengths k, are derived here.
    """

    alpha: float = field(2.0, "samples of the readout per dimension, n / d", above=0)
    alpha0: float = field(2.0, "samples of the step per dimension, n0 / d", above=0)
    features: float = field(2.0, "units per dimension, p / d", above=0)
    activation: Activation = field(Erf(), "odd function of a unit")
    step: float = field(2.0, "rate of the step, over p d", at_least=0)
    ridge: float = field(0.1, "strength of the penalty ridge/2 |a|^2", above=0)
    teacher: Channel = field(SignOf(), "labels: Sign(flip=)")

    defaults = Defaults(size="dimension", sizes=(50, 100, 200), seeds=180, block=20)
    references = References(
        source=f"{CUI}; {BA}",
        status="heuristic (conditional Gaussian equivalence and the replica method)",
        bibtex="""@inproceedings{CuiPesceDandiKrzakalaLuZdeborovaLoureiro2024,
  author = {Cui, Hugo and Pesce, Luca and Dandi, Yatin and Krzakala, Florent and Lu, Yue M. and Zdeborov{\\'a}, Lenka
            and Loureiro, Bruno},
  title = {Asymptotics of feature learning in two-layer networks after one gradient-step},
  booktitle = {International Conference on Machine Learning}, volume = {235}, year = {2024}, eprint = {2402.04980}
}
@inproceedings{BaErdogduSuzukiWangWuYang2022,
  author = {Ba, Jimmy and Erdogdu, Murat A. and Suzuki, Taiji and Wang, Zhichao and Wu, Denny and Yang, Greg},
  title = {High-dimensional asymptotics of feature learning: how one gradient step improves the representation},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {35}, year = {2022}, eprint = {2205.01445}
}""",
    )
    observables = {
        "test_error": Observable(r"\varepsilon_g", "share of new inputs with the wrong sign", resolution=0.1),
        "test_loss": Observable(r"\mathcal{L}_g", "half the mean squared error on new labels", resolution=0.1),
        "train_loss": Observable(
            r"\mathcal{L}_t", "half the mean squared error on the readout's samples", resolution=0.1
        ),
        "norm": Observable("Q", "|a|^2 / p", resolution=0.1),
        "spike_overlap": Observable(r"\gamma", "cosine of the spike with the teacher"),
    }
    exercises = (
        dict(step=4.0, alpha0=6.0, alpha=3.0, features=3.0, ridge=0.2),
        dict(step=3.0, alpha0=0.8, teacher=SignOf(flip=0.2)),
    )
    landmarks = LANDMARKS

    def check(self) -> None:
        if not isinstance(self.teacher, SignOf):
            raise StatementError(
                f"`teacher` of OneGiantStep must be Sign(), or Sign(flip=...), but is {self.teacher!r}: real labels "
                "change the covariance of the weights in another way."
            )
        if self.teacher.flip >= 0.5:
            raise StatementError("`flip` of the teacher of OneGiantStep must be < 0.5: else labels say nothing.")
        from .theory import check_activation

        check_activation(self)

    def too_small(self, sizes: Sequence[int]) -> str | None:
        counts = {"samples": self.alpha, "samples of the step": self.alpha0, "units": self.features}
        return none_drawn(counts, sizes)

    def valid(self) -> str | None:
        if self.ridge < 1e-3 and abs(self.features / self.alpha - 1) < 0.1:
            return "close to interpolation, p = n, with so little ridge finite systems vary widely"
        if 0 < self.step < 0.3:
            return (
                "a spike however short is amplified by the readout in the limit, but with so short a step only in "
                "dimensions much larger than 1/step^2"
            )
        return None
