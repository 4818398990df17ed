"""Gradient descent and its stochastic kin on generalised linear models, step by step."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, NoLimit, Observable, References
from ....contract.record import field
from ....parts.channel import Channel, Sign
from ....parts.loss import Logistic, Loss, Square
from ....parts.mixture import Mixture
from .landmarks import LANDMARKS

MIGNACCO = "Mignacco, Krzakala, Urbani and Zdeborova, NeurIPS 33 (2020) 9540, the dynamical mean-field equations"
GERBELOT = "Gerbelot, Troiani, Mignacco, Krzakala and Zdeborova, SIAM J. Math. Data Sci. 6 (2024) 400, main theorem"


def _seen(symbol: str, doc: str, *more: str) -> Observable:
    """An observable at every step, which averages over the weights or the samples of a realisation."""
    return Observable(symbol, doc, dims=("step", *more), self_averaging=True)


class SGDDynamics(Law):
    r"""Gradient descent, SGD, persistent SGD and Langevin dynamics on a generalised linear model, step by step.

    n = $\alpha d$ inputs $x_i \sim N(0, I_d)$ get labels $y_i$ from a teacher $w^\star$ of $|w^\star|^2 = d$, through
    a channel that sees $x_i \cdot w^\star / \sqrt d$; or they come from two clusters around
    $\pm \text{separation}\, w^\star / \sqrt d$, labelled by cluster (`teacher=Mixture()`). With $z_i = x_i \cdot w /
    \sqrt d$, rate $\eta$ and ridge $\lambda$, each step is

    $$w \leftarrow w - \eta \Big( \frac1b \sum_{i \in B} \ell'(y_i, z_i) \frac{x_i}{\sqrt d} + \lambda w \Big)
      + \sqrt{2 \eta T}\, \xi .$$

    Each sample is in the batch B with probability b, independently; its membership is drawn anew at each step with
    probability 1 / `persistence`, so that 1 is SGD and more is persistent SGD. The start is
    $w_0 = \text{start\_overlap}\, w^\star + \sqrt{\text{start\_variance}}\, \xi$.

    As $d \to \infty$ at a fixed number of steps, a typical sample has the field

    $$z(t) = m(t) z^\star + \kappa(t) - \eta \sum_{s<t} R(t, s+1) f(s), \quad
      f(t) = \frac{1_B(t)}{b} \ell'(y, z(t)),$$

    with $\kappa$ Gaussian of covariance $K = C - m m^T$, $C(t,s) = w(t) \cdot w(s) / d$, and a typical weight obeys

    $$w(t+1) = (1 - \eta\lambda) w(t) - \eta \alpha \sum_{s \le t} M(t,s) w(s) - \eta u(t) + \ldots,$$

    $$M(t,s) = E \frac{\partial f(t)}{\partial \kappa(s)}, \quad E u(t) u(s) = \alpha E f(t) f(s),$$

    up to its component along $w^\star$, for which $m(t+1) = (1 - \eta\lambda) m(t) - \eta\alpha E f(t) z^\star$. The
    second equation is linear, so that the response R and the correlation C follow row by row; the averages of the
    first are taken over at least `samples` points: 16 independent scrambled Sobol nets, each with a solution of its
    own, whose spread is the stated standard error. For the square loss without persistence they are closed, and no
    points are drawn. Where the slope jumps the step takes that of either side; for a loss that is linear between
    its kinks, such as the hinge, $M(t,s)$ is the density of z(s) at a kink times the difference of the forces at t of
    the two paths that part there.

    The test error is the probability of a wrong sign for labels +-1, else the mean squared error of z (for a loss of
    y - z) or of the teacher's function of z, on labels without flips or added noise. Fields are $x \cdot w / \sqrt d$;
    `train_loss` is the mean over all samples. Step 0 is the start.
    """

    alpha: float = field(2.0, "samples per dimension, n / d", above=0)
    loss: Loss = field(Logistic(), "loss of a label and a field, differentiable or linear between kinks")
    ridge: float = field(0.1, "strength of the penalty ridge/2 |w|^2 of the sum of losses", at_least=0)
    teacher: Channel | Mixture = field(Sign(), "how the teacher's field makes a label, or two clusters")
    rate: float = field(0.4, "size of a step", above=0)
    batch: float = field(0.5, "probability of a sample to be in the batch; 1 is the full batch", above=0, at_most=1)
    persistence: float = field(1.0, "mean number of steps between draws of a sample's membership", at_least=1)
    temperature: float = field(0.0, "of the Langevin noise", at_least=0)
    start_overlap: float = field(0.0, "overlap of the start with the teacher")
    start_variance: float = field(0.0, "variance of the start's weights around that", at_least=0)
    steps: int = field(12, "number of steps", at_least=0)
    samples: int = field(20_000, "points of the effective process, at least", at_least=1)

    defaults = Defaults(size="dimension", sizes=(100, 200, 400), seeds=64, block=8)
    references = References(
        source=MIGNACCO + "; in discrete time: " + GERBELOT,
        status=(
            "proved for losses with a Lipschitz slope, at a fixed number of steps; heuristic where the slope jumps"
        ),
        bibtex="""@inproceedings{MignaccoKrzakalaUrbaniZdeborova2020,
  author = {Mignacco, Francesca and Krzakala, Florent and Urbani, Pierfrancesco and Zdeborov{\\'a}, Lenka},
  title = {Dynamical mean-field theory for stochastic gradient descent in {G}aussian mixture classification},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {33}, pages = {9540--9550}, year = {2020}
}
@article{CelentanoChengMontanari2021,
  author = {Celentano, Michael and Cheng, Chen and Montanari, Andrea},
  title = {The high-dimensional asymptotics of first order methods with random data},
  journal = {arXiv:2112.07572}, year = {2021}
}
@article{GerbelotTroianiMignaccoKrzakalaZdeborova2024,
  author = {Gerbelot, C{\\'e}dric and Troiani, Emanuele and Mignacco, Francesca and Krzakala, Florent
            and Zdeborov{\\'a}, Lenka},
  title = {Rigorous dynamical mean-field theory for stochastic gradient descent methods},
  journal = {SIAM Journal on Mathematics of Data Science},
  volume = {6}, pages = {400--427}, year = {2024}
}""",
    )
    exercises = (
        dict(alpha=1.5, rate=0.3, persistence=2.0, temperature=0.2, start_overlap=0.3, start_variance=0.5, steps=6),
        dict(alpha=1.5, ridge=0.6, rate=1.0, batch=0.3, persistence=3.0, steps=6),
    )
    landmarks = LANDMARKS
    observables = {
        "train_loss": _seen(r"\varepsilon_t", "mean loss of the training samples, without penalty"),
        "test_error": _seen(r"\varepsilon_g", "error on new samples"),
        "norm": _seen("q", "squared norm of the student, per dimension"),
        "overlap": _seen("m", "overlap of student and teacher, per dimension"),
        "correlation": _seen("C", "overlap of the weights at two steps, per dimension", "step2"),
    }

    @property
    def closed(self) -> bool:
        """Whether the averages over a typical sample are known in closed form."""
        return isinstance(self.loss, Square) and (self.persistence == 1 or self.batch == 1)

    def coords(self) -> dict[str, Any]:
        steps = np.arange(self.steps + 1)
        return {"step": steps, "step2": steps}

    def check(self) -> None:
        binary = isinstance(self.teacher, Mixture) or self.teacher.binary
        if self.loss.margin and not binary:
            raise NoLimit(f"{self.loss!r} is a loss of labels +-1, but {self.teacher!r} makes real ones.")
        from .theory.bounds import check_memory
        from .theory.kinks import linear_in_pieces

        if self.loss.kinks(np.array([1.0])).size and not linear_in_pieces(self.loss):
            raise NoLimit(
                f"The slope of {self.loss!r} jumps and bends; the loss of SGDDynamics must be differentiable, such as "
                "Logistic() or Huber(), or linear between its kinks, such as Hinge() or Absolute()."
            )

        check_memory(self)

    def valid(self) -> str | None:
        from .theory.bounds import curvatures, stable_rate

        if curvatures(self.loss)[1] == np.inf:
            return (
                f"the slope of {self.loss!r} grows faster than the field, so that rare samples of large field, which "
                "points and finite systems miss, run away: at best the answer is that of their absence"
            )
        sharp = stable_rate(self) if isinstance(self.loss, Square) and self.batch == 1 else None
        if sharp is not None and self.rate > sharp:
            return (
                f"rate={self.rate:g} is above {sharp:.4g}, where the descent diverges exponentially: the limit "
                "holds at a fixed number of steps, but ever larger systems are needed to see it"
            )
        return None
