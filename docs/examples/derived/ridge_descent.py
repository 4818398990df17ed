import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class RidgeDescent(Law):
    r"""Ridge regression by gradient flow: steps of Runge and Kutta, of length `step`."""

    alpha: float = field(2.0, "samples per input", above=0)
    ridge: float = field(0.1, "strength of the penalty", at_least=0)
    step: float = field(0.1, "length of a step of time", above=0)
    size, sizes, seeds = "inputs", (50, 100, 200), 100
    observables = {
        "test_error": Observable("e", "squared distance to the truth per input", dims=("step",)),
        "train_loss": Observable("L", "mean loss of a sample", dims=("step",)),
    }

    def realize(self, n, key):
        k1, k2, k3, k4 = jax.random.split(key, 4)
        X = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        truth, w = jax.random.normal(k2, (n,)), jax.random.normal(k3, (n,))
        y = X @ truth + 0.5 * jax.random.normal(k4, (len(X),))
        speed = jax.grad(lambda w: -jnp.sum((y - X @ w) ** 2) / 2 - self.ridge / 2 * w @ w)

        def step(w, _):
            k, total = jnp.zeros(n), jnp.zeros(n)
            for part, weight in ((0, 1), (1 / 2, 2), (1 / 2, 2), (1, 1)):
                k = self.step * speed(w + part * k)
                total = total + weight / 6 * k
            w = w + total
            return w, {"test_error": jnp.mean((w - truth) ** 2), "train_loss": jnp.mean((y - X @ w) ** 2) / 2}

        return jax.lax.scan(step, w, length=5)[1]
