import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class LogisticDescent(Law):
    r"""Gradient descent on logistic regression with $\alpha n$ labels of a linear teacher."""

    alpha: float = field(2.0, "samples per input", above=0)
    rate: float = field(0.4, "step size", above=0)
    size, sizes, seeds = "inputs", (100, 200, 400), 40
    observables = {"overlap": Observable("m", "student times teacher per input", dims=("step",))}

    def realize(self, n, key):
        k1, k2 = jax.random.split(key)
        X = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        teacher = jax.random.normal(k2, (n,))
        y = jnp.sign(X @ teacher)

        def step(w, _):
            w = w - self.rate * jax.grad(lambda w: jnp.sum(jax.nn.softplus(-y * (X @ w))))(w)
            return w, w @ teacher / n

        return {"overlap": jax.lax.scan(step, jnp.zeros(n), length=5)[1]}
