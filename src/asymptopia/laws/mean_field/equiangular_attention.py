"""Tokens of attention in high dimension, where all pairs have the same angle."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike

if TYPE_CHECKING:
    import jax

GESHKOVSKI = "Geshkovski, Letrouit, Polyanskiy and Rigollet, Bull. Amer. Math. Soc. 62 (2025) 427, theorem 6.8"
QUADRATURE = "the equation of theorem 6.8, by quadrature of 1/gamma'"


def _landmarks() -> tuple[Landmark, ...]:
    rows = [
        Landmark(dict(tokens=8, beta=0.0), "clustering_time", math.log(3.0), 1e-10, "log 3 in closed form"),
        Landmark(dict(tokens=32, beta=1.0), "clustering_time", 1.8199348845, 1e-9, QUADRATURE),
        Landmark(dict(tokens=16, beta=2.0), "clustering_time", 1.7905361168, 1e-9, QUADRATURE),
    ]
    for tokens, beta, values in (
        (32, 1.0, (0.1518493355, 0.9142070117, 0.9997674533)),
        (16, 2.0, (0.1775786669, 0.9145909119, 0.9997672307)),
        (8, 0.0, (0.4440219049, 0.9805081901, 0.9999508484)),
    ):
        for i, value in enumerate(values):
            rows.append(Landmark(dict(tokens=tokens, beta=beta), "overlap", value, 1e-9, QUADRATURE, at=(i,)))
    return tuple(rows)


class EquiangularAttention(Law):
    r"""Self-attention pulls tokens that start in random directions together, all pairs alike.

    n tokens (fixed) start independent and uniform on the unit sphere of d dimensions and follow

    $$\dot x_i = P_{x_i} \frac{1}{Z_i} \sum_j e^{\beta x_i \cdot x_j} x_j, \qquad P_x = 1 - x x^T,$$

    with $Z_i = \sum_j e^{\beta x_i \cdot x_j}$ (`softmax`) or $Z_i = n$ (`unnormalised`).

    Limit: d to infinity at fixed n and fixed times. Random tokens become orthogonal, and the cosine $\gamma$ of every
    pair obeys one equation, $\gamma(0) = 0$,

    $$\dot\gamma = \frac{2 e^{\beta\gamma} (1 - \gamma) ((n-1)\gamma + 1)}{e^\beta + (n-1) e^{\beta\gamma}}
      \quad \text{or} \quad \frac2n e^{\beta\gamma} (1 - \gamma) ((n-1)\gamma + 1) .$$

    `overlap` is the mean cosine of the pairs, `clustering_time` the time at which it reaches 1/2. With softmax that is
    $\frac12 \log n + o(1)$ for many tokens, at every $\beta$. Orthogonal tokens follow the equation exactly in every
    dimension $d \ge n$; random ones deviate by 1/d in the mean.
    """

    tokens: int = field(32, "number of tokens n", at_least=2)
    beta: float = field(1.0, "inverse temperature of attention", at_least=0, at_most=100)
    attention: str = field("softmax", "how weights are normalised", one_of=("softmax", "unnormalised"))
    times: tuple[float, ...] = field((1.0, 3.0, 6.0), "times, increasing", at_least=0, axis="time")

    defaults = Defaults(size="dimension", sizes=(32, 64, 128, 256), seeds=100, block=25)
    references = References(
        source=GESHKOVSKI,
        status="proved",
        bibtex="""@article{GeshkovskiLetrouitPolyanskiyRigollet2025,
  author = {Geshkovski, Borjan and Letrouit, Cyril and Polyanskiy, Yury and Rigollet, Philippe},
  title = {A mathematical perspective on transformers},
  journal = {Bulletin of the American Mathematical Society},
  volume = {62}, pages = {427--479}, year = {2025}
}""",
    )
    observables = {
        "overlap": Observable(r"\gamma", "mean cosine of the pairs of tokens", dims=("time",), scale=1.0),
        "clustering_time": Observable("t_{1/2}", "time at which the mean cosine reaches 1/2", unit="time"),
    }
    exercises = (dict(tokens=16, beta=3.0),)
    landmarks = _landmarks()

    def predict(self) -> dict[str, Any]:
        from scipy.integrate import quad, solve_ivp

        def slope(_: float, u: np.ndarray) -> np.ndarray:
            """Of u = -log(1 - gamma), which grows evenly at late times."""
            gamma = -np.expm1(-u)
            return np.asarray(self._rate(gamma))

        last = max(self.times)
        run = solve_ivp(slope, (0.0, last or 1.0), [0.0], "LSODA", t_eval=self.times, rtol=1e-12, atol=1e-13)
        if not run.success:
            raise ArithmeticError(f"The angle could not be followed: {run.message}")
        half = quad(lambda u: 1 / self._rate(-np.expm1(-u)), 0.0, math.log(2.0), epsabs=0, epsrel=1e-12, limit=200)[0]
        return {"overlap": -np.expm1(-run.y[0]), "clustering_time": half}

    def _rate(self, gamma: ArrayLike) -> Any:
        """gamma' / (1 - gamma)."""
        n, beta = self.tokens, self.beta
        pulled = 2 * ((n - 1) * gamma + 1)
        if self.attention == "softmax":
            return pulled / (np.exp(beta * (1 - gamma)) + n - 1)
        return pulled * np.exp(beta * gamma) / n

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        from ...algorithms.particles.attention import attend, mean_cosine

        x = generator(key).standard_normal((self.tokens, n))
        x /= np.linalg.norm(x, axis=1, keepdims=True)
        path = attend(x, self.beta, self.times, self.attention)
        return {"overlap": [mean_cosine(y) for y in path.tokens], "clustering_time": path.clustered}

    def valid(self) -> str | None:
        """Where weights are steep, small deviations of the angles from 90 degrees decide who attracts whom."""
        if self.beta > 8:
            return (
                f"at beta = {self.beta:g} weights depend so steeply on the angles that the angles of random tokens "
                "count as equal only in dimensions much larger than beta**2: below, pairs cluster one after the other"
            )
        return None
