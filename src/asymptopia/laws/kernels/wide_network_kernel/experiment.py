"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....numerics.arrays import ArrayLike, Key, PyTree
from ....parts.architecture import Convolutional, Dense, Residual

if TYPE_CHECKING:
    import jax

    from . import WideNetworkKernel


def realize(law: WideNetworkKernel, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    import jax
    import jax.numpy as jnp

    points = jnp.asarray(law.inputs, float)
    weights = _draw(law, n, key)

    def outputs(weights: PyTree) -> Any:
        return _affine(law, _hidden(law, weights[:-1], points), weights[-1])[..., 0]

    if isinstance(law.architecture, Dense):
        ntk = _layer_by_layer(law, weights, points)
    else:
        rows = [a.reshape(len(points), -1) for a in jax.tree.leaves(jax.jacrev(outputs)(weights))]
        ntk = sum(row @ row.T for row in rows)
    top = _hidden(law, weights[:-1], points)
    nngp = law.bias_variance + law.weight_variance * top @ top.T / top.shape[1]
    return {"nngp": nngp, "ntk": ntk}


def _layer_by_layer(law: WideNetworkKernel, weights: list[Any], points: ArrayLike) -> Any:
    """The tangent kernel of the dense network with these weights, (P, P)."""
    import jax.numpy as jnp

    from ....measure.network_tangent import contracted, passes

    factors = [(jnp.sqrt(law.weight_variance / W.shape[1]), jnp.sqrt(law.bias_variance)) for W, _ in weights]
    layers = [(s * W, t * b) for (W, b), (s, t) in zip(weights, factors, strict=True)]
    layer_passes = passes(layers, law.activation, points)
    return contracted(layer_passes, layer_passes, factors)[..., 0, 0]


def _draw(law: WideNetworkKernel, n: int, key: Key) -> list[Any]:
    """Standard normal weights and biases of each layer."""
    import jax

    wiring = law.architecture
    convolutional = isinstance(wiring, Convolutional)
    window = wiring.window if isinstance(wiring, Convolutional) else 1
    length = len(law.inputs[0])
    first = wiring.channels * window if isinstance(wiring, Convolutional) else length
    last = n * (length // wiring.channels) if isinstance(wiring, Convolutional) and not wiring.pooling else n
    shapes = [(n, first), *[(n, n * window if convolutional else n)] * (law.depth - 1), (1, last)]
    keys = jax.random.split(key, (len(shapes), 2))
    return [
        (jax.random.normal(a, shape), jax.random.normal(b, shape[:1]))
        for (a, b), shape in zip(keys, shapes, strict=True)
    ]


def _affine(law: WideNetworkKernel, below: jax.Array, weights: PyTree) -> Any:
    import jax.numpy as jnp

    W, b = weights
    return jnp.sqrt(law.weight_variance / W.shape[1]) * below @ W.T + jnp.sqrt(law.bias_variance) * b


def _hidden(law: WideNetworkKernel, weights: PyTree, points: jax.Array) -> Any:
    """What the last layer sees: (inputs, numbers)."""
    import jax.numpy as jnp

    wiring = law.architecture
    if not isinstance(wiring, Convolutional):
        z = _affine(law, points, weights[0])
        for layer in weights[1:]:
            above = _affine(law, law.activation(z), layer)
            z = z + above if isinstance(wiring, Residual) else above
        return law.activation(z)

    def windows(h: ArrayLike) -> Any:
        shifted = [jnp.roll(h, -s, axis=1) for s in range(wiring.window)]
        return jnp.concatenate(shifted, axis=-1)

    h = points.reshape(len(points), -1, wiring.channels)
    for layer in weights:
        h = law.activation(_affine(law, windows(h), layer))
    return h.mean(axis=1) if wiring.pooling else h.reshape(len(points), -1)
