"""Networks with one input are linear splines whose knots are free: what that buys, and what depth adds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import ArrayLike, Key
from ...parts.activation import Activation, Tanh

BARROW_SMITH = "Barrow and Smith, Quart. Appl. Math. 36 (1978) 293, theorem 3"
YAROTSKY = "Yarotsky, Neural Networks 94 (2017) 103, proposition 2"
DIGITS = 9  # to which the fit is converged


def square(x: ArrayLike) -> Any:
    """x**2."""
    return x * x


class ReLUSpline(Law):
    r"""A network of rectified linear units approximates a function of one variable.

    With one hidden layer it is a continuous linear spline whose knots are free, one a unit. As the number n of pieces
    grows, the distance in $L^2(a, b)$ of the nearest such spline to the target f falls as $n^{-2}$, `error` being

    $$\lim n^2 \, \| f - s_n \|_2 = \frac{1}{\sqrt{720}} \Big( \int_a^b |f''|^{2/5} dx \Big)^{5/2},$$

    while equally spaced knots leave $(b-a)^2 \|f''\|_2/\sqrt{720}$, `equal_error`; $720 = 4!/|B_4|$ has Bernoulli's
    number $B_4 = -1/30$. Depth does better for smooth functions: the network that subtracts a zigzag of twice as many
    pieces in every layer is the interpolant of $x^2$ on [0, 1] at $2^m + 1$ points after m layers of three units, and
    its largest error is exactly $4^{-(m + 1)}$, so that n pieces cost $3 \log_2 n$ units; `square` is that error times
    $4^m$, with $2^m$ the power of 2 nearest to n.

    The experiment fits values and knots together from random knots, by least squares, and evaluates the deep network
    from its weights, randomly rescaled. Where $f''$ does not vanish the fit finds the same spline from every start, so
    that the seeds agree; across an inflection there are several, and the limit is approached more slowly.
    """

    target: Activation = field(Tanh(), "the function f of one variable, elementwise")
    low: float = field(0.5, "lower end a of the interval")
    high: float = field(4.0, "upper end b of the interval")

    defaults = Defaults(size="pieces", sizes=(6, 9, 14, 20), seeds=200, bias=2.0)
    references = References(
        source=BARROW_SMITH + "; " + YAROTSKY,
        status="proved",
        bibtex="""@article{BarrowSmith1978,
  author = {Barrow, D. L. and Smith, P. W.},
  title = {Asymptotic properties of best {$L_2[0,1]$} approximation by splines with variable knots},
  journal = {Quarterly of Applied Mathematics}, volume = {36}, pages = {293--304}, year = {1978}
}
@article{Yarotsky2017,
  author = {Yarotsky, Dmitry},
  title = {Error bounds for approximations with deep {ReLU} networks},
  journal = {Neural Networks}, volume = {94}, pages = {103--114}, year = {2017}
}""",
    )
    observables = {
        "error": Observable(r"n^2 \|f - s_n\|_2", "distance to the fitted spline with free knots, times n**2"),
        "equal_error": Observable(r"n^2 \|f - e_n\|_2", "the same with equally spaced knots"),
        "square": Observable(r"4^m \|x^2 - g_m\|_\infty", "error of the deep network for the square, times 4**depth"),
    }
    landmarks = (
        Landmark(
            dict(target=Activation.from_callable(square), low=0.0, high=1.0),
            "error",
            2 / math.sqrt(720),
            1e-10,
            "f'' = 2; " + BARROW_SMITH,
        ),
        Landmark(
            dict(target=Activation.from_callable(square), low=0.0, high=3.0),
            "equal_error",
            2 * 3**2.5 / math.sqrt(720),
            1e-9,
            "f'' = 2, best and equal knots coincide; " + BARROW_SMITH,
        ),
        Landmark({}, "square", 0.25, 1e-12, YAROTSKY),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.low, float) and isinstance(self.high, float) and not self.low < self.high:
            raise StatementError(f"`high` of ReLUSpline must be above `low` = {self.low}, but is {self.high}.")

    def check(self) -> None:
        x = np.linspace(self.low, self.high, 257)
        bend = self._bend(x)
        if not (np.isfinite(bend).all() and np.isfinite(np.asarray(self.target(x), float)).all()):
            raise NoLimit(f"`target` of ReLUSpline must be twice differentiable on [{self.low}, {self.high}].")
        if np.abs(bend).max() == 0:
            raise NoLimit(f"`target` of ReLUSpline must bend on [{self.low}, {self.high}], but is piecewise linear.")

    def valid(self) -> str | None:
        step = 1e-7 * (self.high - self.low)
        inside = [b for b in self.target.breaks() if self.low + step < b < self.high - step]
        for b in inside:
            before, after = self.target.derivative(np.array([b - step, b + step]))
            if abs(after - before) > 1e-4 * (1 + abs(before)):
                return f"the target has a kink or a jump at {b:g}: knots that do not meet it converge more slowly"
        bend = self._bend(np.linspace(self.low, self.high, 1025))
        if (bend == 0).any() or (np.sign(bend) != np.sign(bend[0])).any():
            return (
                "the target has an inflection: corrections to the limit fall slowly with n, and there are local minima"
            )
        return None

    def predict(self) -> dict[str, Any]:
        from ...numerics.adaptive import adaptive

        def integrands(x: np.ndarray, _: np.ndarray) -> np.ndarray:
            bend = self._bend(x)
            return np.stack([np.abs(bend) ** 0.4, bend**2])

        free, equal = adaptive(integrands, self._panels())[:, 0]
        return {
            "error": free**2.5 / math.sqrt(720),
            "equal_error": (self.high - self.low) ** 2 * math.sqrt(equal / 720),
            "square": 0.25,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.piecewise.free_knots import distance, fit_fixed_knots, fit_free_knots

        def target(x: np.ndarray) -> np.ndarray:
            return np.asarray(self.target(x), float)

        rng = generator(key)
        knots, heights = fit_free_knots(target, self.low, self.high, n, rng)
        even = np.linspace(self.low, self.high, n + 1)
        return {
            "error": round(n**2 * distance(target, knots, heights), DIGITS),
            "equal_error": n**2 * distance(target, even, fit_fixed_knots(target, even)),
            "square": square_error(max(1, round(math.log2(n))), rng),
        }

    def _bend(self, x: np.ndarray) -> np.ndarray:
        """The second derivative of the target."""
        import jax
        import jax.numpy as jnp

        at = jnp.asarray(x, float)
        return np.asarray(jax.jvp(self.target.derivative, (at,), (jnp.ones_like(at),))[1])

    def _panels(self) -> np.ndarray:
        """Ends of panels, (1, P), on which the second derivative does not change its sign."""
        from scipy.optimize import brentq

        x = np.linspace(self.low, self.high, 1025)
        sign = np.sign(self._bend(x))
        turns = [
            brentq(lambda y: float(self._bend(np.array([y]))[0]), x[i], x[i + 1], xtol=1e-14)
            for i in np.flatnonzero(sign[:-1] * sign[1:] < 0)
        ]
        breaks = [b for b in self.target.breaks() if self.low < b < self.high]
        return np.array([sorted({self.low, *turns, *x[sign == 0].tolist(), *breaks, self.high})])


def square_error(depth: int, rng: np.random.Generator) -> float:
    """4**depth times the largest error on [0, 1] of the network for the square, whose units are randomly rescaled.

    Three units a layer: two make the next zigzag g(x) = 2 relu(x) - 4 relu(x - 1/2), one keeps x - sum g_s / 4**s.
    """
    from ...algorithms.piecewise.linear_pieces import linear_pieces

    layers: list[tuple[np.ndarray, np.ndarray]] = []
    zigzag, rest = np.ones((1, 1)), np.ones((1, 1))  # the maps from the units before to the last zigzag and to the sum
    for level in range(depth):
        scale = rng.uniform(0.5, 2.0, 3)
        rows, offsets = np.concatenate([zigzag, zigzag, rest]), np.array([0.0, -0.5, 0.0])
        layers.append((scale[:, None] * rows, scale * offsets))
        zigzag = np.array([[2.0, -4.0, 0.0]]) / scale
        rest = np.array([[0.0, 0.0, 1.0]]) / scale - zigzag / 4.0 ** (level + 1)
    function = linear_pieces([*layers, (rest, np.zeros(1))], 0.0, 1.0)
    middle = (function.knots[:-1] + function.knots[1:]) / 2
    lines = (function.values[:-1, 0] + function.values[1:, 0]) / 2
    at_knots = np.abs(function.knots**2 - function.values[:, 0]).max()
    return float(4.0**depth * max(np.abs(middle**2 - lines).max(), at_knots))
