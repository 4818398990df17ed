import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class DeepLinearDescent(Law):
    r"""A linear network of three layers learns two modes, the stronger one first; steps of length `step`."""

    scale: float = field(0.1, "strength of both modes at the start", above=0)
    step: float = field(0.015, "length of a step of time", above=0)
    size, sizes, seeds = "width", (50, 100, 200), 100
    observables = {"strength": Observable("u", "strength of each mode", dims=("time", "mode"))}

    def realize(self, n, key):
        first, second = jax.random.normal(key, (2, n, 2)) / jnp.sqrt(n)
        a = self.scale ** (1 / 3)
        weights = [a * first, a * second @ first.T, a * second.T]

        task = jnp.diag(jnp.array([3.0, 1.5]))
        speed = jax.grad(lambda w: -jnp.sum((task - w[2] @ w[1] @ w[0]) ** 2) / 2)

        def moved(weights, speeds, by):
            return [w + by * s for w, s in zip(weights, speeds, strict=True)]

        def step(weights, _):
            middle = moved(weights, speed(weights), self.step / 2)
            weights = moved(weights, speed(middle), self.step)
            return weights, jnp.diag(weights[2] @ weights[1] @ weights[0])

        return {"strength": jax.lax.scan(step, weights, length=20)[1]}
