import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class TangentKernel(Law):
    r"""The kernels of a network with two wide hidden layers, by automatic differentiation."""

    bias_variance: float = field(0.1, "variance of the biases", at_least=0)
    size, sizes, seeds = "width", (64, 128, 256), 100
    observables = {
        "nngp": Observable("K", "covariance of the outputs, given the hidden layers", dims=("x", "y")),
        "ntk": Observable(r"\Theta", "tangent kernel of the outputs", dims=("x", "y")),
    }

    def realize(self, n, key):
        inputs = jnp.array([[1.0, 1.0], [1.0, -0.5]])
        keys = jax.random.split(key, 6)
        shapes = [(n, 2), (n, n), (1, n), (n,), (n,), (1,)]
        weights = [jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)]

        def hidden(weights, x):
            for W, b in zip(weights[:2], weights[3:5], strict=True):
                x = jax.nn.relu(W @ x * jnp.sqrt(2 / len(x)) + jnp.sqrt(self.bias_variance) * b)
            return x

        def output(weights, x):
            return (weights[2] @ hidden(weights, x) * jnp.sqrt(2 / n) + jnp.sqrt(self.bias_variance) * weights[5])[0]

        slopes = [jax.tree.leaves(jax.grad(output)(weights, x)) for x in inputs]
        tangent = [[sum(map(jnp.vdot, one, other)) for other in slopes] for one in slopes]
        features = jnp.stack([hidden(weights, x) for x in inputs])
        return {"nngp": 2 * features @ features.T / n + self.bias_variance, "ntk": jnp.array(tangent)}
