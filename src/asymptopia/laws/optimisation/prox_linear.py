"""The prox-linear method on phase retrieval with absolute residuals: its guarantees, and its quadratic convergence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

if TYPE_CHECKING:
    from ...algorithms.optimisers.prox_linear import Trail

DRUSVYATSKIY = "Drusvyatskiy and Paquette, Math. Program. 178 (2019) 503, section 5"
DUCHI = "Duchi and Ruan, Inf. Inference 8 (2019) 471, theorem 1"
STEPS, DIRECTIONS, TRAIL = 6, 144, 4


class ProxLinear(Law):
    r"""Phase retrieval by the prox-linear method: a signal from the squares of its random projections.

    With Gaussian $a_i$ and $b_i = (a_i \cdot x^*)^2$ the objective is $f(x) = \frac1m \sum_i |(a_i \cdot x)^2 - b_i|$.
    A step minimises f with the square linearised at x, plus $|p - x|^2 / 2 t$ with
    $t = 1 / 2 \lambda_{\max}(A^T A / m)$. Then at any size

    $$f(x_k) - f(x_{k+1}) \geq \frac{|x_{k+1} - x_k|^2}{2 t}, \qquad
      \min_{j < k} \frac{|x_{j+1} - x_j|^2}{t^2} \leq \frac{2 f(x_0)}{t k} .$$

    Near the solution convergence is quadratic, although nothing is smooth: the minimum of the model lies where the
    signs of $2 (a \cdot x)(a \cdot \delta) - (a \cdot e)^2$ balance, for an error $e$ that leaves an error $\delta$.
    As $n \to \infty$ with m/n growing, and c the cosine between e and the signal,

    $$|\delta| \to \kappa\, |e|^2 / |x^*|, \qquad
      \kappa = |\mathrm{argmin}_{\eta, \zeta} \; E\, |2 u (\eta u + \zeta w) - (c u + \sqrt{1 - c^2}\, w)^2||$$

    over independent standard normal u, w. The least squares of Gauss and Newton instead leave
    $\frac12 [(1 + 2 c^2)^2 / 9 + 4 c^2 (1 - c^2)]^{1/2}$. For an error orthogonal to the signal, as almost all are,
    this is 1/6, and $\kappa = \frac12 \tan^2 \varphi$ with $2 \varphi + \sin 2 \varphi = \pi / 2$.

    A system has $m = 32 n^2$ projections. `contraction` and `gauss_newton` come from $144/n$ errors of length
    `distance` at n = 8, and $8/n$ times that at n, so that what is of the next order in the error vanishes as 1/n. Each
    half of the projections leaves its own $\delta$; the squared length is the mean scalar product of the two, free of
    the square of the noise of order $\sqrt{n/m}$, in which the halves are independent. No limit depends on `distance`,
    to whose square they are relative. The bounds are along six steps
    from an error of half the signal in a random direction, with $4 n^2$ of the projections.
    """

    cosine: float = field(0.0, "cosine between the error and the signal", at_least=-1, at_most=1)
    distance: float = field(0.01, "length of the error relative to the signal at n = 8", above=0, at_most=0.05)

    defaults = Defaults(size="dimension", sizes=(6, 12, 18), seeds=48, block=8)
    references = References(
        source=DRUSVYATSKIY + "; " + DUCHI,
        status=(
            "guarantees proved; quadratic convergence proved, its constant derived here from the population "
            "objective, for small errors"
        ),
        bibtex="""@article{DrusvyatskiyPaquette2019,
  author = {Drusvyatskiy, Dmitriy and Paquette, Courtney},
  title = {Efficiency of minimizing compositions of convex functions and smooth maps},
  journal = {Mathematical Programming}, volume = {178}, pages = {503--558}, year = {2019}
}
@article{DuchiRuan2019,
  author = {Duchi, John C. and Ruan, Feng},
  title = {Solving (most) of a set of quadratic equalities: composite optimization for robust phase retrieval},
  journal = {Information and Inference}, volume = {8}, pages = {471--529}, year = {2019}
}""",
    )
    observables = {
        "contraction": Observable(
            r"\kappa", "error after a step, times the signal, over the squared error before", resolution=0.1
        ),
        "gauss_newton": Observable(r"\kappa_2", "the same for a step of least squares", resolution=0.1),
        "shortfall": Observable(
            r"\Delta", "by how much a step fell short of its granted descent, over f at the start", bound="every"
        ),
        "rate": Observable(r"\rho", "least squared prox-gradient over its bound, worst of all k", bound="every"),
    }
    landmarks = (
        Landmark({}, "gauss_newton", 1 / 6, 1e-14, "closed form"),
        Landmark(dict(cosine=1.0), "gauss_newton", 0.5, 1e-14, "Newton's iteration for the square root of a number"),
        Landmark(dict(cosine=1.0), "contraction", 0.5, 1e-6, "Newton's iteration for the square root of a number"),
        Landmark({}, "contraction", 0.0975100456753034, 1e-7, "root of 2 phi + sin(2 phi) = pi / 2 by bisection"),
    )

    def predict(self) -> dict[str, Any]:
        c = float(self.cosine)
        newton = math.sqrt((1 + 2 * c * c) ** 2 / 9 + 4 * c * c * (1 - c * c)) / 2
        return {"contraction": _balanced(c), "gauss_newton": newton, "shortfall": 0.0, "rate": 1.0}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        A, signal = rng.standard_normal((32 * n * n, n)), rng.standard_normal(n)
        size, c = float(np.linalg.norm(signal)), float(self.cosine)
        along, distance = signal / size, float(self.distance) * 8 / n
        products = np.zeros(2)
        directions = max(DIRECTIONS // n, 1)
        for side in rng.standard_normal((directions, n)):
            side -= (side @ along) * along
            side *= math.sqrt(1 - c * c) / np.linalg.norm(side)
            near = signal + distance * size * (c * along + side)
            first, second = (_errors(half, signal, near) for half in np.split(A, 2))
            products += (first * second).sum(axis=1) / directions
        contraction, newton = np.sign(products) * np.sqrt(np.abs(products)) / (distance**2 * size)
        start = signal + rng.standard_normal(n) * size / (2 * math.sqrt(n))
        few = A[: TRAIL * n * n]
        trail = _steps(few, signal, start, STEPS)
        short = trail.guaranteed + np.diff(trail.values)
        least = np.minimum.accumulate(trail.stationarity**2)
        k = np.arange(1, len(least) + 1)
        return {
            "contraction": contraction,
            "gauss_newton": newton,
            "shortfall": short.max() / trail.values[0],
            "rate": np.max(least * _step(few) * k / (2 * trail.values[0])),
        }


def _steps(A: np.ndarray, signal: np.ndarray, start: np.ndarray, steps: int) -> Trail:
    """The prox-linear method on the squares of the projections A of the signal."""
    from ...algorithms.optimisers.prox_linear import prox_linear
    from ...parts.loss import Absolute

    def jacobian(x: np.ndarray) -> np.ndarray:
        return 2 * (A @ x)[:, None] * A

    return prox_linear(Absolute(), (A @ signal) ** 2, lambda x: (A @ x) ** 2, jacobian, start, _step(A), steps)


def _step(A: np.ndarray) -> float:
    return 1 / (2 * float(np.linalg.eigvalsh(A.T @ A / len(A))[-1]))


def _errors(A: np.ndarray, signal: np.ndarray, near: np.ndarray) -> np.ndarray:
    """What one step of the prox-linear method, and one of least squares, leave of an error, (2, n)."""
    fields = A @ near
    squares = np.linalg.lstsq(2 * fields[:, None] * A, (A @ signal) ** 2 - fields**2, rcond=None)[0]
    return np.stack([_steps(A, signal, near, 1).x, near + squares]) - signal


def _balanced(c: float) -> float:
    """|(eta, zeta)| that minimise E |2 u (eta u + zeta w) - (c u + s w)^2|.

    In polar coordinates the form is r^2 (A + B cos 2 phi + C sin 2 phi), and the mean over the angle of
    |A + R cos| is known: R has the root of the sum of squares of B and C.
    """
    from scipy.optimize import minimize

    s = math.sqrt(max(1 - c * c, 0.0))

    def mean(at: np.ndarray) -> tuple[float, np.ndarray]:
        eta, zeta = at
        a, b, d = eta - 0.5, eta - (c * c - s * s) / 2, zeta - c * s
        R = math.hypot(b, d)
        inside = min(max(a / R, -1.0), 1.0) if R > 0 else math.copysign(1.0, a)
        slope_a = math.asin(inside)  # of R sqrt(1 - inside^2) + a asin(inside)
        slope_r = math.sqrt(1 - inside * inside)
        value = R * slope_r + a * slope_a
        by = slope_r / R if R > 0 else 0.0
        return value, np.array([slope_a + by * b, by * d])

    start = np.array([(1 + 2 * c * c) / 6, c * s])
    return float(np.linalg.norm(minimize(mean, start, jac=True, method="BFGS", options={"gtol": 1e-12}).x))
