import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class HopfieldMean(Law):
    r"""The magnetisations of a Hopfield memory around a pattern, by message passing."""

    alpha: float = field(0.05, "patterns per neuron", above=0)
    temperature: float = field(0.3, "temperature", above=0)
    size, sizes, seeds = "neurons", (200, 400, 800), 40
    observables = {
        "overlap": Observable("m", "overlap with the pattern"),
        "freezing": Observable("q", "mean of the squared magnetisations"),
    }

    def realize(self, n, key):
        patterns = jax.random.rademacher(key, (round(self.alpha * n), n), dtype=float)
        m, g = patterns[0], jnp.zeros(len(patterns))
        for _ in range(12):
            beta, variance = 1 / self.temperature, 1 - jnp.mean(m**2)
            g = beta * (patterns @ m / jnp.sqrt(n) - variance * g) / (1 - beta * variance)
            m = jnp.tanh(patterns.T @ g / jnp.sqrt(n) - self.alpha * beta / (1 - beta * variance) * m)
        return {"overlap": patterns[0] @ m / n, "freezing": jnp.mean(m**2)}
