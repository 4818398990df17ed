"""The affine layers of an equinox model, dense and convolutional, as matrices that act on rows of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...contract.record import StatementError
from ...numerics.arrays import ArrayLike, Key, PyTree
from .network import Parameters, check_finite

if TYPE_CHECKING:
    from jaxtyping import Float, Real, Shaped

Affine = eqx.nn.Linear | eqx.nn.Conv


class Seen(NamedTuple):
    """An application of a layer: which layer, its input, and the shape of its output."""

    place: int
    inputs: Float[jax.Array, "..."]
    shape: tuple[int, ...]


def is_affine(node: Any) -> TypeGuard[Affine]:
    """Whether a node of a model is a dense or a convolutional layer whose weights are parameters."""
    return isinstance(node, eqx.nn.Linear | eqx.nn.Conv) and eqx.is_inexact_array(node.weight)


def affine_layers(model: PyTree) -> list[Affine]:
    """The dense and convolutional layers of a model."""
    return [node for node in jax.tree.leaves(model, is_leaf=is_affine) if is_affine(node)]


def matrix(layer: Affine) -> Float[jax.Array, "inputs outputs"]:
    """Weights of a layer as a matrix (inputs, outputs), with the bias as last row; a patch's inputs by channel."""
    W = layer.weight.reshape(len(layer.weight), -1).T
    return W if layer.bias is None else jnp.concatenate([W, layer.bias.reshape(1, -1)])


def with_matrix(layer: Affine, W: Float[jax.Array, "inputs outputs"]) -> Affine:
    """The layer with the weights and bias of a matrix as of `matrix`."""
    rows = W if layer.bias is None else W[:-1]
    layer = eqx.tree_at(lambda k: k.weight, layer, rows.T.reshape(layer.weight.shape))
    return layer if layer.bias is None else eqx.tree_at(lambda k: k.bias, layer, W[-1].reshape(layer.bias.shape))


def input_rows(layer: Affine, x: Float[jax.Array, "..."]) -> Float[jax.Array, "locations inputs"]:
    """What the matrix of a layer acts on: the patch at each location of its output, with a 1 for the bias.

    x: the input of one sample, (features,) of a dense layer, which has one location, or (channels, ...).
    """
    rows = x[None] if isinstance(layer, eqx.nn.Linear) else _patches(layer, x)
    return rows if layer.bias is None else jnp.concatenate([rows, jnp.ones((len(rows), 1), rows.dtype)], axis=1)


def output_rows(slopes: Float[jax.Array, "outputs ..."]) -> Float[jax.Array, "locations outputs"]:
    """An output of a layer, or slopes at it, by location."""
    return slopes.reshape(len(slopes), -1).T


def _patches(layer: eqx.nn.Conv, x: Float[jax.Array, "channels ..."]) -> Float[jax.Array, "locations inputs"]:
    """The inputs that each output of a convolution sees, (locations, channels * kernel).

    Each channel is convolved with one unit kernel for every place in the kernel, by the layer itself: its stride,
    padding and dilation are those of the patches.
    """
    kernel = layer.weight.shape[2:]
    places = jnp.eye(layer.weight[0, 0].size, dtype=layer.weight.dtype)
    taps = eqx.tree_at(lambda k: k.weight, layer, places.reshape(-1, 1, *kernel))
    if layer.bias is not None:
        taps = eqx.tree_at(lambda k: k.bias, taps, jnp.zeros((len(places),) + (1,) * len(kernel), places.dtype))
    seen = jax.vmap(lambda channel: taps(channel[None]))(x)
    return seen.reshape(len(x) * len(places), -1).T


class _Tapped:
    """A layer that notes its input and adds to its output."""

    def __init__(self, layer: Affine, push: Float[jax.Array, "..."], seen: list[Seen], place: int) -> None:
        self.layer, self.push, self.seen, self.place = layer, push, seen, place

    def __call__(self, x: Float[jax.Array, "..."], *, key: Key | None = None) -> Float[jax.Array, "..."]:
        z = self.layer(x)
        self.seen.append(Seen(self.place, x, z.shape))
        return z + self.push


def passed(
    model: PyTree, pushes: list[Float[jax.Array, "..."]], x: Float[jax.Array, "..."]
) -> tuple[Float[jax.Array, "..."], list[Seen]]:
    """The outputs of one sample, with `pushes` added to those of the affine layers, and what these saw, in order."""
    seen: list[Seen] = []
    layers = zip(affine_layers(model), pushes, strict=True)
    taps = iter([_Tapped(layer, push, seen, k) for k, (layer, push) in enumerate(layers)])
    tapped = jax.tree.map(lambda node: next(taps) if is_affine(node) else node, model, is_leaf=is_affine)
    z = tapped(x)
    return z, sorted(seen, key=lambda applied: applied.place)


def no_push(model: PyTree, x: Float[jax.Array, "..."]) -> list[Float[jax.Array, "..."]]:
    """Zeros of the shapes of the layers' outputs, for one sample."""
    layers = affine_layers(model)
    shapes: list[tuple[int, ...]] = []

    def note(x: jax.Array) -> jax.Array:
        z, seen = passed(model, [jnp.zeros((), layer.weight.dtype) for layer in layers], x)
        shapes.extend(applied.shape for applied in seen)
        return z

    jax.eval_shape(note, x)
    return [jnp.zeros(shape, layer.weight.dtype) for shape, layer in zip(shapes, layers, strict=True)]


def split(model: PyTree, parameters: PyTree) -> Parameters:
    """The layers' matrices (inputs [+ 1], outputs), the biases as last rows.

    Raises `StatementError` unless the parameters are the arrays of the model, and finite.
    """
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
    return tuple(matrix(layer) for layer in affine_layers(given))


def joined(matrices: Parameters, model: PyTree) -> PyTree:
    """The arrays of the model, from the layers' matrices."""
    rest = iter(matrices)
    whole = jax.tree.map(lambda k: with_matrix(k, next(rest)) if is_affine(k) else None, model, is_leaf=is_affine)
    return eqx.filter(whole, eqx.is_inexact_array)


def checked_samples(
    X: Real[ArrayLike, "n ..."], y: Shaped[ArrayLike, "m ..."]
) -> tuple[Real[jax.Array, "n ..."], Shaped[jax.Array, "n ..."]]:
    """Samples (n, ...) and n labels as arrays; raises `StatementError` if they are not as many, or not finite."""
    X, y = jnp.asarray(X), jnp.asarray(y)
    if X.ndim < 1 or len(X) == 0 or y.ndim < 1 or len(y) != len(X):
        raise StatementError(
            f"`X` and `y` must hold as many samples, at least 1, but have shapes {X.shape}, {y.shape}."
        )
    check_finite([a for a in (X, y) if jnp.issubdtype(a.dtype, jnp.inexact)] or [np.zeros(1)])
    return X, y


def check_layers(model: PyTree, x: Float[jax.Array, "..."], method: str) -> None:
    """Raise `StatementError` unless all parameters are in affine layers that are applied once a sample.

    method: what needs it, for the sentence.
    """
    _check_parameters(model, method)
    layers = affine_layers(model)
    seen = passed(model, [jnp.zeros((), layer.weight.dtype) for layer in layers], x)[1]
    places = [applied.place for applied in seen]
    for place in range(len(layers)):
        if places.count(place) != 1:
            raise StatementError(_OFTEN.format(method, f"{places.count(place)} times (layer {place})"))
    if any(isinstance(applied.inputs, jax.core.Tracer) for applied in seen) and not isinstance(x, jax.core.Tracer):
        raise StatementError(_OFTEN.format(method, "inside of a loop, a vmap or a jit"))
    dense = (applied for applied in seen if isinstance(layers[applied.place], eqx.nn.Linear))
    if any(applied.inputs.ndim != 1 for applied in dense):
        raise StatementError(_OFTEN.format(method, "to an array of several dimensions"))


def _check_parameters(model: PyTree, method: str) -> None:
    for path, leaf in jax.tree_util.tree_leaves_with_path(model, is_leaf=is_affine):
        where = f"{jax.tree_util.keystr(path)} of the model"
        if not is_affine(leaf) and eqx.is_inexact_array(leaf):
            raise StatementError(
                f"{method} needs all parameters in `equinox.nn.Linear` and `equinox.nn.Conv` layers, but {where}, of "
                f"shape {leaf.shape}, is not: freeze it (close over it as a NumPy array), or use `soap`."
            )
        if isinstance(leaf, eqx.nn.Conv) and leaf.groups != 1:
            raise StatementError(
                f"{method} needs convolutions of all channels at once, but {where} has {leaf.groups} groups: use one "
                "group, or `soap`."
            )
    layers = affine_layers(model)
    scalars = [k for k in layers if isinstance(k, eqx.nn.Linear) and "scalar" in (k.in_features, k.out_features)]
    if not layers or scalars:
        what = "a layer of scalars" if scalars else "none"
        raise StatementError(
            f"{method} needs a model with `equinox.nn.Linear` layers of vectors or `equinox.nn.Conv` layers, but this "
            f"one has {what}."
        )


_OFTEN = "{} needs each layer applied once a sample, a dense one to one vector, but one is applied {}."
