import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class EqualAngles(Law):
    r"""Tokens attend to each other, layer by layer, and cluster: time in steps of Runge and Kutta."""

    beta: float = field(1.0, "inverse temperature of attention", at_least=0)
    tokens: int = field(8, "tokens", at_least=2)
    size, sizes, seeds = "dimension", (64, 128, 256), 100
    observables = {"overlap": Observable("c", "mean cosine of two tokens", dims=("time",))}

    def coords(self):
        return {"time": [0.5, 1.0, 1.5]}

    def realize(self, n, key):
        def speed(x):
            pull = jax.nn.softmax(self.beta * (x @ x.T) / n) @ x
            return pull - jnp.sum(x * pull, axis=1, keepdims=True) * x / n

        def step(x, _):
            k, total = jnp.zeros_like(x), jnp.zeros_like(x)
            for part, weight in ((0, 1), (1 / 2, 2), (1 / 2, 2), (1, 1)):
                k = 0.1 * speed(x + part * k)
                total = total + weight / 6 * k
            x = x + total
            return x, (jnp.sum(jnp.sum(x, axis=0) ** 2) / n - self.tokens) / (self.tokens * (self.tokens - 1))

        x = jax.random.normal(key, (self.tokens, n))
        x = x / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True))
        return {"overlap": jax.lax.scan(step, x, length=15)[1][4::5]}
