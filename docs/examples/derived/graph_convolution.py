import jax
import jax.numpy as jnp
from jax.scipy.sparse.linalg import cg

from asymptopia import Law, Observable, field


class GraphConvolution(Law):
    r"""Communities are learned by ridge regression on features of neighbours, solved by conjugate gradients."""

    signal: float = field(1.5, "signal of the graph", at_least=0)
    labelled: float = field(0.5, "share of nodes whose label is known", above=0, below=1)
    ridge: float = field(1.0, "strength of the penalty", above=0)
    size, sizes, seeds = "nodes", (100, 200, 400), 150
    observables = {
        "overlap": Observable("m", "mean of label times output, of unlabelled nodes"),
        "test_loss": Observable("L", "mean loss of an unlabelled node"),
        "train_loss": Observable("L", "mean loss of a labelled node"),
    }

    def realize(self, n, key):
        k1, k2, k3, k4 = jax.random.split(key, 4)
        v, u = jax.random.rademacher(k1, (n,), dtype=float), jax.random.normal(k2, (n,))
        W, Z = jax.random.normal(k3, (n, n)), jax.random.normal(k4, (n, n))
        A = self.signal / n * jnp.outer(v, v) + (W + W.T) / jnp.sqrt(2 * n)
        B = jnp.outer(v, u) / n + Z / jnp.sqrt(n)
        known = round(self.labelled * n)

        def convolved(w):
            return A @ (B @ w)

        w = cg(
            lambda w: B.T @ (A[:, :known] @ convolved(w)[:known]) + self.ridge * w,
            B.T @ (A[:, :known] @ v[:known]),
            tol=0,
            maxiter=12,
        )[0]
        loss = (v - convolved(w)) ** 2 / 2
        return {
            "overlap": jnp.mean((v * convolved(w))[known:]),
            "test_loss": jnp.mean(loss[known:]),
            "train_loss": jnp.mean(loss[:known]),
        }
