"""The kernels of networks of growing width at initialisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Landmark, Law, Observable
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Erf, Relu
from ....parts.architecture import Architecture, Convolutional, Dense, Residual

JACOT = "Jacot, Gabriel and Hongler, NeurIPS 31 (2018), proposition 1 and theorem 1"
YAIDA = "Yaida, Proceedings of Machine Learning Research 107 (2020) 165"
RECOMPUTED = "independent recursion in high precision"


class _Observables:
    """The observables of a law: the width's correction is known for dense networks only."""

    every = {
        "nngp": Observable(r"K", "covariance of the outputs, given the hidden layers", dims=("x", "y")),
        "ntk": Observable(r"\Theta", "tangent kernel of the outputs", dims=("x", "y")),
        "kernel_variance": Observable(
            r"V", "variance of nngp over networks, times the width", dims=("x", "y"), fluctuation_of="nngp"
        ),
    }

    def __get__(self, law: WideNetworkKernel | None, owner: type) -> dict[str, Observable]:
        if law is None or isinstance(law.architecture, Dense):
            return self.every
        return {k: v for k, v in self.every.items() if k != "kernel_variance"}


class WideNetworkKernel(Law):
    r"""The kernels of a network with random weights as its hidden layers grow wide.

    The network has `depth` hidden layers of n units. Preactivations are
    $z^{l+1} = \sqrt{\sigma_w^2/n}\, W \phi(z^l) + \sqrt{\sigma_b^2}\, b$ with standard normal W and b, and
    $z^1 = \sqrt{\sigma_w^2/d}\, W x + \sqrt{\sigma_b^2}\, b$; the output is one more such layer (the tangent
    parametrisation). As $n \to \infty$ the covariance of the outputs over the weights and the tangent kernel
    $\Theta = \nabla f(x) \cdot \nabla f(y)$ over all weights and biases tend to what the recursion

    $$K^{l+1} = \sigma_b^2 + \sigma_w^2 E[\phi(u)\phi(v)], \quad
      \Theta^{l+1} = K^{l+1} + \sigma_w^2 \Theta^l E[\phi'(u)\phi'(v)], \quad (u, v) \sim N(0, K^l),$$

    gives, from $K^1 = \Theta^1 = \sigma_b^2 + \sigma_w^2 x \cdot y / d$. Over networks the covariance of the outputs
    given the hidden layers has a variance that falls as 1/n; the limit of n times it is `kernel_variance`. A residual
    network adds each hidden layer after the first to what is below it; a convolutional one averages the kernels of
    positions over its window.
    """

    inputs: tuple = field(((1.0, 1.0), (1.0, -0.5)), "the inputs x, one tuple of numbers each")
    depth: int = field(2, "number of hidden layers", at_least=1)
    activation: Activation = field(Relu(), "what a hidden unit makes of its preactivation")
    weight_variance: float = field(2.0, "variance of the weights, times their number", above=0)
    bias_variance: float = field(0.0, "variance of the biases", at_least=0)
    architecture: Architecture = field(Dense(), "how a layer arises from the one below")

    size = "width"
    sizes = (32, 64, 128, 256)
    seeds = 1600
    block = 100
    source = f"{JACOT}; fluctuations: {YAIDA}"
    bibtex = """@inproceedings{JacotGabrielHongler2018,
  author = {Jacot, Arthur and Gabriel, Franck and Hongler, Cl{\\'e}ment},
  title = {Neural tangent kernel: convergence and generalization in neural networks},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {31}, year = {2018}
}
@inproceedings{Yaida2020,
  author = {Yaida, Sho},
  title = {Non-{G}aussian processes and neural networks at finite widths},
  booktitle = {Proceedings of the First Mathematical and Scientific Machine Learning Conference},
  series = {Proceedings of Machine Learning Research}, volume = {107}, pages = {165--192}, year = {2020}
}"""
    status = "proved for activations that grow at most polynomially"
    observables = _Observables()  # type: ignore[assignment]

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = {len(x) if isinstance(x, tuple) else 0 for x in self.inputs}
        if len(lengths) != 1 or 0 in lengths:
            raise StatementError(
                f"`inputs` of WideNetworkKernel must be tuples of numbers, all of one length, but is {self.inputs!r}."
            )
        if not np.isfinite(np.asarray(self.inputs, float)).all():
            raise StatementError(f"`inputs` of WideNetworkKernel must be finite, but is {self.inputs!r}.")
        if isinstance(self.architecture, Convolutional):
            positions, rest = divmod(lengths.pop(), self.architecture.channels)
            if rest or positions < self.architecture.window:
                raise StatementError(
                    f"{self.architecture!r} needs inputs of at least `window` positions of `channels` numbers each, "
                    f"but `inputs` of WideNetworkKernel have {positions * self.architecture.channels + rest} numbers."
                )

    def coords(self) -> dict[str, Any]:
        return {"x": np.arange(len(self.inputs)), "y": np.arange(len(self.inputs))}

    def predict(self) -> dict[str, Any]:
        from ....parts.network_kernels import kernels
        from .theory import spread

        points = np.asarray(self.inputs, float)
        given = (points, self.depth, self.activation, float(self.weight_variance), float(self.bias_variance))
        nngp, ntk = kernels(*given, self.architecture)
        if not np.isfinite(ntk).all():
            raise StatementError(
                f"{self.activation!r} has no tangent kernel: the derivative has no second moment. "
                "`activation` of WideNetworkKernel must be differentiable almost everywhere, and continuous."
            )
        found = {"nngp": nngp, "ntk": ntk}
        return found | {"kernel_variance": spread(*given)} if isinstance(self.architecture, Dense) else found

    def realize(self, n: int, key: Any) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        points = jnp.asarray(self.inputs, float)
        weights = self._draw(n, key)

        def outputs(weights: Any) -> Any:
            return self._affine(self._hidden(weights[:-1], points), weights[-1])[..., 0]

        if isinstance(self.architecture, Dense):
            ntk = self._layer_by_layer(weights, points)
        else:
            rows = [a.reshape(len(points), -1) for a in jax.tree.leaves(jax.jacrev(outputs)(weights))]
            ntk = sum(row @ row.T for row in rows)
        top = self._hidden(weights[:-1], points)
        nngp = self.bias_variance + self.weight_variance * top @ top.T / top.shape[1]
        return {"nngp": nngp, "ntk": ntk}

    def _layer_by_layer(self, weights: list[Any], points: Any) -> Any:
        """The tangent kernel of the dense network with these weights, (P, P)."""
        import jax.numpy as jnp

        from ....measure.network_tangent import contracted, passes

        factors = [(jnp.sqrt(self.weight_variance / W.shape[1]), jnp.sqrt(self.bias_variance)) for W, _ in weights]
        layers = [(s * W, t * b) for (W, b), (s, t) in zip(weights, factors, strict=True)]
        found = passes(layers, self.activation, points)
        return contracted(found, found, factors)[..., 0, 0]

    def _draw(self, n: int, key: Any) -> list[Any]:
        """Standard normal weights and biases of each layer."""
        import jax

        wiring = self.architecture
        convolutional = isinstance(wiring, Convolutional)
        window = wiring.window if isinstance(wiring, Convolutional) else 1
        length = len(self.inputs[0])
        first = wiring.channels * window if isinstance(wiring, Convolutional) else length
        last = n * (length // wiring.channels) if isinstance(wiring, Convolutional) and not wiring.pooling else n
        shapes = [(n, first), *[(n, n * window if convolutional else n)] * (self.depth - 1), (1, last)]
        keys = jax.random.split(key, (len(shapes), 2))
        return [
            (jax.random.normal(a, shape), jax.random.normal(b, shape[:1]))
            for (a, b), shape in zip(keys, shapes, strict=True)
        ]

    def _affine(self, below: Any, weights: Any) -> Any:
        import jax.numpy as jnp

        W, b = weights
        return jnp.sqrt(self.weight_variance / W.shape[1]) * below @ W.T + jnp.sqrt(self.bias_variance) * b

    def _hidden(self, weights: Any, points: Any) -> Any:
        """What the last layer sees: (inputs, numbers)."""
        import jax.numpy as jnp

        wiring = self.architecture
        if not isinstance(wiring, Convolutional):
            z = self._affine(points, weights[0])
            for layer in weights[1:]:
                above = self._affine(self.activation(z), layer)
                z = z + above if isinstance(wiring, Residual) else above
            return self.activation(z)

        def windows(h: Any) -> Any:
            shifted = [jnp.roll(h, -s, axis=1) for s in range(wiring.window)]
            return jnp.concatenate(shifted, axis=-1)

        h = points.reshape(len(points), -1, wiring.channels)
        for layer in weights:
            h = self.activation(self._affine(windows(h), layer))
        return h.mean(axis=1) if wiring.pooling else h.reshape(len(points), -1)

    def valid(self) -> str | None:
        if self.depth > 20:
            return (
                f"at depth {self.depth} the fluctuations of the kernels, which grow as depth / width, "
                "are small only for widths far above the depth"
            )
        return None


def _landmarks() -> tuple[Landmark, ...]:
    plane = ((2**0.5, 0.0), (0.5**0.5, 1.5**0.5))
    rows = []
    erf = dict(inputs=plane, depth=2, activation=Erf(), weight_variance=1.0)
    rows.append(Landmark(erf, "nngp", 0.31990900968063063, 1e-12, RECOMPUTED, at=(0, 0)))
    for depth in (1, 3):
        relu = dict(inputs=plane, depth=depth)
        rows.append(Landmark(relu, "nngp", 2.0, 1e-12, "Cho and Saul, NeurIPS 22 (2009): preserved length", at=(0, 0)))
        rows.append(Landmark(relu, "ntk", 2.0 * (depth + 1), 1e-12, JACOT, at=(1, 1)))
        variance = 4.0 * 5 * depth
        rows.append(Landmark(relu, "kernel_variance", variance, 1e-9, "5 / n of K^2 a layer: " + YAIDA, at=(0, 0)))
    return tuple(rows)


WideNetworkKernel.landmarks = _landmarks()

__all__ = ["WideNetworkKernel"]
