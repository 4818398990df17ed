"""The kernels of networks of growing width at initialisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Relu
from ....parts.architecture import Architecture, Convolutional, Dense
from .landmarks import JACOT, LANDMARKS, YAIDA


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

    defaults = Defaults(size="width", sizes=(24, 72, 216), seeds=40000, block=400)
    references = References(
        source=f"{JACOT}; fluctuations: {YAIDA}",
        status="proved for activations that grow at most polynomially",
        bibtex="""@inproceedings{JacotGabrielHongler2018,
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
}""",
    )
    exercises = (dict(weight_variance=1.5, bias_variance=0.3),)
    landmarks = LANDMARKS
    observables = _Observables()

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

    def valid(self) -> str | None:
        if self.depth > 20:
            return (
                f"at depth {self.depth} the fluctuations of the kernels, which grow as depth / width, "
                "are small only for widths far above the depth"
            )
        return None
