import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field
from asymptopia.derive import crossing


class RecurrentChaos(Law):
    r"""Two nearby states of a random recurrent network: they meet below gain 1 and part above it."""

    gain: float = field(1.5, "standard deviation of the sum of a row of weights", above=0)
    steps: int = field(8, "steps", at_least=1)
    size, sizes, seeds = "neurons", (100, 200, 400), 40
    observables = {
        "norm": Observable("q", "mean square of the last state"),
        "distance": Observable("d", "squared distance of the last states, by that of the first"),
    }

    def realize(self, n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        J = self.gain * jax.random.normal(k1, (n, n)) / jnp.sqrt(n)
        x = jax.random.normal(k2, (n,))
        y = x + 0.1 * jax.random.normal(k3, (n,))
        first = jnp.mean((x - y) ** 2)
        for _ in range(self.steps):
            x, y = J @ jnp.tanh(x), J @ jnp.tanh(y)
        return {"norm": jnp.mean(x**2), "distance": jnp.mean((x - y) ** 2) / first}

    def thresholds(self, along):
        return {"chaos": crossing(self, along, "distance", 1.0, between=(0.5, 2.5))} if along == "gain" else {}
