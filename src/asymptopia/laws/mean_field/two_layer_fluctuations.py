"""Wide two-layer networks as particles: the central limit theorem."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...parts.activation import Erf, Identity, Power
from ...parts.data import Data
from ...parts.inputs import Curve, Inputs, IsotropicGaussians, QuadraticForm
from ...parts.neurons import Neurons, StudentWeights, Weights
from .common import _Network

SIRIGNANO = "Sirignano and Spiliopoulos, Stoch. Proc. Appl. 130 (2020) 1820, theorem 1.8"
LINEAR = dict(
    activation=Identity(), data=Curve(scale=1.5), start=Weights(variance=0.8), noise=0.25, times=(1.0,), probes=(1.0,)
)
QUADRATIC = dict(activation=Power(degree=2), data=QuadraticForm(), start=Weights(), batch=0, times=(0.2,))
CLOSED = (
    "the mean weight is an Ornstein-Uhlenbeck process: e**-2at V0 + 2 (a D0)**2 t e**-2at + (a s2 / 2)(1 - e**-2at)"
)


class TwoLayerFluctuations(_Network):
    r"""The fluctuations between wide two-layer networks that learn by gradient descent.

    N neurons $\phi(x; \theta_i)$, $\phi = f(w \cdot x)$ or, for `Complete` neurons, $c f(w \cdot x + b)$, start
    independently and learn by steps of size $a/N$ on fresh batches, N of them in a unit of time, or, for `batch` 0, by
    gradient flow. The output $g_N = \frac1N \sum_i \phi$ tends to $g_t$, that of the mean-field flow, and
    $\sqrt N (g_N - g_t)$ to a Gaussian process, whose variance at each time and probe is the `fluctuation`,

    $$\mathrm{Var}_{\theta \sim \rho_0}\, \psi(\theta)
      + \frac1b \int_0^t \mathrm{Var}_{x, y}\big[a\, \rho_s(x)\, (g_s(x) - y)\big]\, ds .$$

    The first term is owed to the initial neurons: $\psi(\theta)$ is what one more neuron that starts at $\theta$ does
    to the output at time t. The second is owed to the samples that SGD draws, $a \rho_s(x)$ being what a unit of
    residual at x at time s does to it. Both are those of the linearised flow, and come from its adjoint, which runs
    back in time, on nodes of the initial distribution: products of Gauss rules in up to three parameters a neuron, else
    nets of quasi-Monte Carlo. `fluctuation_error` is what coarser nodes and steps change, or the scatter of independent
    nets.

    Raises `NoLimit` if the initial distribution lacks the moments that outputs of finite variance need.
    """

    data: Inputs | Data = field(Curve(Erf(scale=2.0)), "inputs and labels: a law, or the rows of a data set")
    start: Neurons = field(Weights(mean=1.0), "what a neuron is, and the distribution from which neurons start")

    defaults = Defaults(sizes=(50, 100, 200), seeds=18_000, block=1000)
    references = References(
        source=SIRIGNANO,
        status="proved for smooth bounded activations and starts of bounded support; checked numerically beyond",
    )
    observables = {
        "output": Observable("g", "output at the probes", dims=("time", "probe"), scale=1.0),
        "fluctuation": Observable(
            r"N \mathrm{Var}\, g_N",
            "N times the variance of the output",
            dims=("time", "probe"),
            fluctuation_of="output",
            resolution=0.7,
        ),
    }
    exercises = (LINEAR | dict(rate=0.8),)
    landmarks = (
        Landmark(LINEAR, "fluctuation", 0.825360092, 1e-7, CLOSED, at=(0, 0)),
        Landmark(QUADRATIC, "fluctuation", 0.0291301, 1e-7, "delta method on the flow of the second moment", at=(0, 0)),
    )

    def check(self) -> None:
        super().check()
        if isinstance(self.data, IsotropicGaussians):
            raise StatementError(
                "`data` of TwoLayerFluctuations cannot be IsotropicGaussians, of which only the mean field is "
                "computed; TwoLayer has that."
            )
        if isinstance(self.start, StudentWeights):
            growth = np.log(np.abs(float(self.activation(np.array(1e6))) + 1.0)) / np.log(1e6)
            if self.start.degrees <= 2 * growth:
                raise NoLimit(
                    f"`start` of TwoLayerFluctuations must have more than {2 * round(growth)} moments for neurons of "
                    f"{self.activation!r} to have a variance, but {self.start!r} has fewer than {self.start.degrees:g}."
                )

    def predict(self) -> dict[str, Any]:
        from ...theory.two_layer import solve

        setting = self.setting()
        mean = {k: v for k, v in solve(setting).items() if k.startswith("output")}
        return mean | solve(setting, fluctuations=True)

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {"output": self.trained(n, key)[0]}
