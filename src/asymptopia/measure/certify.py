"""Theorems on the loss landscape, for your own network and data: their hypotheses are checked one by one."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..parts.activation import Activation, Erf, Sigmoid, Softplus, Tanh
from .intrinsic_dimension import coefficients, intrinsic_dimension, numerical_rank

if TYPE_CHECKING:
    from jaxtyping import Float, Real

MARGIN = 1e3
MONOTONE = (Tanh, Sigmoid, Softplus, Erf)


@dataclasses.dataclass(frozen=True)
class Condition:
    """A hypothesis of a theorem: what must hold, whether it holds, and the value measured."""

    must: str
    holds: bool
    actual: str


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The statement of a theorem, and its hypotheses; it `holds` if all of them hold."""

    name: str
    says: str
    conditions: tuple[Condition, ...]
    source: str

    @property
    def holds(self) -> bool:
        return all(c.holds for c in self.conditions)

    def __str__(self) -> str:
        lines = [f"{self.name}: {'holds' if self.holds else 'does not hold'}. {self.says} ({self.source})"]
        lines += [f"  {'yes' if c.holds else 'no '}  {c.must}: {c.actual}" for c in self.conditions]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Certificates:
    """The certificates of a network with its data.

    critical_points: at a critical point with these features the loss is zero (Nguyen and Hein).
    valleys:         there are no spurious valleys, wherever the weights are (Venturi, Bandeira and Bruna).
    feature_rank:    the rank of the features of the wide layer, with a column of ones if the layer above has a bias.
    margin:          the smallest singular value that counts towards the rank, over its round-off.
    sensitivity:     at these weights the norm of the residuals is at most sensitivity * N * |gradient|, with N samples
                     and the gradient of half the mean squared error; inf where the first certificate fails.
    """

    critical_points: Certificate
    valleys: Certificate
    feature_rank: int
    margin: float
    sensitivity: float


def certify(
    weights: Sequence[Real[Any, "_rows _columns"]],
    X: Real[Any, "N inputs"],
    y: Real[Any, "N ..."],
    activation: Activation,
    biases: Sequence[Real[Any, " _units"]] | None = None,
) -> Certificates:
    r"""The certificates of $f(x) = W_L \sigma(\cdots \sigma(W_1 x + b_1) \cdots) + b_L$ on samples, for squared loss.

    weights:    $W_l$, (n_l, n_{l-1}), of at least two layers, from the first to the last.
    X, y:       the samples, (N, n_0), and their labels, (N,) or (N, n_L).
    activation: of the hidden layers.
    biases:     $b_l$, (n_l,), of each layer; None for a network without biases.

    Nguyen and Hein (ICML 2017, theorem 3.8): a critical point is a global minimum of loss zero if the activation is
    analytic and increasing (Tanh, Sigmoid, Softplus, Erf), a hidden layer has at least N units, its features have rank
    N, and the layers above have weights of full rank and do not widen. Ranks count only singular values a thousand
    times above round-off.

    Venturi, Bandeira and Bruna (J. Mach. Learn. Res. 20 (2019) 133): with one hidden layer of at least N units, or at
    least as many as the intrinsic dimension of the activation, the loss has no spurious valleys.
    """
    W, b, X = _checked(weights, biases, X, y)
    if not isinstance(activation, Activation):
        raise StatementError(f"`activation` must be an Activation, such as Tanh(), but is {activation!r}.")
    layers = _features(W, b, X, activation)
    k = _wide_layer([len(w) for w in W[:-1]], len(X) - (b is not None))
    features = layers[k + 1][1] if b is None else np.column_stack([layers[k + 1][1], np.ones(len(X))])
    rank, margin = numerical_rank(features)
    critical = _nguyen_hein(W, b is not None, k, X, (rank, margin), activation)
    sensitivity = _sensitivity(W, k, layers, features, activation) if critical.holds else math.inf
    return Certificates(critical, _venturi(W, b, X, activation), rank, margin, sensitivity)


def _wide_layer(widths: list[int], needed: int) -> int:
    """The last hidden layer that is wide enough, or else the widest."""
    enough = [k for k, width in enumerate(widths) if width >= needed]
    return enough[-1] if enough else int(np.argmax(widths))


def _nguyen_hein(
    W: list[Float[np.ndarray, "_rows _columns"]],
    bias: bool,
    k: int,
    X: Float[np.ndarray, "N d"],
    features_rank: tuple[int, float],
    activation: Activation,
) -> Certificate:
    N, widths = len(X), [len(w) for w in W]
    needed, (rank, margin), above = N - bias, features_rank, widths[k + 1 :]
    ranks = [numerical_rank(w) for w in W[k + 2 :]]
    full = [r == min(w.shape) and m >= MARGIN for (r, m), w in zip(ranks, W[k + 2 :], strict=True)]
    falling = all(a >= c for a, c in pairwise(above))
    gap = _closest(X)
    names = ", ".join(c.__name__ for c in MONOTONE)
    conditions = (
        Condition(
            f"the activation is analytic and increasing ({names})", type(activation) in MONOTONE, repr(activation)
        ),
        Condition("the samples are different", gap > 0, f"the closest two are {gap:.3g} apart"),
        Condition(f"a hidden layer has at least {needed} units", widths[k] >= needed, f"layer {k + 1} has {widths[k]}"),
        Condition("the layers above do not widen", falling, f"their widths are {above}"),
        Condition(
            f"the features of that layer have rank {N}, {MARGIN:g} times above round-off",
            rank == N and margin >= MARGIN,
            f"rank {rank}, {margin:.3g} times above",
        ),
        Condition("the weights further above have full rank", all(full), f"ranks {[r for r, _ in ranks]}"),
    )
    says = "Where the gradient vanishes, with features as they are here, the loss is zero."
    source = "Nguyen and Hein, ICML 2017, theorem 3.8"
    return Certificate("Every critical point a global minimum", says, conditions, source)


def _venturi(
    W: list[Float[np.ndarray, "_rows _columns"]],
    b: list[Float[np.ndarray, " _units"]] | None,
    X: Float[np.ndarray, "N d"],
    activation: Activation,
) -> Certificate:
    dimension = intrinsic_dimension(activation, X.shape[1], bias=b is not None)
    distinct = len(np.unique(X, axis=0))
    needed = int(min(dimension, distinct))
    kind = "a polynomial" if coefficients(activation) is not None else "not a polynomial, so that samples count"
    conditions = (
        Condition("there is one hidden layer", len(W) == 2, f"there are {len(W) - 1}"),
        Condition("the activation is continuous", _continuous(activation), repr(activation)),
        Condition(
            f"it has at least {needed} units, the dimension that they span",
            len(W[0]) >= needed,
            f"{len(W[0])}; intrinsic dimension {dimension:g} ({kind}), {distinct} different samples",
        ),
    )
    says = "From everywhere a path leads to a global minimum along which the loss does not rise."
    source = "Venturi, Bandeira and Bruna, J. Mach. Learn. Res. 20 (2019) 133"
    return Certificate("No spurious valleys", says, conditions, source)


def _continuous(activation: Activation) -> bool:
    at = np.asarray(activation.breaks(), float)
    left, right = activation(at - 1e-9), activation(at + 1e-9)
    return bool(np.all(np.abs(right - left) <= 1e-6 * (1 + np.abs(left)))) if len(at) else True


def _features(
    W: list[Float[np.ndarray, "_rows _columns"]], b: Any, X: Float[np.ndarray, "N d"], activation: Any
) -> list[Any]:
    """(fields, values) of every layer, the inputs first; the last layer is linear."""
    layers: list[Any] = [(None, X)]
    for k, w in enumerate(W):
        z = layers[-1][1] @ w.T + (b[k] if b is not None else 0.0)
        with np.errstate(all="ignore"):
            layers.append((z, np.asarray(activation(z), float) if k < len(W) - 1 else z))
        if not np.isfinite(layers[-1][1]).all():
            raise StatementError(f"The values of layer {k + 1} must be finite, but overflow at these weights.")
    return layers


def _sensitivity(
    W: list[Float[np.ndarray, "_rows _columns"]],
    k: int,
    layers: list[Any],
    features: Float[np.ndarray, "N units"],
    activation: Any,
) -> float:
    """The gradient above layer k is D.T @ features / N, D the residuals pulled back, each step bounded below."""
    factor = float(np.linalg.svd(features, compute_uv=False)[len(features) - 1])
    for j in range(k + 2, len(W)):
        slope = float(np.abs(activation.derivative(layers[j][0])).min())
        factor *= slope * float(np.linalg.svd(W[j], compute_uv=False)[-1])
    return 1 / factor if factor > 0 else math.inf


def _closest(X: Float[np.ndarray, "N d"]) -> float:
    from scipy.spatial import KDTree

    return float(KDTree(X).query(X, k=2)[0][:, 1].min()) if len(X) > 1 else math.inf


def _checked(
    weights: Sequence[Real[Any, "_rows _columns"]],
    biases: Any,
    X: Real[Any, "N inputs"],
    y: Real[Any, "N ..."],
) -> tuple[list[Float[np.ndarray, "_below _above"]], Any, Float[np.ndarray, "N inputs"]]:
    W = [np.asarray(w, float) for w in weights]
    X, Y = np.asarray(X, float), np.asarray(y, float)
    Y = Y[:, None] if Y.ndim == 1 else Y
    if len(W) < 2:
        raise StatementError(f"`weights` must hold at least two layers, but holds {len(W)}.")
    if X.ndim != 2 or X.size == 0 or Y.shape != (len(X), len(W[-1])):
        raise StatementError(
            f"`X` and `y` must have shapes (N, d) and (N, {len(W[-1])}), but have {X.shape} and {Y.shape}."
        )
    before = X.shape[1]
    for k, w in enumerate(W):
        if w.ndim != 2 or w.shape[0] == 0 or w.shape[1] != before:
            raise StatementError(
                f"`weights[{k}]` must have shape (units >= 1, {before}), but has {w.shape}: a layer of width zero, "
                "or one that does not fit the one before."
            )
        before = w.shape[0]
    b = None if biases is None else [np.asarray(v, float) for v in biases]
    if b is not None and [v.shape for v in b] != [(len(w),) for w in W]:
        raise StatementError(
            f"`biases` must have shapes {[(len(w),) for w in W]}, one a layer, but have {[v.shape for v in b]}."
        )
    for name, arrays in (("weights", W), ("biases", b or []), ("X", [X]), ("y", [Y])):
        for k, a in enumerate(arrays):
            if not np.isfinite(a).all():
                where = f"{name}[{k}]" if name in ("weights", "biases") else name
                raise StatementError(
                    f"`{where}` must be finite, but has {np.sum(~np.isfinite(a))} entries that are not."
                )
    return W, b, X
