import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class CommitteeDescent(Law):
    r"""Three hidden units learn three others from $\alpha n$ samples by full-batch gradient descent."""

    alpha: float = field(3.0, "samples per input", above=0)
    rate: float = field(0.8, "step size", above=0)
    steps: int = field(8, "steps", at_least=1)
    size, sizes, seeds = "inputs", (100, 200, 400), 40
    observables = {
        "train_loss": Observable("L", "mean loss of a sample", dims=("step",)),
        "overlap": Observable("R", "student times teacher per input, of the same unit", dims=("step",)),
    }

    def realize(self, n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        X = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        teacher, noise = jax.random.normal(k2, (3, n)), jax.random.normal(k3, (3, n))
        y = jnp.sum(jnp.tanh(X @ teacher.T), axis=1)

        def loss(w):
            return jnp.mean((jnp.sum(jnp.tanh(X @ w.T), axis=1) - y) ** 2) / 2

        def step(w, _):
            value, slope = jax.value_and_grad(loss)(w)
            w = w - n * self.rate * slope
            return w, {"train_loss": value, "overlap": jnp.mean(w * teacher)}

        return jax.lax.scan(step, 0.3 * teacher + noise, length=self.steps)[1]
