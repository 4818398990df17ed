"""The kernels of a network of your own, derived from its code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field
from ...parts.network import Network, ReluNetwork

if TYPE_CHECKING:
    import jax

YANG = "Yang, arXiv 2006.14548 (2020), theorem 2.10"
CHO = "Cho and Saul, NIPS 22 (2009) 342, equation 6"
DIAGONAL = "by hand: relu units keep |x|**2 / d, and each layer and the output add it once to the tangent kernel"


def _landmarks() -> tuple[Landmark, ...]:
    right = dict(inputs=((1.0, 0.0), (0.0, 1.0)), network=ReluNetwork(depth=1))
    return (
        Landmark({}, "nngp", 1.0, 2e-3, DIAGONAL, at=(0, 0)),
        Landmark({}, "tangent", 3.0, 5e-3, DIAGONAL, at=(0, 0)),
        Landmark(right, "nngp", 1 / (2 * np.pi), 2e-3, f"{CHO}: a right angle", at=(0, 1)),
    )


class WideNetwork(Law):
    r"""The kernels of a network of your own as its layers grow wide, derived from its code.

    `network(n, key, inputs)` draws a network of width n, in plain JAX, Equinox or Flax, and gives its parameters
    $\theta$ and its last hidden layer $h_\theta(x)$ of n units. A linear output is put on it, $f(x) = v \cdot
    h_\theta(x) / \sqrt n$ with standard normal v.

    Limit: n to infinity, by the theorem of tensor programs from the network's own code: no list of known layers.
    Dense and convolutional layers, attention, normalisation, skips, pooling and shared weights all follow.

    $$K(x, y) = \lim \tfrac1n h(x) \cdot h(y), \qquad
    \Theta(x, y) = \lim \nabla_{\theta, v} f(x) \cdot \nabla_{\theta, v} f(y) .$$

    K (`nngp`) is the covariance of the outputs at the start, and $\Theta$ (`tangent`) the kernel of training with small
    steps. $\Theta$ has a limit if parameters are of order one and scales stand in front of them (the tangent
    parametrisation); if weights are drawn of order $n^{-1/2}$, as most libraries do, it grows as n, and `standard`
    divides it by n.

    Where the program has no rule, it is refused with its line. Theory and experiment share the network's code.
    """

    network: Network = field(ReluNetwork(), "networks by width, or a function of (n, key, inputs)")
    inputs: tuple = field(((1.0, 1.0), (1.0, -0.5)), "the inputs x, one tuple of numbers each")
    standard: bool = field(False, "whether the tangent kernel is divided by the width")

    defaults = Defaults(size="width", sizes=(32, 64, 128, 256), seeds=100, block=50)
    references = References(
        source=YANG,
        status="proved for networks whose functions grow at most polynomially",
        bibtex="""@article{Yang2020NTK,
  author = {Yang, Greg},
  title = {Tensor programs {II}: Neural tangent kernel for any architecture},
  journal = {arXiv preprint arXiv:2006.14548}, year = {2020}
}""",
    )
    observables = {
        "nngp": Observable("K", "covariance of the outputs, given the hidden layers", dims=("x", "y"), resolution=0.1),
        "tangent": Observable(r"\Theta", "tangent kernel of the outputs", dims=("x", "y"), resolution=0.1),
    }
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        lengths = {len(x) if isinstance(x, tuple) else 0 for x in self.inputs}
        if len(lengths) != 1 or 0 in lengths or not np.isfinite(np.asarray(self.inputs, float)).all():
            raise StatementError(
                f"`inputs` of WideNetwork must be tuples of finite numbers, all of one length, but is {self.inputs!r}."
            )

    def coords(self) -> dict[str, Any]:
        return {"x": np.arange(len(self.inputs)), "y": np.arange(len(self.inputs))}

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        import jax
        import jax.numpy as jnp

        X = jnp.asarray(self.inputs, float)
        first, second = jax.random.split(key)
        parameters, features = self.network(n, first, X)
        v = jax.random.normal(second, (n,))

        def output(both: Any, x: jax.Array) -> jax.Array:
            return features(both[0], x[None])[0] @ both[1] / jnp.sqrt(n)

        slopes = [jax.tree.leaves(jax.grad(output)((parameters, v), x)) for x in X]
        tangent = jnp.stack(
            [jnp.stack([sum(jnp.sum(p * q) for p, q in zip(a, b, strict=True)) for b in slopes]) for a in slopes]
        )
        h = features(parameters, X)
        return {"nngp": h @ h.T / n, "tangent": tangent / n if self.standard else tangent}
