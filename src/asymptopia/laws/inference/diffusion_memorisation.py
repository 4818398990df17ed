"""When an exact diffusion model commits to a class, and when it falls back onto its training points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator, whole
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field

if TYPE_CHECKING:
    import jax

BIROLI = "Biroli, Bonnaire, de Bortoli and Mezard, Nat. Commun. 15 (2024) 9957, equations for t_S and t_C"
REM = "the condensed random energy model of the other points, by another root finder"
NORMAL = "E[p^2 + (1 - p)^2] by another quadrature"
MOST = 4_000_000


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(alpha=a, variance=v), "collapse", value, 1e-12, BIROLI, along="time")
        for a, v, value in (
            (0.1, 1.0, 0.8538859004852599),
            (0.2, 0.5, 0.3507120140940535),
            (1.0, 1.0, 0.07270672893442956),
            (0.1, 2.0, 1.1529553351760558),
        )
    ]
    rows.append(Landmark({}, "collapse", 0.5548164658, 1e-9, BIROLI, along="time"))
    for alpha, variance, time, value in (
        (0.2, 1.0, 0.2, -0.5830350647590625),
        (0.5, 0.5, 0.05, -0.5768927310154839),
        (0.5, 0.5, 0.3, 0.2624470150618352),
        (0.1, 2.0, 1.5, 0.05017173374177808),
    ):
        fields = dict(alpha=alpha, variance=variance, times=(time,))
        rows.append(Landmark(fields, "excess", value, 1e-9, REM, at=(0,)))
    for shift, value in (
        (-1.0, 0.9949744798687841),
        (-0.5, 0.9262148785338926),
        (0.0, 0.7752002454),
        (1.0, 0.560070356140589),
        (2.0, 0.5089949789429545),
    ):
        rows.append(Landmark(dict(shifts=(shift,)), "same_class", value, 1e-9, NORMAL, at=(0,)))
    return tuple(rows)


class DiffusionMemorisation(Law):
    r"""A diffusion model with the exact score commits to a class early and falls onto a training point late.

    The training points are two clusters of $e^{\alpha d}$ points $N(\pm m, \sigma^2 I_d)$, $|m|^2 = \mu^2 d$
    (`variance` is $\sigma^2$, `separation` $\mu^2$). Noise is added by $dx = -x\,dt + \sqrt2\,dB$, so that
    $x_t = e^{-t} a + \sqrt{\Delta_t}\, z$ with $\Delta_t = 1 - e^{-2t}$, and taken off by the backward process with the
    exact score of the points, in which point $a_\mu$ has the weight
    $w_\mu \propto \exp(-|x_t - e^{-t} a_\mu|^2 / 2\Delta_t)$.

    Limit: d to infinity. `excess` is $\frac1d E[\log \sum_{\mu \ne own} w_\mu - \log w_{own}]$ for a noisy training
    point. With $g = \sigma^2 e^{-2t}$ it is $\alpha - \frac12 \log(1 + g/\Delta_t)$ after the time of `collapse`

    $$t_C = \tfrac12 \log\Big(1 + \frac{\sigma^2}{e^{2\alpha} - 1}\Big),$$

    at which it is zero: before it the model reproduces the point. There few other points count, as in a random energy
    model: with $G = g + \Delta_t$ and $\phi(l) = -\frac12 \log(1 + l g/\Delta_t) - l G / 2(\Delta_t + l g)$ it is
    $\phi'(l) + \frac12$ for the $l < 1$ at which $\alpha + \phi(l) - l \phi'(l) = 0$.

    Two backward paths of the population's score from one point $x_t$ end in the same cluster with the probability
    `same_class`. At $t_S + s$ with the time of speciation $t_S = \frac12 \log(\mu^2 d)$ and the `shifts` s it is

    $$E[p^2 + (1-p)^2], \qquad p = 1/(1 + e^{-2M(M + u)}), \quad M = e^{-s}, \quad u \sim N(0, 1) .$$

    No limit depends on `separation`, which moves the time of speciation alone, from which the shifts count.

    The paths of the system follow the exact score of the mixture along m. After the collapse corrections are of order
    1/d; before, of order $\log d / d$ (`valid` says so).
    """

    alpha: float = field(0.2, "log of the points of a cluster, per dimension", above=0)
    variance: float = field(1.0, "variance of a cluster", above=0)
    separation: float = field(1.0, "squared distance of a cluster's centre from 0, per dimension", above=0)
    times: tuple[float, ...] = field((1.0,), "times of `excess`, increasing", at_least=0, axis="time")
    shifts: tuple[float, ...] = field(
        (0.0,), "times of `same_class` after the time of speciation, increasing", axis="shift"
    )

    controls = ("time",)
    defaults = Defaults(size="dimension", sizes=(12, 18, 27, 40), seeds=400, block=50)
    references = References(
        source=BIROLI,
        status=(
            "heuristic (random energy model); the time of collapse is proved for Gaussian points (Achilli et al. 2024)"
        ),
        bibtex="""@article{BiroliBonnaireDeBortoliMezard2024,
  author = {Biroli, Giulio and Bonnaire, Tony and de Bortoli, Valentin and M{\\'e}zard, Marc},
  title = {Dynamical regimes of diffusion models},
  journal = {Nature Communications},
  volume = {15}, pages = {9957}, year = {2024}
}""",
    )
    observables = {
        "excess": Observable("e", "log-weight of the other points over the own", dims=("time",), scale=1.0),
        "same_class": Observable("P", "probability that two paths end in one cluster", dims=("shift",), scale=1.0),
    }
    exercises = (dict(alpha=0.5, variance=0.6, separation=1.4, times=(0.3,)),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        z, h = np.linspace(-12, 12, 4001, retstep=True)
        M = np.exp(-np.array(self.shifts))[:, None]
        p = 1 / (1 + np.exp(-2 * M * (M + z)))
        weight = h * np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
        return {"excess": np.array([self._excess(t) for t in self.times]), "same_class": (p**2 + (1 - p) ** 2) @ weight}

    def _excess(self, time: float) -> float:
        from scipy.optimize import brentq

        if time >= self._collapse():
            return self.alpha - math.log1p(self._ratio(time)) / 2
        ratio = self._ratio(time)

        def slope(power: float) -> float:
            """The derivative of phi, in units in which the noise is 1."""
            return -ratio / (2 * (1 + power * ratio)) - (1 + ratio) / (2 * (1 + power * ratio) ** 2)

        def entropy(power: float) -> float:
            phi = -math.log1p(power * ratio) / 2 - power * (1 + ratio) / (2 * (1 + power * ratio))
            return self.alpha + phi - power * slope(power)

        return slope(brentq(entropy, 0.0, 1.0, xtol=1e-15)) + 0.5

    def _ratio(self, time: float) -> float:
        """g / Delta: the spread of the points over that of the noise."""
        return self.variance / math.expm1(2 * time)

    def _collapse(self) -> float:
        return math.log1p(self.variance / math.expm1(2 * self.alpha)) / 2

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        rng = generator(key)
        return {
            "excess": [self._observed_excess(n, t, rng) for t in self.times],
            "same_class": [self._agree(n, math.log(self.separation * n) / 2 + s, rng) for s in self.shifts],
        }

    def _observed_excess(self, n: int, time: float, rng: np.random.Generator) -> float:
        """log of the weights of all other points over that of the own, for one noisy training point, over n."""
        expected = math.exp(min(self.alpha * n, 700.0))
        if 2 * expected > MOST:
            raise StatementError(
                f"{n} dimensions at alpha = {self.alpha:g} have {2 * expected:.2g} training points, and at most {MOST} "
                "can be drawn: choose smaller `sizes`."
            )
        count = whole(expected, rng)
        shrink, noise = math.exp(-time), -math.expm1(-2 * time)
        m = np.sqrt(self.separation) * np.ones(n)
        own = m + np.sqrt(self.variance) * rng.standard_normal(n)
        x = shrink * own + np.sqrt(noise) * rng.standard_normal(n)
        logs = []
        for centre, points in ((m, count - 1), (-m, count)):
            for start in range(0, points, 100_000):
                part = min(100_000, points - start)
                a = centre + np.sqrt(self.variance) * rng.standard_normal((part, n))
                logs.append(_log_sum(-np.sum((x - shrink * a) ** 2, axis=1) / (2 * noise)))
        return float(_log_sum(np.array(logs)) + np.sum((x - shrink * own) ** 2) / (2 * noise)) / n

    def _agree(self, n: int, time: float, rng: np.random.Generator) -> float:
        """The share, of n points at this time, from which two backward paths end in the same cluster."""
        if time <= 0:
            raise NoLimit(
                f"In {n} dimensions the time of speciation plus the shift is {time:.3g}: choose larger `sizes`."
            )
        steps = math.ceil(40 * n**0.5 * max(time, 1.0))
        size = math.sqrt(self.separation * n)
        h = time / steps
        start = rng.choice((-1.0, 1.0), n) * size + np.sqrt(self.variance) * rng.standard_normal(n)
        noisy = math.exp(-time) * start + math.sqrt(-math.expm1(-2 * time)) * rng.standard_normal(n)
        y = np.stack([noisy, noisy])
        for k in range(steps):
            t = time - (k + 0.5) * h
            spread, mean = self.variance * math.exp(-2 * t) - math.expm1(-2 * t), size * math.exp(-t)
            score = (mean * np.tanh(mean * y / spread) - y) / spread
            y = y + h * (y + 2 * score) + math.sqrt(2 * h) * rng.standard_normal((2, n))
        return float(np.mean(np.sign(y[0]) == np.sign(y[1])))

    def check(self) -> None:
        if min(self.times) <= 0:
            raise NoLimit("`times` of DiffusionMemorisation must be > 0: without noise one point has all weight.")

    def valid(self) -> str | None:
        if min(self.times) < 1.05 * self._collapse():
            return (
                f"before the collapse at t = {self._collapse():.6g}, and close to it, few points count and corrections "
                "are of order log(d) / d: they have not vanished in tens of dimensions"
            )
        return None

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `time` (of `times`): `collapse`."""
        if along not in ("time", "times"):
            raise StatementError(
                f"DiffusionMemorisation has no known transition along {along!r}; there is one along 'time'."
            )
        return {"collapse": self._collapse()}


def _log_sum(logs: np.ndarray) -> float:
    top = logs.max(initial=-np.inf)
    return float(top + np.log(np.sum(np.exp(logs - top)))) if np.isfinite(top) else -math.inf
