import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class MovingFeatures(Law):
    r"""A network of two hidden layers in the maximal update parametrisation: its features move as it learns."""

    rate: float = field(0.3, "step size", at_least=0)
    steps: int = field(6, "steps", at_least=1)
    size, sizes, seeds = "width", (64, 128, 256), 100
    observables = {
        "loss": Observable("L", "mean squared error on three points", dims=("step",)),
        "moved": Observable("d", "mean squared move of the features of the second layer", dims=("step",)),
    }

    def realize(self, n, key):
        x, y = jnp.array([[1.0, 0.3], [-0.5, 1.0], [0.2, -1.0]]), jnp.array([1.0, -1.0, 0.5])
        k1, k2, k3 = jax.random.split(key, 3)
        weights = [jax.random.normal(k1, (2, n)), jax.random.normal(k2, (n, n)) / jnp.sqrt(n)]
        weights.append(jax.random.normal(k3, (n,)))
        rates = [n * self.rate, self.rate, n * self.rate]

        def features(weights):
            return jnp.tanh(jnp.tanh(x @ weights[0]) @ weights[1])

        def loss(weights):
            return jnp.mean((features(weights) @ weights[2] / n - y) ** 2)

        first, losses, moved = features(weights), [], []
        for _ in range(self.steps):
            value, slopes = jax.value_and_grad(loss)(weights)
            weights = [w - r * s for w, r, s in zip(weights, rates, slopes, strict=True)]
            losses.append(value)
            moved.append(jnp.mean((features(weights) - first) ** 2))
        return {"loss": jnp.stack(losses), "moved": jnp.stack(moved)}
