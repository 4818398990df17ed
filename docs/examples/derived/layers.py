import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg

from asymptopia import Law, Observable, field


class Layers(Law):
    r"""The input and the hidden layer of a noisy linear network are inferred from its labels: posterior means."""

    hidden: float = field(1.5, "hidden units per input", above=0)
    labels: float = field(1.2, "labels per hidden unit", above=0)
    noise: float = field(0.5, "variance of the noise of each layer", above=0)
    size, sizes, seeds = "inputs", (100, 200, 400), 64
    observables = {"mse": Observable("e", "squared error, per unit of a layer", dims=("layer",))}

    def realize(self, n, key):
        k1, k2, k3, k4, k5 = jax.random.split(key, 5)
        m = round(self.hidden * n)
        W1 = jax.random.normal(k1, (m, n)) / jnp.sqrt(n)
        W2 = jax.random.normal(k2, (round(self.labels * m), m)) / jnp.sqrt(m)
        x = jax.random.normal(k3, (n,))
        h = W1 @ x + jnp.sqrt(self.noise) * jax.random.normal(k4, (m,))
        y = W2 @ h + jnp.sqrt(self.noise) * jax.random.normal(k5, (len(W2),))

        def given(u):
            """Covariances of the input and of the hidden layer with u . y."""
            return W1.T @ (W2.T @ u), W1 @ (W1.T @ (W2.T @ u)) + self.noise * (W2.T @ u)

        u = cg(lambda u: W2 @ given(u)[1] + self.noise * u, y, tol=0, maxiter=20)[0]
        return {"mse": jnp.stack([jnp.mean((a - b) ** 2) for a, b in zip(given(u), (x, h), strict=True)])}
