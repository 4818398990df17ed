"""The tangent kernel of a given network, layer by layer, without its Jacobian."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..contract.record import StatementError
from ..numerics.arrays import ArrayLike
from ..numerics.compiled import compiled

if TYPE_CHECKING:
    import jax
    from jaxtyping import Float, Real

Layers = Sequence[tuple[Any, Any]]


def network_tangent_kernel(
    layers: Layers,
    activation: Callable[[Any], Any],
    X: Real[ArrayLike, "N d"],
    Y: Real[ArrayLike, "M d"] | None = None,
    factors: Sequence[tuple[float, float]] | None = None,
) -> Float[jax.Array, "N M C C"]:
    r"""The tangent kernel $\Theta_{cd}(x, y) = \nabla f_c(x) \cdot \nabla f_d(y)$ of a dense network, (N, M, C, C).

    The gradient of an output in the weights of a layer is the outer product of the layer's input h and the derivative
    $\delta$ of the output in its preactivations, so that

    $$\Theta_{cd}(x, y) = \sum_l (s_l^2 \, h_l(x) \cdot h_l(y) + t_l^2) \, \delta_l^c(x) \cdot \delta_l^d(y).$$

    layers:     (W, b) of each layer, from the first to the last: W (outputs, inputs) and b (outputs,).
    activation: an elementwise function of JAX arrays, between layers.
    X, Y:       inputs (N, d) and (M, d); Y is X by default.
    factors:    (s_l, t_l) of each layer: W is s_l and b is t_l times the trained parameters (in the tangent
                parametrisation sqrt(weight_variance / inputs) and sqrt(bias_variance)); 1 by default.

    Raises `StatementError` if shapes do not fit, or something is not finite.
    """
    import jax.numpy as jnp

    X = jnp.asarray(X, float)
    layers = [(jnp.asarray(W, float), jnp.asarray(b, float)) for W, b in layers]
    factors = [(1.0, 1.0)] * len(layers) if factors is None else list(factors)
    _check(layers, X, factors)
    if Y is None:
        return _kernel(activation, layers, factors, X)
    Y = jnp.asarray(Y, float)
    _check(layers, Y, factors)
    return _kernel(activation, layers, factors, X, Y)


def _check(layers: Layers, X: Float[jax.Array, "N d"], factors: Sequence[tuple[float, float]]) -> None:
    if not layers:
        raise StatementError("`layers` must have at least one layer (W, b), but is empty.")
    if len(factors) != len(layers):
        raise StatementError(
            f"`factors` must have one pair for each of the {len(layers)} layers, but has {len(factors)}."
        )
    if X.ndim != 2 or 0 in X.shape:
        raise StatementError(f"Inputs must be an array (number, dimension), but have the shape {X.shape}.")
    width = X.shape[1]
    for k, (W, b) in enumerate(layers):
        if W.ndim != 2 or W.shape[1] != width or b.shape != W.shape[:1] or 0 in W.shape:
            raise StatementError(
                f"Layer {k} must have W of shape (outputs, {width}) and b of shape (outputs,), with at least one "
                f"output, but they have the shapes {W.shape} and {b.shape}."
            )
        width = W.shape[0]
    if not all(np.isfinite(np.asarray(a)).all() for pair in [*layers, (X, X)] for a in pair):
        raise StatementError("Weights, biases and inputs must be finite, but there is a nan or an infinity.")


@compiled("activation")
def _kernel(
    activation: Any, layers: Any, factors: Any, X: Float[jax.Array, "N d"], Y: Float[jax.Array, "M d"] | None = None
) -> Float[jax.Array, "N M C C"]:
    first = passes(layers, activation, X)
    return contracted(first, first if Y is None else passes(layers, activation, Y), factors)


def passes(layers: Layers, activation: Callable[[Any], Any], X: Real[Any, "N d"]) -> list[tuple[Any, Any]]:
    """Of each layer: its input, (N, inputs), and the derivatives of the outputs in its preactivations, (N, C, outputs).

    Traceable by JAX.
    """
    import jax
    import jax.numpy as jnp

    entering, slopes = [X], []
    for W, b in layers[:-1]:
        z = entering[-1] @ W.T + b
        value, slope = jax.jvp(activation, (z,), (jnp.ones_like(z),))
        entering.append(value)
        slopes.append(slope)
    count = layers[-1][0].shape[0]
    back = [jnp.broadcast_to(jnp.eye(count), (len(X), count, count))]
    for (W, _), slope in zip(reversed(layers[1:]), reversed(slopes), strict=True):
        back.append((back[-1] @ W) * slope[:, None, :])
    return list(zip(entering, reversed(back), strict=True))


def contracted(first: Any, second: Any, factors: Any) -> Any:
    """The kernel (N, M, C, C) of two sets of inputs from their `passes`."""
    total = 0.0
    for (h, d), (k, e), (s, t) in zip(first, second, factors, strict=True):
        N, C, width = d.shape
        backward = (d.reshape(N * C, width) @ e.reshape(-1, width).T).reshape(N, C, -1, C)
        total = total + (s**2 * h @ k.T + t**2)[:, None, :, None] * backward
    return total.transpose(0, 2, 1, 3)  # type: ignore[attr-defined]
