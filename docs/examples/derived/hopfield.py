import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class HopfieldSteps(Law):
    r"""A pattern is retrieved from a memory of $\alpha n$ patterns, step by step, from a noisy start."""

    alpha: float = field(0.08, "patterns per neuron", above=0)
    start: float = field(0.6, "overlap of the start with the pattern", at_least=0, at_most=1)
    size, sizes, seeds = "neurons", (200, 400, 800), 40
    observables = {"overlap": Observable("m", "overlap with the pattern", dims=("step",))}

    def realize(self, n, key):
        k1, k2 = jax.random.split(key)
        patterns = jax.random.rademacher(k1, (round(self.alpha * n), n), dtype=float)
        J = patterns.T @ patterns / n
        J = J - jnp.diag(jnp.diag(J))
        kept = jax.random.bernoulli(k2, (1 + self.start) / 2, (n,))
        s = jnp.where(kept, 1.0, -1.0) * patterns[0]
        overlaps = [s @ patterns[0] / n]
        for _ in range(4):
            s = jnp.sign(J @ s)
            overlaps.append(s @ patterns[0] / n)
        return {"overlap": jnp.stack(overlaps)}
