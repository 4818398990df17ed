"""Majorization-minimization for deep networks: monotone, above and touching, at a rate; and how fast at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, NoLimit, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key, PyTree
from ...numerics.compiled import compiled
from ...parts.activation import Activation, Relu

LANGE = "Lange, MM Optimization Algorithms (2016), chapters 1 and 2"
JAAKKOLA = "Jaakkola and Jordan, Stat. Comput. 10 (2000) 25, equation 12"
BOEHNING = "Boehning and Lindsay, Ann. Inst. Stat. Math. 40 (1988) 641, theorem 4.1"
SWEEPS, UNITS, INPUTS, STEPS = 8, 8, 4, 60


class MajorizationMinimization(Law):
    r"""A deep network is trained without step sizes, by quadratics that lie above its loss and touch it.

    With all matrices of a network but $W_l$ fixed, its mean loss f has at the present point a quadratic majoriser
    $Q(D) = f + \langle G, D \rangle + \frac12 \langle D, H D \rangle \geq f(W_l + D)$ for all D, built from the
    composition (`asymptopia.algorithms.optimisers`). Minimising it, layer after layer, grants the descent
    $\frac12 \langle G, H^{-1} G \rangle$ at every step, so that f never rises and after k steps

    $$\min_{j \leq k} |G_j|^2 \leq \frac{2 L (f_0 - f_k)}{k}, \qquad L = \max_j \lambda_{\max}(H_j) .$$

    `rise` is the largest rise of f, `shortfall` the largest by which a step misses its descent, `excess` the largest
    of f - Q at random D, each relative to 1 + f; `rate` is the left side over the right. All hold for every network
    and every data set. Here it has `depth` hidden layers of eight units, n samples of noisy signs, and the logistic
    loss.

    How fast a majoriser makes it at the end is known for one unit: the error falls by the largest eigenvalue of
    $1 - H^{-1} \nabla^2 f$. With Gaussian inputs a and labels drawn with probability $1 / (1 + e^{-y w^* \cdot a})$,
    $|w^*|$ = `signal`, the sharp majoriser of the logistic loss has $H = E[c(z) a a^T]$,
    $c(z) = \tanh(z/2) / 2 z$, and as $n \to \infty$ with g standard normal

    $$\text{contraction} \to 1 - \min_{k = 0, 2} \frac{E\, g^k \sigma'(|w^*| g)}{E\, g^k c(|w^*| g)}, \qquad
      \sigma'(z) = \tfrac14 \cosh^{-2} \tfrac z2 ;$$

    with the constant bound 1/4 instead of c it would be 1 - the least of $4 E g^k \sigma'$, `constant_bound`.
    """

    activation: Activation = field(Relu(), "activation of the hidden layers")
    depth: int = field(2, "hidden layers", at_least=1, at_most=4)
    signal: float = field(2.0, "norm of the weights behind the labels of one unit", above=0, at_most=6)

    defaults = Defaults(size="samples", sizes=(200, 400, 800), seeds=50, block=50)
    references = References(
        source=LANGE + "; " + JAAKKOLA + "; " + BOEHNING,
        status="proved; fields within 16 ulp of relu's kink count as that far from it",
        bibtex=r"""@book{Lange2016,
  author = {Lange, Kenneth},
  title = {{MM} Optimization Algorithms},
  publisher = {Society for Industrial and Applied Mathematics}, year = {2016}
}
@article{JaakkolaJordan2000,
  author = {Jaakkola, Tommi S. and Jordan, Michael I.},
  title = {Bayesian parameter estimation via variational methods},
  journal = {Statistics and Computing}, volume = {10}, pages = {25--37}, year = {2000}
}
@article{BoehningLindsay1988,
  author = {B{\"o}hning, Dankmar and Lindsay, Bruce G.},
  title = {Monotonicity of quadratic-approximation algorithms},
  journal = {Annals of the Institute of Statistical Mathematics}, volume = {40}, pages = {641--663}, year = {1988}
}""",
    )
    observables = {
        "rise": Observable("r", "largest rise of the loss in a step, over 1 + loss", bound="every"),
        "shortfall": Observable(r"\Delta", "by how much a step missed its granted descent", bound="every"),
        "excess": Observable("e", "largest of loss minus majoriser at random changes", bound="every"),
        "rate": Observable(r"\rho", "least squared gradient over its bound", bound="every"),
        "contraction": Observable(r"\kappa", "factor by which the error of one unit falls in a step", scale=1.0),
        "constant_bound": Observable(r"\kappa_c", "the same with the bound 1/4", limit_only=True),
    }
    landmarks = (
        Landmark(dict(signal=1e-6), "contraction", 0.0, 1e-9, "c = sigma' = 1/4 at zero: the majoriser is f itself"),
        Landmark({}, "contraction", 0.600284082804186, 1e-12, "the ratio of integrals by adaptive quadrature"),
        Landmark({}, "constant_bound", 0.757889866678816, 1e-12, "the integral by adaptive quadrature"),
    )

    def check(self) -> None:
        from ...algorithms.optimisers.network import ACTIVATIONS

        if type(self.activation) not in ACTIVATIONS:
            names = ", ".join(c.__name__ for c in ACTIVATIONS)
            raise NoLimit(f"`activation` must have a majoriser, but is {self.activation!r}. Supported: {names}.")

    def predict(self) -> dict[str, Any]:
        from ...numerics.gaussian import density

        g = np.linspace(-12, 12, 4001)
        weight = density(g) * (g[1] - g[0])
        z = float(self.signal) * g
        slope = 0.25 / np.cosh(z / 2) ** 2
        half = np.where(np.abs(z) < 1e-4, 1.0, z) / 2
        sharp = np.where(np.abs(z) < 1e-4, 0.25 - z**2 / 48, np.tanh(half) / (4 * half))
        slopes = [weight @ (g**k * slope) for k in (0, 2)]
        ratios = [s / (weight @ (g**k * sharp)) for s, k in zip(slopes, (0, 2), strict=True)]
        bounds = {"rise": 0.0, "shortfall": 0.0, "excess": 0.0, "rate": 1.0}
        return bounds | {"contraction": 1 - min(ratios), "constant_bound": 1 - 4 * min(slopes)}

    def realize_all(self, n: int, keys: Any) -> dict[str, Any]:
        trials = _trials(keys, n, self.activation, int(self.depth), float(self.signal))
        return {k: np.asarray(v, float) for k, v in trials.items()}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        return {k: v[0] for k, v in self.realize_all(n, key[None]).items()}


@compiled("n", "activation", "depth")
def _trials(keys: Key, n: int, activation: Activation, depth: int, signal: Any) -> Any:
    import jax

    def one(key: Key) -> dict[str, Any]:
        deep, shallow = jax.random.split(key)
        return _deep(deep, n, activation, depth) | {"contraction": _single(shallow, n, signal)}

    return jax.vmap(one)(keys)


def _deep(key: Key, n: int, activation: Activation, depth: int) -> dict[str, Any]:
    """The guarantees along sweeps over the layers of one network."""
    import jax
    import jax.numpy as jnp

    from ...algorithms.optimisers.majorisers import forward, layer_majoriser
    from ...algorithms.optimisers.network import Network
    from ...parts.loss import Logistic

    network = Network((INPUTS, *(UNITS,) * depth, 1), activation, Logistic())
    one, two, three, four = jax.random.split(key, 4)
    X = jax.random.normal(one, (n, INPUTS))
    y = jnp.where(X[:, :1] * X[:, 1:2] + 0.5 * jax.random.normal(two, (n, 1)) > 0, 1.0, -1.0)
    start = network.draw(three)

    def sweep(parameters: PyTree, key: Key) -> Any:
        told = []
        for layer in range(network.depth - 1, -1, -1):
            passed = forward(network, parameters, X)
            majoriser = layer_majoriser(network, parameters, y, passed, layer)
            change = majoriser.minimiser()
            away = jax.random.normal(jax.random.fold_in(key, layer), change.shape)
            away *= jnp.exp(jax.random.normal(jax.random.fold_in(key, layer + 99)))
            at = (*parameters[:layer], parameters[layer] + away, *parameters[layer + 1 :])
            above = (network.objective(at, X, y) - majoriser(away)) / (1 + majoriser.value)
            top = jnp.linalg.eigvalsh(majoriser.gram)[-1] * majoriser.units.max()
            granted = -jnp.vdot(majoriser.gradient, change) / 2
            told.append((majoriser.value, granted, above, jnp.sum(majoriser.gradient**2), top))
            parameters = (*parameters[:layer], parameters[layer] + change, *parameters[layer + 1 :])
        return parameters, tuple(map(jnp.stack, zip(*told, strict=True)))

    end, told = jax.lax.scan(sweep, start, jax.random.split(four, SWEEPS))
    value, granted, above, squares, top = (v.reshape(-1) for v in told)
    last = network.objective(end, X, y)
    steps = jnp.diff(jnp.append(value, last))
    return {
        "rise": jnp.max(steps / (1 + value)),
        "shortfall": jnp.max((steps + granted) / (1 + value)),
        "excess": jnp.max(above),
        "rate": squares.min() * len(squares) / (2 * top.max() * (value[0] - last)),
    }


def _single(key: Key, n: int, signal: Any) -> Any:
    """The factor by which the error of one unit falls per step, after many, by the power that remains."""
    import jax
    import jax.numpy as jnp

    from ...algorithms.optimisers.majorisers import forward, layer_majoriser
    from ...algorithms.optimisers.network import Network
    from ...parts.loss import Logistic

    network = Network((INPUTS, 1), (), Logistic(), bias=False)
    one, two = jax.random.split(key)
    X = jax.random.normal(one, (n, INPUTS))
    y = jnp.where(jax.random.uniform(two, (n, 1)) < jax.nn.sigmoid(signal * X[:, :1]), 1.0, -1.0)

    def step(W: PyTree, _: Any) -> Any:
        change = layer_majoriser(network, (W,), y, forward(network, (W,), X), 0).minimiser()
        return W + change, jnp.linalg.norm(change)

    moves = jax.lax.scan(step, jnp.zeros((INPUTS, 1)), length=STEPS)[1]
    floor = 1e-10 * moves[0]
    late = jnp.sum(moves > floor) - 1
    return moves[late] / moves[late - 1]
