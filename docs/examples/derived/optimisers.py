import jax
import jax.numpy as jnp
import optax

from asymptopia import Law, Observable, field


class Optimisers(Law):
    r"""Least squares by gradient descent, heavy-ball momentum, sign descent and Adam."""

    alpha: float = field(3.0, "samples per input", above=0)
    steps: int = field(10, "steps", at_least=1)
    size, sizes, seeds = "inputs", (100, 200, 400), 40
    observables = {"error": Observable("e", "squared distance to the truth, an input", dims=("optimiser", "step"))}

    def coords(self):
        return {"optimiser": ["descent", "momentum", "signs", "Adam"], "step": range(1, self.steps + 1)}

    def realize(self, n, key):
        k1, k2 = jax.random.split(key)
        X = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        truth = jax.random.normal(k2, (n,))
        slope = jax.grad(lambda w: jnp.sum((X @ (w - truth)) ** 2) / 2)
        errors = []
        for method in (optax.sgd(0.2), optax.sgd(0.1, momentum=0.7), optax.sign_sgd(0.15), optax.adam(0.15)):
            w, state, path = jnp.zeros(n), method.init(jnp.zeros(n)), []
            for _ in range(self.steps):
                update, state = method.update(slope(w), state, w)
                w = w + update
                path.append(jnp.mean((w - truth) ** 2))
            errors.append(jnp.stack(path))
        return {"error": jnp.stack(errors)}
