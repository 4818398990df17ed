"""Adaptive optimisers on least squares, one pass over the samples."""

from __future__ import annotations

import math
from typing import Any

from ....contract.law import Defaults, Landmark, Law, Observable, References
from ....contract.record import Record, StatementError, field
from ....parts.covariance import Covariance, Isotropic, Matrices, PowerDensity, Spectrum

PAQUETTE = "Paquette, Paquette, Adlam and Pennington, arXiv:2205.07069 (2022): homogenised SGD"
XIAO = "Xiao, Marshall, Agarwala and Paquette, ICML 2025: exact risk curves of signSGD"
ODES = "the same equations by a Volterra integral or another solver"
LEVELS = Spectrum((0.25, 1.0, 4.0), shares=(0.4, 0.5, 0.1))


class OnlineOptimiser(Record):
    """What is made of a sample's gradient x r before it is stepped along, w <- w - rate / sqrt(d) u."""


class SGD(OnlineOptimiser):
    """u = x r."""

    rate: float = field(0.5, "rate of a step", above=0)


class SignSGD(OnlineOptimiser):
    """u = sign(x r), coordinate by coordinate."""

    rate: float = field(0.5, "rate of a step", above=0)


class ClippedSGD(OnlineOptimiser):
    """u = x c(r), with the residual r clipped to [-clip, clip]."""

    rate: float = field(0.5, "rate of a step", above=0)
    clip: float = field(1.0, "largest residual that is not clipped", above=0)


class Adam(OnlineOptimiser):
    """u = x r / sqrt(v), v the average of (x r)**2 over `memory` units of time, bias-corrected; no first moment."""

    rate: float = field(0.4, "rate of a step", above=0)
    memory: float = field(0.5, "time over which squares are averaged", above=0, unit="steps / d")


class AdaGradNorm(OnlineOptimiser):
    """u = x r / b with b**2 = start**2 + sum of the squared gradients, |x|**2 r**2 / d**2."""

    rate: float = field(1.0, "rate of a step", above=0)
    start: float = field(1.0, "b at the start", above=0)


def _landmarks() -> tuple[Landmark, ...]:
    heavy = PowerDensity(exponent=0.3)
    rows = []
    for optimiser, data, noise, values in (
        (SGD(0.5), Isotropic(), 0.25, (0.7133485055541996, 0.5163360066799566, 0.10489126703475361)),
        (SGD(0.8), LEVELS, 0.1, (0.52331892338985, 0.3524063827095536, 0.09649142443667585)),
        (SGD(1.0), heavy, 0.5, (0.7939585993815444, 0.6804496105762644, 0.5042749574327985)),
        (SignSGD(0.5), Isotropic(), 0.25, (0.8535366343938428, 0.7318889866468852, 0.33387083368221104)),
        (ClippedSGD(1.0, 0.5), LEVELS, 1.0, (0.736924442937083, 0.6023695266774952, 0.3408709451645129)),
        (Adam(0.4, 0.5), Isotropic(), 0.25, (0.7549551827655332, 0.5665502675755704, 0.1281249807649503)),
        (Adam(0.4, 0.2), LEVELS, 0.1, (0.6498812235628559, 0.42494388820994233, 0.08002168809349808)),
        (AdaGradNorm(1.0, 1.0), LEVELS, 0.1, (0.5264681476735767, 0.34988461528696096, 0.0799501679115345)),
    ):
        for at, value in zip((0, 1, 3), values, strict=True):
            fields = dict(optimiser=optimiser, data=data, noise=noise)
            source = PAQUETTE if isinstance(optimiser, SGD) else ODES
            rows.append(Landmark(fields, "test_error", value, 1e-7, source, at=(at,)))
    rows += [
        Landmark(dict(optimiser=SGD(1.5), noise=1.0), "stationary_error", 3.0, 1e-12, PAQUETTE),
        Landmark(dict(optimiser=SignSGD(0.5), data=LEVELS), "stationary_error", 0.24988289845772715, 1e-10, XIAO),
        Landmark(dict(optimiser=SignSGD(0.3), noise=0.0), "stationary_error", (0.3 * math.pi / 4) ** 2, 1e-12, XIAO),
        Landmark(dict(data=LEVELS), "stability", 2.0, 1e-12, PAQUETTE, along="rate"),
    ]
    return tuple(rows)


class AdaptiveSGD(Law):
    r"""SGD, its sign, clipped and adaptive kin on least squares, one pass over the samples.

    Inputs $x \sim N(0, \mathrm{diag}(\lambda))$ in d dimensions have labels $y = w^\star \cdot x / \sqrt d + N(0,
    \sigma^2)$ with $|w^\star|^2 = d$ and `noise` $\sigma^2$. From $w = 0$ every sample is used once,
    $w \leftarrow w - \frac{\text{rate}}{\sqrt d} u$ with the residual $r = w \cdot x / \sqrt d - y$ and u = x r (SGD),
    a function of it, or x r over a scale that adapts; see the optimisers. Time is steps / d.

    Limit: d to infinity at fixed times. The mean squared errors $D(\lambda)$ of the coordinates of eigenvalue
    $\lambda$, the `test_error` $P = E\,\lambda D$ (mean squared error, without 1/2 and without noise) and
    $s^2 = P + \sigma^2$ obey, with $\eta$ the rate,

    - SGD $\dot D = -2 \eta \lambda D + \eta^2 \lambda s^2$;
    - SignSGD $\dot D = -\frac4\pi \eta \sqrt\lambda D / s + \eta^2$;
    - ClippedSGD $\dot D = -2 \eta \lambda D\, \mathrm{erf}(c/\sqrt{2 s^2}) + \eta^2 \lambda E\,\mathrm{clip}(s \xi)^2$
      with a standard normal $\xi$;
    - Adam $\dot D = -2 \eta \sqrt{\lambda/A}\, D + \eta^2 s^2/A$ with A the average of $s^2$ over the memory,
      $A = \int_0^t e^{-(t-u)/m} s^2 \frac{du}{m} / (1 - e^{-t/m})$;
    - AdaGradNorm: SGD with $\eta/b$ and $(b^2)^\cdot = s^2 E\,\lambda$.

    `stationary_error` is the error at late times, infinite where SGD is unstable. With mean eigenvalue 1 it is for SGD
    $\eta \sigma^2 / (2 - \eta)$, stable below the rate 2 (threshold `stability` along `rate`), for any spectrum.

    Adam is stated and run without first moment. Corrections are of order 1/d, of lower powers for heavy spectra.
    """

    optimiser: OnlineOptimiser = field(SGD(), "how a gradient becomes a step")
    data: Covariance = field(Isotropic(), "eigenvalues of the inputs' covariance, which is diagonal")
    noise: float = field(0.25, "variance of the noise of the labels", at_least=0)
    times: tuple[float, ...] = field((0.5, 1.0, 2.0, 5.0), "times, steps / d, increasing", at_least=0, axis="time")

    controls = ("rate",)
    defaults = Defaults(size="dimension", sizes=(50, 100, 200, 400), seeds=128, block=32)
    references = References(
        source=f"{PAQUETTE}; {XIAO}",
        status="proved for SGD, signSGD and clipped SGD; derived here for Adam, and simulated",
        bibtex="""@article{PaquettePaquetteAdlamPennington2022,
  author = {Paquette, Courtney and Paquette, Elliot and Adlam, Ben and Pennington, Jeffrey},
  title = {Homogenization of {SGD} in high-dimensions: exact dynamics and generalization properties},
  journal = {arXiv:2205.07069}, year = {2022}
}
@inproceedings{XiaoMarshallAgarwalaPaquette2025,
  author = {Xiao, Ke Liang and Marshall, Noah and Agarwala, Atish and Paquette, Elliot},
  title = {Exact risk curves of {signSGD} in high-dimensions: quantifying preconditioning and
           noise-compression effects},
  booktitle = {International Conference on Machine Learning}, year = {2025}
}""",
    )
    observables = {
        "test_error": Observable("P", "mean squared error without the noise of labels", dims=("time",)),
        "stationary_error": Observable(r"P_\infty", "the same at late times", limit_only=True),
    }
    exercises = (dict(noise=1.5),)
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.data, Matrices) and (fixed := self.data.dimension()) is not None:
            object.__setattr__(self, "sizes", (fixed,))

    def sizes_and_seeds(self, sizes: Any, seeds: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
        fixed = self.data.dimension()
        chosen = super().sizes_and_seeds(sizes, seeds)
        if fixed is not None and chosen[0] != (fixed,):
            raise StatementError(f"`sizes` must be ({fixed},), the dimension of the data, but is {chosen[0]}.")
        return chosen

    def check(self) -> None:
        if isinstance(self.data, Matrices):
            raise StatementError("`data` of AdaptiveSGD must have a diagonal covariance, such as Spectrum((0.5, 1.5)).")

    def valid(self) -> str | None:
        if isinstance(self.optimiser, SGD) and self.optimiser.rate >= self._stable_rate():
            return (
                f"at the rate {self.optimiser.rate:g} SGD diverges (stable below {self._stable_rate():.6g}): the limit "
                "holds at fixed times, but fluctuations grow exponentially"
            )
        if isinstance(self.optimiser, AdaGradNorm) and self.optimiser.rate > 2 * self.optimiser.start:
            return "with rate / start > 2 the first steps explode, and systems of hundreds of dimensions differ by O(1)"
        if isinstance(self.data, PowerDensity) and self.data.exponent > 0.5:
            return "with a heavy spectrum corrections fall as slowly as d**(exponent - 1)"
        return None

    def _stable_rate(self) -> float:
        pairs = self.data.paired()
        return 2 / float(pairs.shares @ pairs.values)

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `rate` (of the optimiser): `stability` of SGD, 2 over the mean eigenvalue; {} for the others."""
        if along not in ("rate", "optimiser.rate"):
            raise StatementError(f"AdaptiveSGD has no known transition along {along!r}; SGD has one along 'rate'.")
        return {"stability": self._stable_rate()} if isinstance(self.optimiser, SGD) else {}
