"""Tokens that attend, infinitely sharply, to the token most opposite to them."""

import numpy as np

from asymptopia import Law, Observable, field


class HardmaxAttention(Law):
    r"""Tokens move towards the token that their attention picks: steps of Frank and Wolfe over their convex hull.

    Tokens $x_i \in R^2$ start from the standard normal distribution, less their mean, so that the origin lies within
    their hull. At each step $x_i$ goes to $x_i + \alpha (x_j - x_i)$ with $j$ the token of least $x_i \cdot x_j$:
    self-attention of infinite inverse temperature and key-query matrix $-I$. If all contract linearly to a cluster at
    the origin, then minus the logarithm of the largest length grows as the number of steps.
    """

    tokens: int = field(8, "number of tokens", at_least=2)
    step: float = field(0.1, "length of a step, as a share of the distance", above=0, below=1)

    size = "steps"
    sizes = (100, 200, 400, 800)
    seeds = 64
    source = "Alcalde, Geshkovski and Ruiz-Balet, arXiv:2508.09628"
    observables = {
        "closeness": Observable(r"-\log r", "minus the logarithm of the length of the largest token"),
        "growth": Observable("b", "its growth with the steps, n**b", exponent_of="closeness"),
    }

    def realize_all(self, n, keys):
        import jax

        starts = [jax.random.normal(k, (self.tokens, 2)) for k in keys]
        return {"closeness": np.array([self._after(n, np.asarray(x)) for x in starts])}

    def _after(self, n, x):
        x = x - x.mean(axis=0)
        for _ in range(n):
            x = x + self.step * (x[np.argmin(x @ x.T, axis=1)] - x)
        return -0.5 * np.log((x * x).sum(axis=1).max())
