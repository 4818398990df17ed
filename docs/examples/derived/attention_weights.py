import jax
import jax.numpy as jnp

from asymptopia import Law, Observable, field


class AttentionWeights(Law):
    r"""The weights of a layer of attention are found from its attention matrices by message passing.

    Without noise an attention matrix gives the fields of its tokens up to their common sign.
    """

    alpha: float = field(0.25, "sentences per dimension", above=0)
    start: float = field(0.3, "overlap at the start", above=0, below=1)
    size, sizes, seeds = "dimension", (200, 400, 800), 40
    observables = {"overlap": Observable("m", "overlap of the estimate with the weights, per dimension")}

    def realize(self, n, key):
        k1, k2, k3 = jax.random.split(key, 3)
        X = jax.random.normal(k1, (3, round(self.alpha * n), n)) / jnp.sqrt(n)
        truth, noise = jax.random.normal(k2, (n,)), jax.random.normal(k3, (n,))
        h, g = X @ truth, jnp.zeros((3, round(self.alpha * n)))
        w, left = self.start * truth + jnp.sqrt(self.start * (1 - self.start)) * noise, 1 - self.start
        for _ in range(20):
            fields = X @ w - left * g
            g = (h * jnp.tanh(jnp.sum(h * fields, axis=0) / left) - fields) / left
            gain = jnp.sum(g**2) / n
            w, left = (jnp.einsum("lmn,lm->n", X, g) + gain * w) / (1 + gain), 1 / (1 + gain)
        return {"overlap": w @ truth / n}
