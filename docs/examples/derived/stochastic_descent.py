import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class StochasticDescent(Law):
    r"""Logistic regression with a penalty by stochastic gradient descent on random batches."""

    alpha: float = field(2.0, "samples per input", above=0)
    batch: float = field(0.5, "probability of a sample to be in the batch", above=0, at_most=1)
    size, sizes, seeds = "inputs", (100, 200, 400), 40
    observables = {
        "train_loss": Observable("L", "mean loss of a sample", dims=("step",)),
        "overlap": Observable("m", "student times teacher per input", dims=("step",)),
        "norm": Observable("q", "squared norm of the student per input", dims=("step",)),
    }

    def realize(self, n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        X = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        teacher = jax.random.normal(k2, (n,))
        y = jnp.sign(X @ teacher)

        def step(w, key):
            batch = jax.random.bernoulli(key, self.batch, y.shape) / self.batch
            slope = jax.grad(lambda w: jnp.sum(batch * jax.nn.softplus(-y * (X @ w))))(w)
            seen = {"train_loss": jax.nn.softplus(-y * (X @ w)).mean(), "overlap": w @ teacher / n, "norm": w @ w / n}
            return w - 0.4 * (slope + 0.1 * w), seen

        return jax.lax.scan(step, jnp.zeros(n), jax.random.split(k3, 7))[1]
