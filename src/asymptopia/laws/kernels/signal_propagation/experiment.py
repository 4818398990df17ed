"""The experiment: one random system of size n and its observables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ....numerics.arrays import Key, PyTree

if TYPE_CHECKING:
    from . import SignalPropagation


def realize(law: SignalPropagation, n: int, key: Key) -> dict[str, Any]:
    """The observables of one random system of size n."""
    import jax
    import jax.numpy as jnp

    start, weights, biases, reader = jax.random.split(key, 4)
    # two directions, orthogonal and of squared length n, so that the first layer is exactly as stated
    basis = jnp.linalg.qr(jax.random.normal(start, (n, 2)))[0] * jnp.sqrt(n)
    c = law.start_correlation
    mixed = jnp.stack([basis[:, 0], c * basis[:, 0] + jnp.sqrt(1 - c**2) * basis[:, 1]])
    first = jnp.sqrt(law.start_length) * mixed
    W = jnp.sqrt(law.weight_variance / n) * jax.random.normal(weights, (law.layers - 1, n, n))
    b = jnp.sqrt(law.bias_variance) * jax.random.normal(biases, (law.layers - 1, n))
    shifts = jnp.zeros((law.layers, 2, n))

    def forward(shifts: PyTree) -> Any:
        fields = [first + shifts[0]]
        for k in range(law.layers - 1):
            fields.append(law.activation(fields[-1]) @ W[k].T + b[k] + shifts[k + 1])
        return jnp.stack(fields)

    fields, backward = jax.vjp(forward, shifts)
    last = jnp.zeros_like(shifts).at[-1].set(jax.random.normal(reader, (2, n)))
    (gradients,) = backward(last)
    square = jnp.square(gradients).sum(axis=2).mean(axis=1)
    lengths = jnp.square(fields).mean(axis=2)
    product = (fields[:, 0] * fields[:, 1]).mean(axis=1)
    return {
        "layer_length": lengths.mean(axis=1),
        "layer_correlation": product / jnp.sqrt(lengths.prod(axis=1)),
        "layer_gradient": square / square[-1],
    }
