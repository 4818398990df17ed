"""Particles that search for a minimum together: consensus-based optimisation."""

from __future__ import annotations

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.potential import DoubleWell, Normal, Potential
from .landmarks import LANDMARKS

PINNAU = "Pinnau, Totzeck, Tse and Martin, Math. Models Methods Appl. Sci. 27 (2017) 183"
CARRILLO = "Carrillo, Choi, Totzeck and Tse, Math. Models Methods Appl. Sci. 28 (2018) 1037"
HUANG = "Huang and Qiu, Math. Methods Appl. Sci. 45 (2022) 8814"


class ConsensusOptimisation(Law):
    r"""Particles drawn to the mean of those that are low in a landscape find its minimum without a derivative.

    n particles on the line start independent from a normal distribution and obey

    $$dX_i = -\lambda (X_i - c)\,dt + \sigma |X_i - c|\,dW_i, \qquad
    c = \frac{\sum_j X_j e^{-\beta f(X_j)}}{\sum_j e^{-\beta f(X_j)}},$$

    with the `landscape` f, the drift $\lambda$, the noise $\sigma$ and the inverse temperature $\beta$ of the weights.

    Limit: n to infinity at fixed times. The density obeys

    $$\partial_t \rho = \lambda\, \partial_x ((x - c)\, \rho) + \frac{\sigma^2}{2} \partial_x^2 ((x - c)^2 \rho), \qquad
    c = \frac{\int x e^{-\beta f} \rho}{\int e^{-\beta f} \rho} .$$

    `consensus` is c, and mean and mean square follow from it by

    $$\dot m = -\lambda (m - c), \qquad
    \frac{d}{dt} E x^2 = -2 \lambda (E x^2 - m c) + \sigma^2 (E x^2 - 2 m c + c^2) .$$

    In a flat landscape c = m stays, and the variance is $v_0 e^{(\sigma^2 - 2\lambda) t}$: the particles agree in the
    mean square for $\sigma^2 < 2 \lambda$ (`agreement` along `noise`). Else c is found on grids in space and time, and
    extrapolated; `<name>_error` is what the last extrapolation changed.

    The system is followed in steps that shrink as $n^{-1/2}$, each exact for the c half way through it.
    """

    landscape: Potential = field(DoubleWell(), "landscape f(x), or a function of x")
    beta: float = field(4.0, "inverse temperature of the weights", at_least=0)
    drift: float = field(1.0, "rate at which particles approach the consensus", above=0, unit="1/time")
    noise: float = field(0.5, "noise of a particle over its distance from the consensus", above=0)
    start: Normal = field(Normal(mean=0.5, variance=1.0), "law of the particles at the start")
    times: tuple[float, ...] = field((0.25, 0.5, 1.0, 2.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="particles", sizes=(50, 100, 200, 400), seeds=1200, block=200)
    references = References(
        source=f"{PINNAU}; {CARRILLO}; {HUANG}",
        status="proved",
        bibtex="""@article{PinnauTotzeckTseMartin2017,
  author = {Pinnau, Ren{\\'e} and Totzeck, Claudia and Tse, Oliver and Martin, Stephan},
  title = {A consensus-based model for global optimization and its mean-field limit},
  journal = {Mathematical Models and Methods in Applied Sciences},
  volume = {27}, pages = {183--204}, year = {2017}
}
@article{CarrilloChoiTotzeckTse2018,
  author = {Carrillo, Jos{\\'e} A. and Choi, Young-Pil and Totzeck, Claudia and Tse, Oliver},
  title = {An analytical framework for consensus-based global optimization method},
  journal = {Mathematical Models and Methods in Applied Sciences},
  volume = {28}, pages = {1037--1066}, year = {2018}
}
@article{HuangQiu2022,
  author = {Huang, Hui and Qiu, Jinniao},
  title = {On the mean-field limit for the consensus-based optimization},
  journal = {Mathematical Methods in the Applied Sciences},
  volume = {45}, pages = {8814--8831}, year = {2022}
}""",
    )
    observables = {
        "mean": Observable("m", "mean position", dims=("time",), scale=1.0),
        "variance": Observable("v", "variance of the position", dims=("time",)),
        "consensus": Observable("c", "weighted mean, to which all particles are drawn", dims=("time",), scale=1.0),
    }
    exercises = (
        dict(beta=6.0, drift=1.5, noise=0.6),
        dict(beta=3.0, noise=0.6, start=Normal(mean=0.2, variance=1.5), times=(0.5, 1.0)),
    )
    landmarks = LANDMARKS

    def valid(self) -> str | None:
        """Where a few particles decide: heavy tails of the positions, or weights that only a few particles have."""
        tail = 4 * self.noise**2 * self.times[-1]
        if tail > 4:
            return (
                f"noise**2 times the last time is {tail / 4:.3g}: positions have tails so heavy that a few particles "
                "make up the variance; the limit is reached only for n much larger than "
                f"exp(4 noise**2 time) = {np.exp(min(tail, 600)):.3g}"
            )
        share = self._share()
        if share < 0.02:
            return (
                f"only a share {share:.2g} of the particles has weight at the start: the limit is reached only for n "
                f"much larger than {1 / max(share, 1e-300):.3g}"
            )
        return None

    def _share(self) -> float:
        """(E w)**2 / E w**2 of the weights at the start."""
        z = np.linspace(-8.0, 8.0, 2001)
        height = self.landscape.values(self.start.mean + np.sqrt(self.start.variance) * z)
        weights = np.exp(-self.beta * (height - height.min()))
        chance = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
        return float((chance @ weights) ** 2 / (chance @ weights**2))

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `noise`: `agreement`, above which the mean square distance from a fixed consensus grows."""
        if along != "noise":
            raise StatementError(
                f"ConsensusOptimisation has no known transition along {along!r}; there is one along 'noise'."
            )
        return {"agreement": float(np.sqrt(2 * self.drift))}
