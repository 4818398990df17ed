import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class TwoLayerMessagePassing(Law):
    r"""Signs seen through two random layers, with a nonlinearity between them, by message passing layer by layer."""

    noise: float = field(0.05, "variance of the noise of each layer", above=0)
    iterations: int = field(6, "iterations", at_least=1)
    size, sizes, seeds = "signs", (200, 400, 800), 40
    observables = {"overlap": Observable("q", "overlap of estimate and signs", dims=("iteration",))}

    def realize(self, n, key):
        keys = jax.random.split(key, 5)
        F = jax.random.normal(keys[0], (2 * n, n)) / jnp.sqrt(n)
        G = jax.random.normal(keys[1], (4 * n, 2 * n)) / jnp.sqrt(2 * n)
        signs = jax.random.rademacher(keys[2], (n,), dtype=float)
        middle = F @ signs + jnp.sqrt(self.noise) * jax.random.normal(keys[3], (2 * n,))
        y = G @ middle + jnp.sqrt(self.noise) * jax.random.normal(keys[4], (4 * n,))

        x, g, z, h, w = jnp.zeros(n), jnp.zeros(2 * n), jnp.zeros(2 * n), jnp.zeros(4 * n), 1 + self.noise
        overlaps = []
        for _ in range(self.iterations):
            h = (y - G @ z + w * h) / (self.noise + w)  # the outer layer, with its reaction
            pull = G.T @ h + 2 / (self.noise + w) * z
            v = 1 - jnp.mean(x**2)
            omega, spread = F @ x - v * g, self.noise + v
            gain = 2 / (self.noise + w)
            z = (omega / spread + pull) / (1 / spread + gain)
            w = 1 / (1 / spread + gain)
            g = (z - omega) / spread
            slope = (1 - w / spread) / spread
            x = jnp.tanh(F.T @ g + 2 * slope * x)
            overlaps.append(x @ signs / n)
        return {"overlap": jnp.stack(overlaps)}
