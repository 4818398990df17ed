"""Networks with a hidden layer as wide as samples: almost every critical point is a global minimum, of loss zero."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import StatementError, field
from ...numerics.arrays import Key
from ...parts.activation import Activation, Erf, Sigmoid, Softplus, Tanh

NGUYEN_HEIN = "Nguyen and Hein, ICML 2017, PMLR 70:2603, theorem 3.8"
ANALYTIC = (Tanh, Sigmoid, Softplus, Erf)
STEPS = 2000  # of training
MOST = 1500  # samples that there are


class WideNetworkLandscape(Law):
    r"""The critical points that training finds in a network with about as many hidden units as samples.

    The loss of $f(x) = W_L \sigma(\cdots \sigma(W_1 x + b_1) \cdots) + b_L$, with an analytic increasing activation, is
    $L = \frac{1}{2n} \sum_\mu (f(x_\mu) - y_\mu)^2$ on n different samples. The first hidden layer has
    $m = \lceil r n \rceil$ units, its features with a column of ones are $F = [\sigma(X W_1^T + b_1), 1]$, and the
    layers above do not widen. For almost all weights F has the rank $\min(n, m + 1)$, as $n \to \infty$

    $$\mathrm{rank}\, F / n \to \min(1, r) .$$

    With $m \ge n - 1$ a critical point where F and the weights further above have full rank is a global minimum, of
    loss zero: with one hidden layer

    $$\sigma_n(F)\, |f(X) - y| \le n\, |\nabla_{W_L, b_L} L|$$

    at any weights, and a product over the layers above with more. `residual_ratio` is the left side over the right one,
    at random weights; `train_loss` that at the end of training all weights, to a gradient of 1e-8, from random ones.

    The samples are n of the handwritten digits of scikit-learn, at random, of 64 pixels each, with labels +-1 for odd
    and even ones. Below r = 1 nothing is proved: that critical points have a loss then is seen, not predicted.
    """

    activation: Activation = field(Tanh(), "activation: Tanh, Sigmoid, Softplus or Erf")
    ratio: float = field(1.0, "units of the wide layer per sample, r", above=0, at_most=20)
    above: tuple[int, ...] = field((), "widths of the hidden layers above, none larger than the one before")

    defaults = Defaults(size="samples", sizes=(20, 40, 80), seeds=20)
    references = References(
        source=NGUYEN_HEIN,
        status="proved",
        bibtex="""@inproceedings{NguyenHein2017,
  author = {Nguyen, Quynh and Hein, Matthias},
  title = {The loss surface of deep and wide neural networks},
  booktitle = {Proceedings of the 34th International Conference on Machine Learning}, volume = {70},
  pages = {2603--2612}, year = {2017}
}""",
    )
    observables = {
        "feature_rank": Observable(
            r"\mathrm{rank} F/n", "rank of the features of the wide layer, per sample", self_averaging=True
        ),
        "train_loss": Observable("L", "loss where training ends", scale=0.5, self_averaging=True),
        "residual_ratio": Observable(
            r"\sigma_n |f - y|/n|\nabla L|", "norm of the residuals over its bound by the gradient", bound="every"
        ),
    }
    landmarks = (
        Landmark({}, "feature_rank", 1.0, 1e-12, NGUYEN_HEIN.replace("theorem 3.8", "lemma 4.4")),
        Landmark({}, "train_loss", 0.0, 1e-12, NGUYEN_HEIN),
        Landmark(dict(ratio=0.5), "feature_rank", 0.5, 1e-12, "m + 1 columns"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.above, tuple) and all(type(w) is int and w >= 1 for w in self.above)
        if not whole or any(a < b for a, b in pairwise(self.above)):
            raise StatementError(
                f"`above` of WideNetworkLandscape must be whole numbers >= 1 that do not increase, but is {self.above}."
            )

    def check(self) -> None:
        if type(self.activation) not in ANALYTIC:
            names = ", ".join(c.__name__ for c in ANALYTIC)
            raise NoLimit(
                f"`activation` of WideNetworkLandscape must be analytic and increasing ({names}), "
                f"but is {self.activation!r}."
            )

    def valid(self) -> str | None:
        if self.ratio < 1:
            return "with fewer units than samples nothing is proved of the loss at critical points"
        return None

    def predict(self) -> dict[str, Any]:
        return {"feature_rank": min(1.0, self.ratio), "train_loss": 0.0, "residual_ratio": 1.0}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...measure.intrinsic_dimension import numerical_rank

        if n > MOST:
            raise StatementError(f"`sizes` of WideNetworkLandscape must be at most {MOST} samples, but one is {n}.")
        rng = generator(key)
        X, y = digits(n, rng)
        shapes = self.shapes(n)
        start = np.concatenate([np.r_[rng.standard_normal(a * b) / math.sqrt(b), np.zeros(a)] for a, b in shapes])
        end = train(start, shapes, X, y, self.activation)
        layers = forward(end, shapes, X, self.activation)
        F = np.column_stack([layers[1][1], np.ones(n)])
        return {
            "feature_rank": numerical_rank(F)[0] / n,
            "train_loss": float(((layers[-1][1][:, 0] - y) ** 2).mean() / 2),
            "residual_ratio": residual_ratio(start, shapes, X, y, self.activation),
        }

    def shapes(self, n: int) -> list[tuple[int, int]]:
        """(units, inputs) of each layer for n samples."""
        widths = [64, max(math.ceil(self.ratio * n), *self.above, 1), *self.above, 1]
        return [(b, a) for a, b in pairwise(widths)]


def digits(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """n different images of the digits, pixels scaled to unit mean square, and +-1 for odd and even."""
    from sklearn.datasets import load_digits

    table = load_digits()
    X = table.data - table.data.mean(axis=0)
    chosen = rng.choice(len(X), n, replace=False)
    return X[chosen] / math.sqrt((X**2).mean()), np.where(table.target[chosen] % 2 == 1, 1.0, -1.0)


def forward(x: np.ndarray, shapes: list[tuple[int, int]], X: np.ndarray, activation: Activation) -> list[Any]:
    """(fields, values) of each layer, the inputs first, of the network with these parameters in a row."""
    layers: list[Any] = [(None, X)]
    for k, (W, b) in enumerate(unpack(x, shapes)):
        z = layers[-1][1] @ W.T + b
        layers.append((z, activation(z) if k < len(shapes) - 1 else z))
    return layers


def unpack(x: np.ndarray, shapes: list[tuple[int, int]]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The weights and biases of each layer in a row of parameters."""
    blocks, start = [], 0
    for a, b in shapes:
        blocks.append((x[start : start + a * b].reshape(a, b), x[start + a * b : start + a * b + a]))
        start += a * b + a
    return blocks


def jacobian(x: np.ndarray, shapes: list[tuple[int, int]], X: np.ndarray, activation: Activation) -> np.ndarray:
    """Derivatives (n, P) of the outputs."""
    layers, weights = forward(x, shapes, X, activation), unpack(x, shapes)
    back, parts = np.ones((len(X), 1)), []
    for k in range(len(shapes) - 1, -1, -1):
        parts.append(np.concatenate([(back[:, :, None] * layers[k][1][:, None]).reshape(len(X), -1), back], axis=1))
        if k:
            back = (back @ weights[k][0]) * activation.derivative(layers[k][0])
    return np.concatenate(parts[::-1], axis=1)


def train(
    x: np.ndarray,
    shapes: list[tuple[int, int]],
    X: np.ndarray,
    y: np.ndarray,
    activation: Activation,
    tolerance: float = 1e-8,
) -> np.ndarray:
    """Levenberg's and Marquardt's descent on all parameters until the gradient vanishes.

    Raises `NotSolved` if it does not.
    """
    from ...algorithms.checks import NotSolved

    n, damping = len(X), 1e-2
    residual = forward(x, shapes, X, activation)[-1][1][:, 0] - y
    for _ in range(STEPS):
        J = jacobian(x, shapes, X, activation)
        if np.linalg.norm(J.T @ residual) / n <= tolerance:
            return x
        K = J @ J.T
        while True:  # at last a step of any descent direction is short enough
            step = J.T @ np.linalg.solve(K + damping * np.trace(K) / n * np.eye(n), residual)
            ahead = forward(x - step, shapes, X, activation)[-1][1][:, 0] - y
            if ahead @ ahead < residual @ residual:
                x, residual, damping = x - step, ahead, max(0.2 * damping, 1e-12)
                break
            damping *= 5
            if damping > 1e12:
                raise NotSolved(f"Training found no step that lowers the loss at a gradient above {tolerance:g}.")
    raise NotSolved(f"Training did not reach a gradient of {tolerance:g} in {STEPS} steps.")


def residual_ratio(
    x: np.ndarray, shapes: list[tuple[int, int]], X: np.ndarray, y: np.ndarray, activation: Activation
) -> float:
    """The norm of the residuals, over its bound by the gradient of the layer above the wide one; 0 without a bound."""
    layers, weights = forward(x, shapes, X, activation), unpack(x, shapes)
    n = len(X)
    F = np.column_stack([layers[1][1], np.ones(n)])
    if F.shape[1] < n:
        return 0.0
    back = residual = layers[-1][1] - y[:, None]
    factor = float(np.linalg.svd(F, compute_uv=False)[-1])
    for k in range(len(shapes) - 1, 1, -1):
        slope = activation.derivative(layers[k][0])
        factor *= float(np.linalg.svd(weights[k][0], compute_uv=False)[-1]) * float(np.abs(slope).min())
        back = (back @ weights[k][0]) * slope
    return float(factor * np.linalg.norm(residual) / np.linalg.norm(back.T @ F))
