"""The table of majorization on a convolutional network in the guide to the race.

Two hundred digits of 8 x 8 pixels, two convolutions with gelu and mean pooling, a readout, cross-entropy.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.datasets import load_digits

from asymptopia.algorithms.optimisers import extrapolated, layerwise_model, run

SWEEPS = (5, 10, 20, 40)
RATES = 0.05 * 2.0 ** np.arange(8)


def network() -> eqx.nn.Sequential:
    one, two, three = jax.random.split(jax.random.key(0), 3)
    gelu, pooled = eqx.nn.Lambda(jax.nn.gelu), eqx.nn.AvgPool2d(2, 2)
    return eqx.nn.Sequential([
        eqx.nn.Conv2d(1, 4, 3, padding=1, key=one), gelu, pooled,
        eqx.nn.Conv2d(4, 8, 3, padding=1, key=two), gelu, pooled,
        eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(32, 10, key=three),
    ])  # fmt: skip


def loss(label: jax.Array, z: jax.Array) -> jax.Array:
    return optax.softmax_cross_entropy_with_integer_labels(z, label)


def main() -> None:
    X, y = load_digits(return_X_y=True)
    X, y = jnp.asarray(X[:200].reshape(-1, 1, 8, 8) / 16.0), jnp.asarray(y[:200])
    start, static = eqx.partition(network(), eqx.is_inexact_array)

    def objective(parameters):
        return jnp.mean(jax.vmap(loss)(y, jax.vmap(eqx.combine(parameters, static))(X)))

    solver = layerwise_model(network(), loss, X, y)
    plain = run(solver, start, SWEEPS[-1] + 1)[1]
    quick = run(extrapolated(solver, objective), start, 2 * SWEEPS[-1])[1]
    budget = np.concatenate([[0.0], np.cumsum(plain.work)])
    spent = np.concatenate([[0.0], np.cumsum(quick.work)])[:-1]

    def descended(rate):
        def step(p, _):
            value, slope = jax.value_and_grad(objective)(p)
            return jax.tree.map(lambda w, g: w - rate * g, p, slope), value

        return jax.lax.scan(step, start, length=int(budget[SWEEPS[-1]]) + 1)[1]

    descents = np.asarray(jax.jit(jax.vmap(descended))(RATES))
    best = np.argmin(descents[:, -1])
    rises = [int((np.diff(values) > 0).sum()) for values in (np.asarray(plain.value), descents[best])]
    print("| gradients | MM, layers | MM, extrapolated | descent, best rate |\n| --- | --- | --- | --- |")
    for sweep in SWEEPS:
        used = budget[sweep]
        within = np.asarray(quick.value)[np.searchsorted(spent, used, side="right") - 1]
        print(f"| {used:.0f} | {plain.value[sweep]:.3f} | {within:.4f} | {descents[:, int(used)].min():.3f} |")
    print(f"steps that raise the loss: MM {rises[0]}, descent at {RATES[best]:.1f} {rises[1]}")


if __name__ == "__main__":
    main()
