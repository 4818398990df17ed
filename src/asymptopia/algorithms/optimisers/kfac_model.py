"""K-FAC for a model of your own: an equinox module whose parameters are those of dense and convolutional layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ...numerics.arrays import ArrayLike, Key, PyTree
from .affine_layers import (
    affine_layers,
    check_layers,
    checked_samples,
    input_rows,
    joined,
    no_push,
    output_rows,
    passed,
    split,
)
from .interface import Solver
from .kfac import Layered, preconditioned
from .network import Parameters

if TYPE_CHECKING:
    from jaxtyping import Float, Real, Shaped

Loss = Callable[[Any, jax.Array], jax.Array]


def kfac_model(
    model: PyTree,
    loss: Loss,
    X: Real[ArrayLike, "n ..."],
    y: Shaped[ArrayLike, "n ..."],
    key: Key,
    *,
    batch: int | None = None,
    damping: float = 1.0,
    decay: float = 0.9,
) -> Solver:
    r"""K-FAC (see `kfac`) for an equinox model of one sample and any loss: `mean_i loss(y_i, model(x_i))`.

    model: called with one sample x; its parameters are those of `equinox.nn.Linear` and `equinox.nn.Conv` layers (of
    any dimension, stride, padding and dilation, with one group), each applied once a sample, whatever is between them.
    loss: of a label and the outputs of one sample, convex in these. X: shape (n, ...), y: n labels.

    The factors of a convolution are $A = \mathbb{E} \sum_t a_t a_t^T$ over its patches $a_t$ and
    $S = \frac1T \mathbb{E} \sum_t s_t s_t^T$ over the slopes at its T locations t. $A \otimes S$ is the Gauss-Newton
    matrix of the layer if slopes are independent of patches, uncorrelated between locations and alike at all of them
    (Grosse and Martens, ICML 33 (2016) 573). The patches of a batch are held at once: a kernel of k places needs k
    times the memory of the layer's inputs.

    The parameters of the solver are the arrays of the model, `equinox.filter(model, equinox.is_inexact_array)`;
    `equinox.combine(parameters, model)` is the model with them. No descent is guaranteed.

    Raises `StatementError` for parameters outside of these layers, for grouped convolutions, and for layers that are
    not applied once.

    key, batch, damping, decay: as in `kfac`.
    """
    X, y = checked_samples(X, y)
    check_layers(model, X[0], "K-FAC")
    static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    layered = Layered(
        partial(_moments, model, static, loss),
        lambda W, inputs: jax.vmap(eqx.combine(joined(W, model), static))(inputs),
        lambda labels, z: jax.vmap(jax.grad(loss, argnums=1))(labels, z),
        partial(split, model),
        lambda W, _: joined(W, model),
    )
    return preconditioned(layered, X, y, key, batch, damping, decay)


def _moments(
    model: PyTree,
    static: PyTree,
    loss: Loss,
    matrices: Parameters,
    X: Real[jax.Array, "n ..."],
    y: Shaped[jax.Array, "n ..."],
    key: Key,
) -> tuple[Float[jax.Array, ""], Parameters, Parameters, Parameters]:
    """Mean loss, its gradients, and the second moments of inputs and of sampled slopes of each layer."""
    whole = eqx.combine(joined(matrices, model), static)
    layers = affine_layers(whole)
    pushes = no_push(model, X[0])

    def sample(x: jax.Array, label: jax.Array, signs: jax.Array) -> Any:
        def outputs(push: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
            z, seen = passed(whole, push, x)
            return z, [input_rows(layer, applied.inputs) for layer, applied in zip(layers, seen, strict=True)]

        z, pull, inputs = jax.vjp(outputs, pushes, has_aux=True)
        value, slope = jax.value_and_grad(loss, argnums=1)(label, z)
        sampled = pull(_root(loss, label, z, signs))[0]
        return value, [output_rows(s) for s in pull(slope)[0]], [output_rows(s) for s in sampled], inputs

    z = jax.eval_shape(jax.vmap(whole), X)
    signs = jax.random.rademacher(key, z.shape, z.dtype)
    values, slopes, sampled, inputs = jax.vmap(sample)(X, y, signs)
    gradients = tuple(_product(a, s) for a, s in zip(inputs, slopes, strict=True))
    second = tuple(_product(a, a) for a in inputs)
    third = tuple(_product(s, s) / s.shape[1] for s in sampled)
    return values.mean(), gradients, second, third


def _product(
    a: Float[jax.Array, "samples locations inputs"], s: Float[jax.Array, "samples locations outputs"]
) -> Float[jax.Array, "inputs outputs"]:
    """The mean over samples of products of rows, summed over locations."""
    return jnp.einsum("ntj,ntk->jk", a, s) / len(a)


def _root(
    loss: Loss, label: Real[jax.Array, "..."], z: Float[jax.Array, "..."], signs: Float[jax.Array, "..."]
) -> Float[jax.Array, "..."]:
    """The root of the loss's Hessian in the outputs times random signs: its second moment is the Hessian."""
    if z.size == 1:
        curvature = jax.hessian(loss, argnums=1)(label, z).reshape(z.shape)
        return jnp.sqrt(jnp.maximum(curvature, 0.0)) * signs
    hessian = jax.hessian(loss, argnums=1)(label, z).reshape(z.size, z.size)
    values, vectors = jnp.linalg.eigh(hessian)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0.0))) @ vectors.T
    return (root @ signs.ravel()).reshape(z.shape)
