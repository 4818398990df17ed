"""Residual networks that descend: no distance grows, whatever the depth, if the step is small enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import ArrayLike, Key, PyTree
from ...numerics.compiled import compiled
from ...parts.activation import Activation, Tanh
from ...parts.architecture import Architecture, Dense
from .common import check_architecture, largest_slope, norm_of, operator_of, state_shape

if TYPE_CHECKING:
    import jax

RUTHOTTO_HABER = "Ruthotto and Haber, J. Math. Imaging Vis. 62 (2020) 352, theorem 1"
NESTEROV = "Nesterov, Introductory Lectures on Convex Optimization (2004), theorem 2.1.14"
PAIRS = 64


class Parabolic(Law):
    r"""A residual network whose layers are steps of steepest descent on convex functions.

    The layers are $y \mapsto y - h K^T \sigma(K y + b)$ with a monotone activation of slopes in [0, L], explicit steps
    of a diffusion $\dot y = -K^T \sigma(K y + b)$. A layer's derivative is $1 - h K^T D K$ with a diagonal D between 0
    and L, so that

    $$|y'_{k+1} - y_{k+1}| \le \max(1, 2 s - 1)\, |y'_k - y_k|, \qquad s = \frac{h L \|K\|^2}{2}:$$

    no distance grows, at any depth, while the step is at most the largest stable one, $s \le 1$, and distances do grow
    by $2 s - 1$ beyond it. `expansion` is the largest ratio met, over layers with weights of their own and over pairs,
    at random and along the direction that K stretches most.

    With the same weights in all n layers the network descends the convex function $F(y) = \sum S(K y + b)$,
    $S' = \sigma$, and for $s < 1$

    $$F(y_n) - \min F \le \frac{2 (F(y_0) - \min F) |y_0 - y^*|^2}
      {2 |y_0 - y^*|^2 + n h (2 - h L \|K\|^2) (F(y_0) - \min F)} ;$$

    `decay` is the left side over the right one, with b = 0 and y* the nearest point that K maps to zero.
    No limit depends on `stability` below one, beyond which `valid` warns: a wrong step shows where it exceeds one.
    """

    activation: Activation = field(Tanh(), "activation, monotone, of bounded slope, zero at zero")
    stability: float = field(0.9, "step h over the largest stable one, s", above=0, at_most=2)
    features: int = field(12, "numbers in a state, or the side of the square images of a convolutional one", at_least=1)
    hidden: int = field(8, "rows of K, or channels that a convolution makes", at_least=1)
    architecture: Architecture = field(Dense(), "dense or convolutional layers (of `channels` periodic images)")

    defaults = Defaults(size="layers", sizes=(1, 10, 100), seeds=60)
    references = References(
        source=RUTHOTTO_HABER + "; " + NESTEROV,
        status="proved",
        bibtex="""@article{RuthottoHaber2020,
  author = {Ruthotto, Lars and Haber, Eldad},
  title = {Deep neural networks motivated by partial differential equations},
  journal = {Journal of Mathematical Imaging and Vision}, volume = {62}, pages = {352--364}, year = {2020}
}
@book{Nesterov2004,
  author = {Nesterov, Yurii},
  title = {Introductory Lectures on Convex Optimization: A Basic Course},
  publisher = {Kluwer}, year = {2004}
}""",
    )
    observables = {
        "expansion": Observable(
            r"\max |y'_{k+1} - y_{k+1}|/|y'_k - y_k|", "largest growth of a distance", bound="every"
        ),
        "decay": Observable(r"(F - F^*)/B_n", "what is left of the energy, over its bound", bound="every"),
    }
    landmarks = (
        Landmark({}, "expansion", 1.0, 1e-12, RUTHOTTO_HABER),
        Landmark(dict(stability=1.25), "expansion", 1.5, 1e-12, "the largest |1 - 2 s| of 1 - h K^T D K"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_architecture(self)

    def check(self) -> None:
        low, high = largest_slope(self.activation)
        if not (low >= -1e-12 and 0 < high < 1e6):
            raise NoLimit(
                f"`activation` of Parabolic must be monotone and of bounded slope, but {self.activation!r} has slopes "
                f"from {low:.4g} to {high:.4g}."
            )
        if abs(float(np.asarray(self.activation(np.zeros(1)), float)[0])) > 1e-12:
            raise NoLimit(f"`activation` of Parabolic must be zero at zero, but {self.activation!r} is not.")

    def valid(self) -> str | None:
        if self.stability >= 1:
            return (
                "the step is at the largest stable one or beyond it: distances may grow and the energy need not decay"
            )
        return None

    def predict(self) -> dict[str, Any]:
        return {"expansion": max(1.0, 2 * self.stability - 1), "decay": 1.0 if self.stability < 1 else np.inf}

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        _, slope = largest_slope(self.activation)
        shapes = (self.architecture, self.features, self.hidden, n)
        return {k: np.asarray(v) for k, v in _observed(keys, self.stability, self.activation, slope, *shapes).items()}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}


@compiled("activation", "slope", "architecture", "features", "hidden", "n")
def _observed(
    keys: Key,
    share: ArrayLike,
    activation: Activation,
    slope: float,
    architecture: Architecture,
    features: int,
    hidden: int,
    n: int,
) -> Any:
    import jax
    import jax.numpy as jnp

    from ...algorithms.pde_networks import Parabolic as Layer

    shape = state_shape(architecture, features)

    def layer(key: Key) -> Layer:
        operator = operator_of(architecture, features, hidden, key)
        norm = norm_of(architecture, features, operator)
        return Layer(operator, 2 * share / (slope * norm**2), activation, slope)

    def worst(made: Layer) -> Any:
        """A pair about zero along the direction that K stretches most."""
        matrix = jax.jacobian(lambda v: made.operator(v.reshape(shape)).ravel())(jnp.zeros(int(np.prod(shape))))
        direction = jnp.linalg.svd(matrix, full_matrices=False)[2][0].reshape(shape)
        return 1e-4 * jnp.stack([direction, -direction])[:, None]

    def expansion(key: Key) -> Any:
        def one(pairs: jax.Array, key: Key) -> Any:
            first, second = jax.random.split(key)
            made = layer(first)
            bent = Layer(made.operator, made.step, activation, slope)
            bias = jax.random.normal(second, made.bias.shape)
            moved, after = _ratios(_with_bias(bent, bias), pairs)
            return after, jnp.maximum(moved, _ratios(made, worst(made))[0])

        start, key = jax.random.split(key)
        pairs = jax.random.normal(start, (2, PAIRS, *shape))
        return jax.lax.scan(one, pairs, jax.random.split(key, n))[1].max()

    def decay(key: Key) -> Any:
        first, second = jax.random.split(key)
        made = layer(first)
        start = 3 * jax.random.normal(second, shape)
        matrix = jax.jacobian(lambda v: made.operator(v.reshape(shape)).ravel())(start.ravel())
        distance = jnp.sum((jnp.linalg.pinv(matrix) @ (matrix @ start.ravel())) ** 2)
        end = jax.lax.fori_loop(0, n, lambda _, y: made(y), start)
        begun, left = made.energy(start), made.energy(end)
        gain = n * made.step * 2 * (1 - share)
        return left * (2 * distance + gain * begun) / (2 * begun * distance)

    def both(key: Key) -> dict[str, Any]:
        first, second = jax.random.split(key)
        return {"expansion": expansion(first), "decay": decay(second)}

    return jax.lax.map(both, keys)


def _ratios(layer: PyTree, pairs: jax.Array) -> Any:
    """The largest factor by which a layer moves two states apart, and where the pairs (2, count, ...) are then."""
    import jax
    import jax.numpy as jnp

    after = jax.vmap(jax.vmap(layer))(pairs)
    before, now = (jnp.sqrt(((p[0] - p[1]) ** 2).reshape(p.shape[1], -1).sum(axis=1)) for p in (pairs, after))
    apart = before > 1e-9 * jnp.sqrt((pairs**2).sum())  # what is closer is round-off
    return jnp.where(apart, now / before, 0.0).max(), after


def _with_bias(layer: PyTree, bias: ArrayLike) -> Any:
    import equinox as eqx

    return eqx.tree_at(lambda made: made.bias, layer, bias)
