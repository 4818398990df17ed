"""Gradient descent at the edge of stability, averaged over its oscillation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field

if TYPE_CHECKING:
    import jax

COHEN = "Cohen, Damian, Talwalkar, Kolter and Lee, ICLR 13 (2025), arXiv 2410.24206"
DAMIAN = "Damian, Nichani and Lee, ICLR 11 (2023)"
LONGEST = 5.0  # exponent of the growth of cycles, beyond which no system that can be run follows the flow
ODE = "the central flow of the landscape, integrated by a Runge-Kutta method"


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark({}, "sharpness", 4.0, 1e-12, f"{COHEN}: 2 over the rate", at=(0,)),
        Landmark(dict(rate=0.1, target=9.0), "sharpness", 20.0, 1e-11, f"{COHEN}: 2 over the rate", at=(2,)),
    ]
    for fields, loss, angle in (
        ({}, 2.2544230839926613, 0.3754722356197572),
        (dict(target=5.0, angle=0.9), 7.865928347597054, 0.27504799755558807),
        (dict(rate=0.1, target=9.0, angle=0.5, times=(0.3, 0.8)), 20.709429885754812, 0.10199403449777796),
    ):
        rows.append(Landmark(fields, "loss", loss, 1e-8, ODE, at=(1,)))
        rows.append(Landmark(fields, "angle", angle, 1e-8, ODE, at=(1,)))
    return tuple(rows)


class CentralFlow(Law):
    r"""Gradient descent at the edge of stability follows, on average, a flow on which the sharpness is 2 over the rate.

    The smallest network with an edge: one linear hidden unit of weight u, two outputs of weights w, inputs of variance
    n with label zero, and outer weights drawn to a point $w_\star$ at the distance `target`,

    $$L(u, w) = \frac n2 |w|^2 u^2 + \frac12 |w - w_\star|^2 .$$

    Its sharpness is $n |w|^2$ to leading order. Gradient descent with the rate $\eta = r/n$, r being `rate`, is stable
    for $|w|^2 < 2/r$, and $w_\star$ lies beyond. It starts at the edge, $|w|^2 = 2/r$, with w at the angle
    $\varphi_0$ to $w_\star$ and $\sqrt n\, u$ standard normal; time is $\eta$ times the steps.

    Limit: n to infinity, that is a small rate and a large curvature in one direction. The oscillation $\sigma^2$, the
    mean of $n u^2$, keeps the sharpness where it is, as w follows

    $$\dot w = -\nabla g - \frac{\sigma^2}{2} \nabla |w|^2, \qquad
    \sigma^2 = \frac{-2\, \nabla g \cdot \nabla |w|^2}{|\nabla |w|^2|^2}, \qquad g = \frac12 |w - w_\star|^2 ,$$

    on the circle of radius $R = \sqrt{2/r}$: $\tan(\varphi/2) = \tan(\varphi_0/2)\, e^{-\rho t/R}$, $\rho = |w_\star|$.
    `sharpness` is the mean of $|w|^2$, and `loss` that of L, since the time before, which tends to
    $(\rho^2 - R \rho\, \overline{\cos \varphi})/2$; `angle` is $\varphi$ at the time.

    Steepest descent would leave the circle; the flow needs that it would do so outward, $\rho \cos \varphi > R$. The
    oscillation grows and decays in cycles that take a time of order $n^{-1/2}$, and corrections are of that order. The
    map of a step, linearised, has the determinant $1 + (7 \sigma^2 - 1) r / n$: where $\sigma^2 > 1/7$ the cycles grow
    by $e^{(7 \sigma^2 - 1) t / 2}$, and end the flow at a time of order $\log n$.
    """

    rate: float = field(0.5, "rate of learning, times n", above=0)
    target: float = field(3.2, "distance of the point that draws the outer weights", above=0)
    angle: float = field(0.8, "angle of the outer weights to that point at the start", above=0, below=math.pi / 2)
    times: tuple[float, ...] = field(
        (0.25, 0.5, 1.0), "times, increasing, > 0; steps times the rate over n", at_least=0, axis="time"
    )

    defaults = Defaults(size="curvature", sizes=(400, 800, 1600, 3200), seeds=200, bias=0.5, block=100)
    references = References(
        source=f"{COHEN}; {DAMIAN}",
        status="heuristic: the oscillation is averaged over, without a proof",
        bibtex="""@inproceedings{CohenDamianTalwalkarKolterLee2025,
  author = {Cohen, Jeremy M. and Damian, Alex and Talwalkar, Ameet and Kolter, J. Zico and Lee, Jason D.},
  title = {Understanding optimization in deep learning with central flows},
  booktitle = {International Conference on Learning Representations}, year = {2025}
}
@inproceedings{DamianNichaniLee2023,
  author = {Damian, Alex and Nichani, Eshaan and Lee, Jason D.},
  title = {Self-stabilization: The implicit bias of gradient descent at the edge of stability},
  booktitle = {International Conference on Learning Representations}, year = {2023}
}""",
    )
    observables = {
        "loss": Observable("L", "mean loss since the time before", dims=("time",)),
        "sharpness": Observable("S/n", "mean sharpness over n since the time before", dims=("time",), bias=1.0),
        "angle": Observable(
            r"\varphi", "angle of the outer weights to their target", dims=("time",), scale=1.0, bias=1.0
        ),
    }
    landmarks = _landmarks()

    def check(self) -> None:
        if self.times[0] == 0:
            raise NoLimit("`times` of CentralFlow must be > 0: loss and sharpness are means since the time before.")
        push, radius = self.target * math.cos(self.angle), math.sqrt(2 / self.rate)
        if push <= radius:
            raise NoLimit(
                "`target` cos(`angle`) of CentralFlow must exceed sqrt(2 / `rate`), so that steepest descent would "
                f"leave the circle of stable weights outward, but they are {push:.6g} and {radius:.6g}."
            )
        if np.diff(self.times, prepend=0.0).min() < self.rate / 40:
            raise NoLimit(
                f"`times` of CentralFlow must be at least `rate` / 40 = {self.rate / 40:.3g} apart, ten steps at n = "
                f"400, but are {self.times}."
            )
        if self._growth() > LONGEST:
            raise NoLimit(
                f"Cycles of the oscillation grow by a factor exp({self._growth():.3g}) until the last of `times`, and "
                f"end the flow before in all systems of n < exp({2 * self._growth():.3g}): choose earlier times, or a "
                "`target` closer to sqrt(2 / `rate`)."
            )

    def valid(self) -> str | None:
        """Where cycles grow so much that the limit is reached at very large n only."""
        growth = self._growth()
        if growth > 2.5:
            return (
                f"cycles of the oscillation grow by a factor exp({growth:.3g}) until the last time: the limit is "
                f"reached only for n much larger than exp({2 * growth:.3g})"
            )
        return None

    def _growth(self) -> float:
        """The exponent by which cycles of the oscillation have grown at the last time."""
        cosine = float(self._cosines(np.array([0.0, self.times[-1]]))[0])
        return (7 * (self.target * cosine / math.sqrt(2 / self.rate) - 1) - 1) / 2 * self.times[-1]

    def _travelled(self, times: np.ndarray) -> np.ndarray:
        """artanh(cos(angle)) at the times."""
        return math.atanh(math.cos(self.angle)) + self.target / math.sqrt(2 / self.rate) * times

    def _cosines(self, times: np.ndarray) -> np.ndarray:
        """The mean of cos(angle) between neighbouring times."""
        travelled = self._travelled(times)
        return np.diff(np.logaddexp(travelled, -travelled)) / np.diff(travelled)

    def predict(self) -> dict[str, Any]:
        times, radius = np.append(0.0, self.times), math.sqrt(2 / self.rate)
        return {
            "loss": (self.target**2 - radius * self.target * self._cosines(times)) / 2,
            "sharpness": np.full(len(self.times), radius**2),
            "angle": 2 * np.arctan(np.exp(-self._travelled(times[1:]))),
        }

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        start = jnp.sqrt(2 / self.rate) * jnp.array([jnp.cos(self.angle), jnp.sin(self.angle)])
        goal = self.target * jnp.array([1.0, 0.0])
        steps = jnp.diff(jnp.round(jnp.asarray(self.times) * n / self.rate), prepend=0.0).astype(int)

        def losses(u: Any, w: Any) -> Any:
            return n * (w @ w) * u**2 / 2 + (w - goal) @ (w - goal) / 2

        def one(_: Any, state: Any) -> Any:
            u, w, seen = state
            seen = seen + jnp.stack([losses(u, w), w @ w])
            down = jax.grad(losses, argnums=(0, 1))(u, w)
            return u - self.rate / n * down[0], w - self.rate / n * down[1], seen

        def advance(state: Any, count: Any) -> Any:
            u, w, seen = jax.lax.fori_loop(0, count, one, (*state, jnp.zeros(2)))
            return (u, w), (*(seen / count), jnp.arctan2(w[1], w[0]))

        u = jax.random.normal(key) / jnp.sqrt(n)
        loss, sharpness, angle = jax.lax.scan(advance, (u, start), steps)[1]
        return {"loss": loss, "sharpness": sharpness, "angle": angle}
