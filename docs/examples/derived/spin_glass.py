import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class SpinGlassIteration(Law):
    r"""Bolthausen's iteration for the magnetisations of the Sherrington-Kirkpatrick model."""

    beta: float = field(1.0, "inverse temperature", above=0)
    h: float = field(0.3, "external field")
    size, sizes, seeds = "spins", (200, 400, 800), 40
    observables = {"distance": Observable("d", "squared distance of two steps, a spin", dims=("iteration",))}

    def realize(self, n, key):
        G = jax.random.normal(key, (n, n))
        J = (G + G.T) / jnp.sqrt(2 * n)
        old, m, distances = jnp.zeros(n), jnp.zeros(n), []
        for _ in range(6):
            reaction = self.beta * old * (J**2 @ (1 - m**2))
            old, m = m, jnp.tanh(self.beta * (self.h + J @ m - reaction))
            distances.append(jnp.mean((m - old) ** 2))
        return {"distance": jnp.stack(distances)}
