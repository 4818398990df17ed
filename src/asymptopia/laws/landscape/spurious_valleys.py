"""Valleys of the loss of a network with one hidden layer: none if it is wide enough, a trap if it is not."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, check_increasing, field
from ...numerics.arrays import Key
from ...parts.activation import Activation, Power

VENTURI = "Venturi, Bandeira and Bruna, J. Mach. Learn. Res. 20 (2019) 133"
RUNS = 12
STEPS, CAP = 3000, 0.05
NEGLIGIBLE = 1e-8


class SpuriousValleys(Law):
    r"""A network with one hidden layer and a polynomial activation has no spurious valleys once it is wide enough.

    The loss of $f(x) = \sum_{j \le p} u_j \sigma(w_j \cdot x)$ is $\frac1{2n} \sum_\mu (f(x_\mu) - y_\mu)^2$ on n
    samples with standard normal inputs in d dimensions and $y = \sigma(x_1) - c\, \sigma(x_2) + \sqrt{\Delta}\, \xi$.
    A spurious valley is a connected component of a sublevel set without a global minimum. The functions
    $\sigma(w \cdot x)$ span the intrinsic dimension

    $$D = \sum_{k: a_k \ne 0} \binom{d + k - 1}{k}, \qquad \sigma(z) = \sum_k a_k z^k,$$

    and with $p \ge D$ there are no spurious valleys: from everywhere a path leads to the global minimum along which
    the loss never rises. With p = 1 and $\sigma(z) = z^k$, k even, there is one: to change the sign of u the loss must
    pass that of the zero function, and below it on the side of $u < 0$ the least loss is, as $n \to \infty$,

    $$L_- = L_0 - \frac{(c K_1 - K_0)^2}{2 K_1}, \qquad L_0 = \frac{(1 + c^2) K_1 - 2 c K_0 + \Delta}{2}, \qquad
      K_1 = (2k - 1)!!, \quad K_0 = (k - 1)!!^2,$$

    above the global minimum, $L_0 - (K_1 - c K_0)^2 / 2 K_1$, if $K_0 / K_1 < c < 1$.

    `barrier_height` is by how much the loss must rise on the way from a trap, or rises on the constructed path from
    random weights, over $L_0$, for each of the `widths`. `trapped_fraction` is the share of runs that do not reach the
    global minimum: of gradient descent from $u^2 \ge |w|^2 / k$, which keeps the sign of u as gradient flow conserves
    $u^2 - |w|^2 / k$, for p = 1; of constructed paths for $p \ge D$.
    """

    activation: Activation = field(Power(2), "activation, a polynomial; z**k with k even for a width of 1")
    inputs: int = field(2, "dimension d of the inputs", at_least=2)
    widths: tuple[int, ...] = field((1, 3), "hidden units: 1, or at least the intrinsic dimension; increasing")
    contrast: float = field(0.7, "weight c of the second unit of the target", at_least=0, below=1)
    noise: float = field(0.1, "variance of the noise", at_least=0)

    defaults = Defaults(size="samples", sizes=(2000, 8000), seeds=60, block=20)
    references = References(
        source=VENTURI,
        status="proved",
        bibtex="""@article{VenturiBandeiraBruna2019,
  author = {Venturi, Luca and Bandeira, Afonso S. and Bruna, Joan},
  title = {Spurious valleys in one-hidden-layer neural network optimization landscapes},
  journal = {Journal of Machine Learning Research}, volume = {20}, number = {133}, pages = {1--34}, year = {2019}
}""",
    )
    observables = {
        "barrier_height": Observable(
            r"\Delta L/L_0",
            "rise of the loss on the way to the global minimum, over that of the zero function",
            dims=("width",),
            resolution=0.1,
            self_averaging=True,
        ),
        "trapped_fraction": Observable(
            "p_t", "share of runs that miss the global minimum", dims=("width",), scale=1.0, resolution=0.15
        ),
        "intrinsic_dimension": Observable(
            "D", "dimension of the span of the units, a rank on the samples", self_averaging=True
        ),
    }
    exercises = (dict(contrast=0.6, noise=2.5),)
    landmarks = (
        Landmark(
            dict(inputs=4, widths=(1, 10)),
            "intrinsic_dimension",
            10.0,
            1e-12,
            "10 quadratic monomials of 4 variables; " + VENTURI,
        ),
        Landmark(dict(noise=0.0), "barrier_height", 1.21 / 9.21, 1e-12, "(2.1 - 1)**2 / 3 of 3.07, by hand", at=(0,)),
        Landmark(
            {}, "barrier_height", 0.0, 1e-12, VENTURI + ": no spurious valleys from the intrinsic dimension on", at=(1,)
        ),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_increasing(self, "widths", "whole numbers >= 1 that increase", at_least=1)
        if not all(type(p) is int for p in self.widths):
            raise StatementError(f"`widths` of SpuriousValleys must be whole numbers, but is {self.widths}.")

    def check(self) -> None:
        D = self.dimension()
        if math.isinf(D):
            raise NoLimit(
                f"`activation` of SpuriousValleys must be a polynomial, of which the intrinsic dimension is finite, "
                f"but is {self.activation!r}: Power, PolynomialUnit or Identity."
            )
        for p in self.widths:
            if p > 1 and p < D:
                raise NoLimit(
                    f"`widths` of SpuriousValleys must be 1 or at least {int(D)}, the intrinsic dimension, but has {p}."
                )
        if self.widths[0] == 1 < D and not self.trap():
            raise NoLimit(
                f"`activation` of SpuriousValleys must be a Power of even degree for a trap at a width of 1, "
                f"but is {self.activation!r}."
            )

    def valid(self) -> str | None:
        if self.widths[0] == 1 and self.trap():
            high, low = moments(self.activation.degree)  # type: ignore[attr-defined]
            if self.contrast <= low / high:
                return f"the spurious valley exists only for a contrast above {low / high:.6g}"
        return None

    def trap(self) -> bool:
        """Whether units of one sign do not make up for those of the other."""
        return isinstance(self.activation, Power) and self.activation.degree % 2 == 0

    def dimension(self) -> float:
        from ...measure.intrinsic_dimension import intrinsic_dimension

        return intrinsic_dimension(self.activation, int(self.inputs))

    def predict(self) -> dict[str, Any]:
        D = self.dimension()
        wide = np.array([p >= D for p in self.widths])
        barrier = 0.0
        if not wide.all():
            high, low = moments(self.activation.degree)  # type: ignore[attr-defined]
            zero = (1 + self.contrast**2) * high - 2 * self.contrast * low + self.noise
            barrier = max(0.0, self.contrast * high - low) ** 2 / high / zero
        return {
            "barrier_height": np.where(wide, 0.0, barrier),
            "trapped_fraction": np.where(wide, 0.0, 0.5),
            "intrinsic_dimension": D,
        }

    def coords(self) -> dict[str, Any]:
        return {"width": np.array(self.widths)}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...measure.intrinsic_dimension import numerical_rank

        rng = generator(key)
        X = rng.standard_normal((n, self.inputs))
        y = self.activation(X[:, 0]) - self.contrast * self.activation(X[:, 1])
        y = y + math.sqrt(self.noise) * rng.standard_normal(n)
        many = self.activation(X @ rng.standard_normal((100, self.inputs)).T)
        rows = [self.trapped(X, y, rng) if p == 1 and self.trap() else self.escapes(p, X, y, rng) for p in self.widths]
        return {
            "barrier_height": [r[0] for r in rows],
            "trapped_fraction": [r[1] for r in rows],
            "intrinsic_dimension": numerical_rank(many / np.linalg.norm(many, axis=0))[0],
        }

    def escapes(self, p: int, X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
        """The largest rise along constructed paths from random weights, and the share that miss the least squares."""
        from ...algorithms.landscape.descent_path import descent_path

        features = self.activation(X @ rng.standard_normal((4 * int(max(self.dimension(), 1)), self.inputs)).T)
        best = ((features @ np.linalg.lstsq(features, y, rcond=None)[0] - y) ** 2).mean() / 2
        zero, rises, missed = (y**2).mean() / 2, [], 0
        for _ in range(RUNS):
            W, u = rng.standard_normal((p, self.inputs)), -np.abs(rng.standard_normal(p))
            along = descent_path(W, u, X, y, self.activation, rng).losses(X, y, self.activation)
            rises.append((along - np.minimum.accumulate(along)).max() / zero)
            missed += along[-1] > best + NEGLIGIBLE * zero
        return float(max(rises)), missed / RUNS

    def trapped(self, X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
        """How far below the zero function gradient descent ends in the higher of two valleys, and how often it does."""
        W = rng.standard_normal((RUNS, self.inputs)) / math.sqrt(self.inputs)
        u = rng.choice([-1.0, 1.0], RUNS) * (np.linalg.norm(W, axis=1) + 0.1)
        W[0], W[1], u[0], u[1] = W[0], W[0], abs(u[0]), -abs(u[0])  # either sign at least once
        end = descend_units(W, u, X, y, self.activation)
        zero = (y**2).mean() / 2
        high = end > end.min() + 1e-3 * zero
        return float((zero - end[high].min()) / zero) if high.any() else 0.0, float(high.mean())


def descend_units(W: np.ndarray, u: np.ndarray, X: np.ndarray, y: np.ndarray, activation: Activation) -> np.ndarray:
    """Half the mean squared error where gradient descent of each network of one unit (R,) ends, by short steps."""

    def loss(W: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        z = X @ W.T
        value = np.asarray(activation(z), float)
        residual = value * u - y[:, None]
        slope = residual * np.asarray(activation.derivative(z), float) * u
        return (residual**2).mean(axis=0) / 2, slope.T @ X / len(y), (residual * value).mean(axis=0)

    rate = np.full(len(u), 0.01)
    now, dW, du = loss(W, u)
    for _ in range(STEPS):
        length = np.sqrt((dW**2).sum(axis=1) + du**2)
        size = np.sqrt((W**2).sum(axis=1) + u**2)
        if (length <= 1e-7 * (1 + size)).all():
            break
        step = np.minimum(rate, CAP * size / np.maximum(length, 1e-300))
        V, v = W - step[:, None] * dW, u - step * du
        ahead, dV, dv = loss(V, v)
        better = ahead <= now
        W, u = np.where(better[:, None], V, W), np.where(better, v, u)
        dW, du = np.where(better[:, None], dV, dW), np.where(better, dv, du)
        now, rate = np.where(better, ahead, now), rate * np.where(better, 1.2, 0.4)
    return now


def moments(k: int) -> tuple[float, float]:
    """E z**2k and (E z**k)**2 for z standard normal, k even."""
    return float(math.prod(range(1, 2 * k, 2))), float(math.prod(range(1, k, 2)) ** 2)
