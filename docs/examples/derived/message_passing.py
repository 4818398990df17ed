import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class MessagePassing(Law):
    r"""Signs are estimated from noisy sums of them by approximate message passing."""

    alpha: float = field(1.5, "measurements per sign", above=0)
    noise: float = field(0.25, "variance of the noise", above=0)
    size, sizes, seeds = "signs", (200, 400, 800), 40
    observables = {"overlap": Observable("q", "overlap of estimate and signs", dims=("iteration",))}

    def realize(self, n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        F = jax.random.normal(k1, (round(self.alpha * n), n)) / jnp.sqrt(n)
        signs = jax.random.rademacher(k2, (n,), dtype=float)
        y = F @ signs + jnp.sqrt(self.noise) * jax.random.normal(k3, (len(F),))
        x, g, overlaps = jnp.zeros(n), jnp.zeros(len(F)), []
        for _ in range(6):
            variance = 1 - jnp.mean(x**2)
            g = (y - F @ x + variance * g) / (self.noise + variance)
            x = jnp.tanh(F.T @ g + self.alpha / (self.noise + variance) * x)
            overlaps.append(x @ signs / n)
        return {"overlap": jnp.stack(overlaps)}
