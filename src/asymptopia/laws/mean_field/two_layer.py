"""Wide two-layer networks as particles: the law of large numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...parts.activation import Erf, Identity, Power
from ...parts.data import Data
from ...parts.inputs import Curve, Inputs, IsotropicGaussians, QuadraticForm
from ...parts.neurons import Neurons, Weights
from .common import _Network

MEI = "Mei, Montanari and Nguyen, PNAS 115 (2018) E7665, equation 7 and theorem 3"
MATRIX = "the equation of the second moment alone, dM/dt = -2 {2D + tr D, M}, D = M - M*, by another integrator"


def _quadratic(t: float) -> dict[str, Any]:
    return dict(activation=Power(degree=2), data=QuadraticForm(), start=Weights(), batch=0, times=(t,))


class TwoLayer(_Network):
    r"""A wide two-layer network that learns by gradient descent.

    The output of N neurons is $g_N(x) = \frac1N \sum_i \phi(x; \theta_i)$, with $\phi = f(w \cdot x)$, or $c f(w \cdot
    x + b)$ for `Complete` neurons, which start independently. Gradient descent on half the mean square of $g_N(x) - y$
    takes steps of size $a/N$ times N, so that N of them make one unit of time: $\theta_i \leftarrow \theta_i - \frac aN
    (g_N(x) - y) \nabla\phi(x; \theta_i)$, averaged over a fresh batch, or, for `batch` 0, flows along the mean over all
    inputs. As $N \to \infty$ the distribution of the neurons tends to $\rho_t$,

    $$\partial_t \rho = a\, \nabla_\theta \cdot \big(\rho\, \nabla_\theta\, E[(g_t(x) - y)\, \phi(x; \theta)]\big),
      \qquad g_t(x) = \int \phi(x; \theta)\, \rho_t(d\theta),$$

    neither batch nor noise of the labels matters, and the `risk` $\frac12 E (g - y)^2$, on labels without noise, tends
    to that of $g_t$. The outputs of two independent networks differ by `deviation`, half their mean squared distance
    over times and probes, which falls as $N^{-1}$ (`exponent`).

    The equation is solved along characteristics that start from nodes of the initial distribution: products of Gauss
    rules in up to three parameters a neuron, else nets of quasi-Monte Carlo. On `IsotropicGaussians` the distribution
    stays isotropic, and only the lengths of the neurons' weights are followed. `<name>_error` is what coarser nodes and
    steps change, or the scatter of independent nets.

    Raises `NoLimit` if the initial distribution has no second moment, or the flow does not stay finite.
    """

    data: Inputs | Data = field(Curve(Erf(scale=2.0)), "inputs and labels: a law, or the rows of a data set")
    start: Neurons = field(Weights(mean=1.0), "what a neuron is, and the distribution from which neurons start")

    defaults = Defaults(sizes=(25, 50, 100, 200, 400), seeds=1600, block=200)
    references = References(
        source=(
            MEI + "; Sirignano and Spiliopoulos, SIAM J. Appl. Math. 80 (2020) 725; Rotskoff and Vanden-Eijnden (2018)"
        ),
        status="proved for smooth bounded activations and starts of bounded support; checked numerically beyond",
    )
    observables = {
        "output": Observable("g", "output at the probes", dims=("time", "probe"), scale=1.0),
        "risk": Observable("R", "half the mean squared error, on labels without noise", dims=("time",)),
        "deviation": Observable(
            r"\Delta", "half the squared distance of two networks' outputs, over times and probes", scale=1.0
        ),
        "exponent": Observable("b", "exponent of the deviation's growth with the width", exponent_of="deviation"),
    }
    landmarks = (
        Landmark(_quadratic(0.2), "output", 1.84921909, 2e-8, MATRIX, at=(0, 0)),
        Landmark(_quadratic(0.2), "output", 0.94639718, 2e-8, MATRIX, at=(0, 1)),
        Landmark(_quadratic(0.2), "output", 0.35781551, 2e-8, MATRIX, at=(0, 2)),
        Landmark(_quadratic(0.2), "risk", 0.1654107381, 2e-8, MATRIX, at=(0,)),
        Landmark(
            dict(activation=Identity(), data=Curve(scale=1.5), start=Weights(), times=(1.0,), probes=(1.0,)),
            "output",
            1.5 * (1 - np.exp(-1.0)),
            1e-7,
            "the mean weight relaxes at the rate a",
            at=(0, 0),
        ),
    )

    def check(self) -> None:
        super().check()
        start = self.start
        if isinstance(self.data, IsotropicGaussians) and not (isinstance(start, Weights) and start.mean == 0):
            raise StatementError(
                "`start` of TwoLayer must be Weights of mean 0 on IsotropicGaussians, so that their distribution stays "
                f"isotropic, but is {start!r}."
            )

    def predict(self) -> dict[str, Any]:
        from ...theory.two_layer import solve
        from ...theory.two_layer.radial import solve_radial

        isotropic = isinstance(self.data, IsotropicGaussians)
        solution = (solve_radial if isotropic else solve)(self.setting())
        return solution | {"deviation": 0.0, "exponent": -1.0}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        import jax

        (one, risk), (other, also) = (self.trained(n, k) for k in jax.random.split(key))
        return {"output": (one + other) / 2, "risk": (risk + also) / 2, "deviation": ((one - other) ** 2).mean() / 2}
