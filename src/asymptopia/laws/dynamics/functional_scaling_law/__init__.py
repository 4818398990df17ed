"""The loss of one-pass SGD under any schedule of the learning rate, on a spectrum that falls as a power."""

from __future__ import annotations

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import field
from ....parts.schedule import Schedule, WarmupStableDecay
from .landmarks import LANDMARKS

LI = "Li, Chen, Huang, Wang and Wu, arXiv:2509.19189 (2025): functional scaling laws in kernel regression"
PAQUETTE = "Paquette, Paquette, Adlam and Pennington, arXiv:2205.07069 (2022): homogenised SGD, the same equation"


class FunctionalScalingLaw(Law):
    r"""The loss curve of one-pass SGD under any schedule of the learning rate, in kernel regression with power laws.

    Features $x_j \sim N(0, \lambda_j)$ with $\lambda_j = j^{-\beta}$ (`spectrum_exponent` $\beta > 1$) and a target
    $\sum_j \theta_j x_j$ of power $\lambda_j \theta_j^2 = j^{-1 - s \beta}$ in each (`target_exponent` s). The model
    learns the first `width` M of them; the others, of total power `floor` $= \sum_{j > M} j^{-1 - s\beta}$, act on it
    as noise of the labels, beside `noise` $\sigma^2$. From w = 0, SGD with fresh batches of B samples steps
    $w \leftarrow w - \frac{\eta}{B} \sum x\,(w \cdot x - y)$, with $\eta$ = `rate` times the `schedule`, which spans
    the run to the last of the `times`.

    The system of size n has n copies of every feature, each of variance $\lambda_j / n$, so that n steps do what one
    does; time is steps / n. At n = 1 it is kernel regression itself.

    Limit: n to infinity. The risk (mean squared error without $\sigma^2$, without 1/2) is $P + \text{floor}$ with
    $P = \sum_j \lambda_j D_j$, $D_j(0) = \theta_j^2$, and in the intrinsic time $T = \int \eta\, dt$

    $$\frac{dD_j}{dT} = -2 \lambda_j D_j + \frac{\eta}{B} \lambda_j (P + \text{floor} + \sigma^2), \quad
    P = \sum_j \lambda_j \theta_j^2 e^{-2 \lambda_j T}
      + \int_0^T \sum_j \lambda_j^2 e^{-2 \lambda_j (T - r)}\, \frac{\eta}{B} (P + \text{floor} + \sigma^2)\, dr :$$

    a functional of the schedule, with a model, a learning and a noise term. `flow_risk` is the first two, the risk of
    gradient flow at the same intrinsic time. Where SGD diverges, `test_error` of a finite run may be infinite or nan.
    Corrections fall as 1/n.

    Exponents, with noise: let the schedule vanish as $(1 - u)^p$ and $a = \min(p/(1 + p), 1 - 1/\beta)$. With the best
    peak rate, and width unlimited, the loss after N steps falls as $N^{-c}$ (`sample_exponent`), $c = s/(s + 1 - a)$
    for s > a (the peak falls as $N^{-(s - a)/(s + 1 - a)}$) and c = s for s <= a (the peak stays). Without noise
    $c = \min(s, 2 - 1/\beta)$. In compute C = width times steps the best loss falls as $C^{-c s \beta / (c + s \beta)}$
    (`loss_exponent`) at a width $C^{c / (c + s\beta)}$ (`width_exponent`); logarithms at p = $\beta - 1$ are left out.
    """

    spectrum_exponent: float = field(1.5, "beta: eigenvalue j of the features is j**-beta", above=1)
    target_exponent: float = field(1.0, "s: feature j has j**-(1 + s beta) of the target's power", above=0)
    width: int = field(16, "number of features that the model has", at_least=1)
    batch: int = field(1, "samples of a step", at_least=1)
    rate: float = field(0.3, "peak of the learning rate", above=0)
    schedule: Schedule = field(WarmupStableDecay(), "the rate as a share of the peak, by the share of the run")
    noise: float = field(0.1, "variance of the noise of the labels", at_least=0)
    times: tuple[float, ...] = field(
        (10.0, 30.0, 60.0), "times, steps / n, increasing; the last ends the run", at_least=0, axis="time"
    )

    defaults = Defaults(size="copies", sizes=(4, 8, 16, 32), seeds=192, block=16)
    references = References(
        source=f"{LI}; {PAQUETTE}",
        status="the equation proved; the exponents heuristic, by balancing its terms, and seen in its solution",
        bibtex="""@article{LiChenHuangWangWu2025,
  author = {Li, Binghui and Chen, Fengling and Huang, Zixun and Wang, Lean and Wu, Lei},
  title = {Functional scaling laws in kernel regression: loss dynamics and learning rate schedules},
  journal = {arXiv:2509.19189}, year = {2025}
}
@article{PaquettePaquetteAdlamPennington2022,
  author = {Paquette, Courtney and Paquette, Elliot and Adlam, Ben and Pennington, Jeffrey},
  title = {Homogenization of {SGD} in high-dimensions: exact dynamics and generalization properties},
  journal = {arXiv:2205.07069}, year = {2022}
}""",
    )
    observables = {
        "test_error": Observable("R", "mean squared error without noise", dims=("time",), resolution=0.1),
        "flow_risk": Observable("R_0", "risk of gradient flow at that time", dims=("time",), limit_only=True),
        "floor": Observable(r"R_\infty", "power of the target beyond the width", limit_only=True),
        "sample_exponent": Observable("c", "of the loss in steps, at the best peak rate", limit_only=True),
        "loss_exponent": Observable("c_C", "of the best loss in compute", limit_only=True),
        "width_exponent": Observable("c_M", "of the best width in compute", limit_only=True),
    }
    exercises = (
        dict(
            spectrum_exponent=1.8,
            target_exponent=0.8,
            rate=0.8,
            schedule=WarmupStableDecay(warmup=0.3, decay=0.7),
            noise=1.5,
        ),
    )
    landmarks = LANDMARKS

    def check(self) -> None:
        self.schedule.check()

    def valid(self) -> str | None:
        """Warns where the noise of SGD feeds on itself, and where the first steps of small systems overshoot."""
        if self.rate >= self._stable():
            return (
                f"at the rate {self.rate:g} SGD diverges (stable below {self._stable():.6g}): the limit holds at fixed "
                "times, but fluctuations grow exponentially"
            )
        return None

    def unstable(self, n: int) -> str | None:
        if self.rate >= self._stable():
            return f"at the rate {self.rate:g} SGD diverges; it is stable below {self._stable():.6g}."
        return None

    def _stable(self) -> float:
        """The rate from which on SGD diverges."""
        return 2 * self.batch / float(np.sum(np.arange(1, self.width + 1.0) ** -self.spectrum_exponent))
