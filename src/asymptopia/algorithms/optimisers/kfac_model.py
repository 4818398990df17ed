"""K-FAC for a model of your own: an equinox module whose parameters are those of its linear layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .interface import Solver
from .kfac import Layered, preconditioned
from .network import Parameters, check_finite

if TYPE_CHECKING:
    from jaxtyping import Float

Loss = Callable[[Any, jax.Array], jax.Array]


def kfac_model(
    model: PyTree,
    loss: Loss,
    X: ArrayLike,
    y: ArrayLike,
    key: Key,
    *,
    batch: int | None = None,
    damping: float = 1.0,
    decay: float = 0.9,
) -> Solver:
    """K-FAC (see `kfac`) for an equinox model of one sample and any loss: `mean_i loss(y_i, model(x_i))`.

    model: called with one sample x; its parameters are those of `equinox.nn.Linear` layers, each applied once a sample,
    whatever is between them. loss: of a label and the outputs of one sample, convex in these. X: shape (n, ...), y: n
    labels.

    The parameters of the solver are the arrays of the model, `equinox.filter(model, equinox.is_inexact_array)`;
    `equinox.combine(parameters, model)` is the model with them. No descent is guaranteed.

    Raises `StatementError` for parameters outside of linear layers, and for layers that are not applied once.

    key, batch, damping, decay: as in `kfac`.
    """
    X, y = jnp.asarray(X), jnp.asarray(y)
    if X.ndim < 1 or len(X) == 0 or y.ndim < 1 or len(y) != len(X):
        raise StatementError(
            f"`X` and `y` must hold as many samples, at least 1, but have shapes {X.shape}, {y.shape}."
        )
    check_finite([a for a in (X, y) if jnp.issubdtype(a.dtype, jnp.inexact)] or [np.zeros(1)])
    _check_layers(model, X[0])
    static = eqx.filter(model, eqx.is_inexact_array, inverse=True)
    layered = Layered(
        partial(_moments, model, static, loss),
        lambda W, inputs: jax.vmap(eqx.combine(_joined(W, model), static))(inputs),
        lambda labels, z: jax.vmap(jax.grad(loss, argnums=1))(labels, z),
        partial(_split, model),
        lambda W, _: _joined(W, model),
    )
    return preconditioned(layered, X, y, key, batch, damping, decay)


class _Tapped:
    """A linear layer that notes its input and adds to its output."""

    def __init__(self, linear: eqx.nn.Linear, push: jax.Array, seen: list[Any], place: int) -> None:
        self.linear, self.push, self.seen, self.place = linear, push, seen, place

    def __call__(self, x: jax.Array, *, key: Key | None = None) -> jax.Array:
        self.seen.append((self.place, x))
        return self.linear(x) + self.push


def _is_linear(node: Any) -> bool:
    return isinstance(node, eqx.nn.Linear)


def _linears(model: PyTree) -> list[eqx.nn.Linear]:
    return [node for node in jax.tree.leaves(model, is_leaf=_is_linear) if _is_linear(node)]


def _passed(model: PyTree, pushes: list[jax.Array], x: jax.Array) -> tuple[jax.Array, list[tuple[int, jax.Array]]]:
    """The outputs of one sample, with `pushes` added to those of the linear layers, and the layers' inputs."""
    seen: list[tuple[int, jax.Array]] = []
    layers = zip(_linears(model), pushes, strict=True)
    taps = iter([_Tapped(layer, push, seen, k) for k, (layer, push) in enumerate(layers)])
    tapped = jax.tree.map(lambda node: next(taps) if _is_linear(node) else node, model, is_leaf=_is_linear)
    return tapped(x), seen


def _no_push(model: PyTree) -> list[jax.Array]:
    return [jnp.zeros(len(layer.weight), layer.weight.dtype) for layer in _linears(model)]


def _check_layers(model: PyTree, x: jax.Array) -> None:
    """Raise `StatementError` unless all parameters are in linear layers that are applied once a sample."""
    layers = _linears(model)
    for path, leaf in jax.tree_util.tree_leaves_with_path(model, is_leaf=_is_linear):
        if not _is_linear(leaf) and eqx.is_inexact_array(leaf):
            raise StatementError(
                f"K-FAC needs all parameters in `equinox.nn.Linear` layers, but {jax.tree_util.keystr(path)} of the "
                f"model, of shape {leaf.shape}, is not: freeze it (close over it as a NumPy array), or use `soap`."
            )
    scalars = [layer for layer in layers if "scalar" in (layer.in_features, layer.out_features)]
    if not layers or scalars:
        what = "a layer of scalars" if scalars else "none"
        raise StatementError(
            f"K-FAC needs a model with `equinox.nn.Linear` layers of vectors, but this one has {what}."
        )
    seen = _passed(model, _no_push(model), x)[1]
    places = [place for place, _ in seen]
    for place in range(len(layers)):
        if places.count(place) != 1:
            raise StatementError(_OFTEN.format(f"{places.count(place)} times (layer {place})"))
    if any(isinstance(a, jax.core.Tracer) for _, a in seen) and not isinstance(x, jax.core.Tracer):
        raise StatementError(_OFTEN.format("inside of a loop, a vmap or a jit"))
    if any(a.ndim != 1 for _, a in seen):
        raise StatementError(_OFTEN.format("to an array of several dimensions"))


_OFTEN = "K-FAC needs each linear layer applied once a sample, to one vector, but one is applied {}."


def _split(model: PyTree, parameters: PyTree) -> Parameters:
    """The layers' matrices (inputs [+ 1], outputs), the biases as last rows."""
    given = eqx.filter(parameters, eqx.is_inexact_array)
    kinds = [
        (jax.tree_util.tree_structure(tree), [jnp.shape(leaf) for leaf in jax.tree.leaves(tree)])
        for tree in (given, eqx.filter(model, eqx.is_inexact_array))
    ]
    if kinds[0] != kinds[1]:
        raise StatementError(
            "The parameters must be the arrays of the model, `equinox.filter(model, is_inexact_array)`."
        )
    check_finite(given)
    rows = ((layer.weight.T, layer.bias) for layer in _linears(given))
    return tuple(W if bias is None else jnp.concatenate([W, bias[None]]) for W, bias in rows)


def _joined(matrices: Parameters, model: PyTree) -> PyTree:
    """The arrays of the model, from the layers' matrices."""
    rest = iter(matrices)

    def filled(node: Any) -> Any:
        if not _is_linear(node):
            return None
        W = next(rest)
        if node.bias is None:
            return eqx.tree_at(lambda k: k.weight, node, W.T)
        return eqx.tree_at(lambda k: (k.weight, k.bias), node, (W[:-1].T, W[-1]))

    return eqx.filter(jax.tree.map(filled, model, is_leaf=_is_linear), eqx.is_inexact_array)


def _moments(
    model: PyTree, static: PyTree, loss: Loss, matrices: Parameters, X: jax.Array, y: jax.Array, key: Key
) -> tuple[jax.Array, Parameters, Parameters, Parameters]:
    """Mean loss, its gradients, and the second moments of inputs and of sampled slopes of each layer."""
    whole = eqx.combine(_joined(matrices, model), static)
    pushes = _no_push(model)

    def sample(x: jax.Array, label: jax.Array, signs: jax.Array) -> Any:
        def outputs(push: list[jax.Array]) -> tuple[jax.Array, list[jax.Array]]:
            z, seen = _passed(whole, push, x)
            return z, [a for _, a in sorted(seen, key=lambda pair: pair[0])]

        z, pull, inputs = jax.vjp(outputs, pushes, has_aux=True)
        value, slope = jax.value_and_grad(loss, argnums=1)(label, z)
        return value, pull(slope)[0], pull(_root(loss, label, z, signs))[0], inputs

    z = jax.eval_shape(jax.vmap(whole), X)
    signs = jax.random.rademacher(key, z.shape, z.dtype)
    values, slopes, sampled, inputs = jax.vmap(sample)(X, y, signs)
    lifted = [
        a if layer.bias is None else jnp.concatenate([a, jnp.ones((len(a), 1), a.dtype)], axis=1)
        for a, layer in zip(inputs, _linears(model), strict=True)
    ]
    gradients = tuple(a.T @ s / len(X) for a, s in zip(lifted, slopes, strict=True))
    second = tuple(a.T @ a / len(X) for a in lifted)
    third = tuple(s.T @ s / len(X) for s in sampled)
    return values.mean(), gradients, second, third


def _root(loss: Loss, label: jax.Array, z: jax.Array, signs: jax.Array) -> Float[jax.Array, "..."]:
    """The root of the loss's Hessian in the outputs times random signs: its second moment is the Hessian."""
    if z.size == 1:
        curvature = jax.hessian(loss, argnums=1)(label, z).reshape(z.shape)
        return jnp.sqrt(jnp.maximum(curvature, 0.0)) * signs
    hessian = jax.hessian(loss, argnums=1)(label, z).reshape(z.size, z.size)
    values, vectors = jnp.linalg.eigh(hessian)
    root = (vectors * jnp.sqrt(jnp.maximum(values, 0.0))) @ vectors.T
    return (root @ signs.ravel()).reshape(z.shape)
