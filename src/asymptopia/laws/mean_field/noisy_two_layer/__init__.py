"""Wide two-layer networks under noisy gradient descent: mean-field Langevin dynamics."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Erf, Identity, Power, Tanh
from ....parts.data import Data
from ....parts.inputs import Curve, Inputs, QuadraticForm
from ....parts.neurons import Weights

NITANDA = "Nitanda, Wu and Suzuki, AISTATS (2022), theorem 1; Chizat, TMLR (2022); Hu, Ren, Siska and Szpruch (2021)"
LINEAR = dict(activation=Identity(), data=Curve(scale=1.0), decay=0.5, temperature=0.4, times=(14.0,), probes=(1.0,))


class NoisyTwoLayer(Law):
    r"""A wide two-layer network that learns by noisy gradient descent with weight decay.

    The output of N neurons is $g_N(x) = \frac1N \sum_i f(w_i x)$, x a single number. They start independently from a
    normal distribution and obey, at temperature T and with weight decay $\lambda$,

    $$dw_i = -E[(g_N(x) - y)\,x f'(w_i x)]\,dt - \lambda w_i\,dt + \sqrt{2T}\,dW_i .$$

    As $N \to \infty$ they become independent, with the distribution that solves a nonlinear Fokker-Planck equation, the
    gradient flow in Wasserstein space of the free energy $F = \frac12 E(g - y)^2 + \frac\lambda2 \int w^2 \rho + T \int
    \rho \log\rho$. F is convex, so that there is one stationary distribution, the Gibbs distribution of its own
    potential; `free_energy_gap` is how far F is above its value there. With $\alpha_t$ the log-Sobolev constant of
    $e^{-V_t/T}$, V the potential that neurons feel,

    $$F(\rho_t) - F_\infty \le (F(\rho_0) - F_\infty)\, e^{-2 T \int_0^t \alpha_s ds},$$

    here with the lower bound on $\alpha$ by Bakry and Emery or by Holley and Stroock, whichever is better, along the
    path (`free_energy_bound`). N times the variance of the output (`fluctuation`) follows from the linearised equation.

    The equation is solved by positive, conservative finite volumes and exponential steps in time on three grids that
    are extrapolated; `<name>_error` is what the last extrapolation changed. Networks are integrated by Heun's method
    with steps that shrink as $N^{-1/2}$, and their entropy is estimated from the distances of neighbours.

    Raises `NoLimit` if decay does not confine the neurons.
    """

    activation: Activation = field(Tanh(), "what a neuron makes of its field")
    data: Inputs | Data = field(Curve(Erf(scale=2.0)), "one input number and labels: a law, or the rows of a data set")
    start: Weights = field(Weights(mean=1.0, variance=0.25), "the distribution from which neurons start")
    temperature: float = field(0.1, "temperature T", above=0)
    decay: float = field(0.3, "weight decay", at_least=0)
    times: tuple[float, ...] = field((0.25, 0.5, 1.0), "times, increasing", at_least=0, axis="time")
    probes: tuple[float, ...] = field((0.5, 1.0, 2.0), "inputs at which outputs are looked at")

    defaults = Defaults(size="neurons", sizes=(18, 54, 162), seeds=24000, block=400)
    references = References(
        source=NITANDA,
        status="proved for smooth bounded activations; checked numerically beyond",
        bibtex=r"""@inproceedings{NitandaWuSuzuki2022,
  author = {Nitanda, Atsushi and Wu, Denny and Suzuki, Taiji},
  title = {Convex analysis of the mean field {L}angevin dynamics},
  booktitle = {International Conference on Artificial Intelligence and Statistics}, year = {2022}
}
@article{HuRenSiskaSzpruch2021,
  author = {Hu, Kaitong and Ren, Zhenjie and {\v{S}}i{\v{s}}ka, David and Szpruch, {\L}ukasz},
  title = {Mean-field {L}angevin dynamics and energy landscape of neural networks},
  journal = {Annales de l'Institut Henri Poincar{\'e} (B)}, volume = {57}, pages = {2043--2065}, year = {2021}
}""",
    )
    observables = {
        "output": Observable("g", "output at the probes", dims=("time", "probe"), scale=1.0),
        "risk": Observable("R", "half the mean squared error", dims=("time",)),
        "second_moment": Observable("m_2", "mean square of a weight", dims=("time",)),
        "free_energy": Observable("F", "risk, decay and minus T times the entropy", dims=("time",), scale=0.5),
        "free_energy_gap": Observable(
            r"F - F_\infty", "free energy above that of the stationary distribution", dims=("time",), limit_only=True
        ),
        "free_energy_bound": Observable(
            "F",
            "free energy, of which log-Sobolev inequalities bound the limit",
            dims=("time",),
            bound="mean",
            scale=0.5,
        ),
        "fluctuation": Observable(
            r"N \mathrm{Var}\, g_N",
            "N times the variance of the output",
            dims=("time", "probe"),
            fluctuation_of="output",
        ),
    }
    landmarks = (
        Landmark(
            LINEAR, "fluctuation", 0.4 / 1.5, 1e-4, "N Var of the mean of linear neurons: T / (decay + 1)", at=(0, 0)
        ),
        Landmark(LINEAR, "second_moment", 0.8 + 1 / 2.25, 1e-4, "T / decay + (1 / (1 + decay))**2", at=(0,)),
        Landmark(
            dict(activation=Power(degree=2), data=QuadraticForm((1.0,)), decay=0.5, temperature=0.1, times=(4.0,)),
            "second_moment",
            0.9345014875720551,
            1e-4,
            "positive root of 12 a**2 + (2 decay - 12) a - 2 T",
            at=(0,),
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.probes or not np.isfinite(np.asarray(self.probes, float)).all():
            raise StatementError(f"`probes` of NoisyTwoLayer must be finite numbers, but is {self.probes}.")

    def check(self) -> None:
        from ....parts.inputs import inputs_of

        dimension = inputs_of(self.data).dimension
        if dimension != 1:
            raise StatementError(
                f"`data` of NoisyTwoLayer must have one input number, for weights on the line, but has {dimension}."
            )

    def coords(self) -> dict[str, Any]:
        return {"time": np.array(self.times), "probe": np.array(self.probes)}
