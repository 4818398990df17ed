import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class Signals(Law):
    r"""The lengths, correlation and gradients of two inputs in a deep random network of tanh units."""

    weight_variance: float = field(2.0, "variance of the weights, times their number", above=0)
    bias_variance: float = field(0.05, "variance of the biases", at_least=0)
    size, sizes, seeds = "width", (50, 100, 200), 100
    observables = {
        "layer_length": Observable("q", "mean squared length of the two inputs", dims=("layer",)),
        "layer_correlation": Observable("c", "correlation of the two inputs", dims=("layer",)),
        "layer_gradient": Observable("g", "squared gradient over that in the last layer", dims=("layer",)),
    }

    def realize(self, n, key):
        k1, k2, k3, k4 = jax.random.split(key, 4)
        weights = jnp.sqrt(self.weight_variance / n) * jax.random.normal(k1, (4, n, n))
        biases = jnp.sqrt(self.bias_variance) * jax.random.normal(k2, (4, n))
        start = jax.random.normal(k3, (2, n))
        start = jnp.stack([start[0], 0.6 * start[0] + 0.8 * start[1]])

        def layers(shifts):
            z, states = start, []
            for W, b, shift in zip([None, *weights], [0, *biases], shifts, strict=True):
                z = (z if W is None else jnp.tanh(z) @ W.T + b) + shift
                states.append(z)
            return jnp.sum(jax.random.normal(k4, (2, n)) * z), jnp.stack(states)

        slope, z = jax.grad(layers, has_aux=True)(jnp.zeros((5, 2, n)))
        length, slope = jnp.mean(z**2, axis=2), jnp.mean(slope**2, axis=(1, 2))
        return {
            "layer_length": length.mean(axis=1),
            "layer_correlation": jnp.mean(z[:, 0] * z[:, 1], axis=1) / jnp.sqrt(length[:, 0] * length[:, 1]),
            "layer_gradient": slope / slope[-1],
        }
