"""Lengths, correlations and gradients in deep random networks: order, chaos, and the edge between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.activation import Activation, Tanh
from .landmarks import LANDMARKS

POOLE = "Poole, Lahiri, Raghu, Sohl-Dickstein and Ganguli, NeurIPS 29 (2016), equations 3 to 8"
SCHOENHOLZ = "Schoenholz, Gilmer, Ganguli and Sohl-Dickstein, ICLR (2017), equations 7 to 12"


class SignalPropagation(Law):
    r"""Lengths, correlation and gradients of two inputs in a deep random network.

    Layers of n units with preactivations $z^{l+1} = W \phi(z^l) + b$, where W has independent normal entries of
    variance $\sigma_w^2/n$ and b of variance $\sigma_b^2$. As $n \to \infty$ the squared length $|z^l|^2/n$ and the
    correlation of two inputs follow

    $$q^{l+1} = \sigma_b^2 + \sigma_w^2 E[\phi(\sqrt{q^l} z)^2], \quad
      c^{l+1} = (\sigma_b^2 + \sigma_w^2 E[\phi(u)\phi(v)]) / q^{l+1},$$

    towards fixed points $q^\star$ (`length`) and $c^\star$ (`correlation`). Gradients grow by
    $\chi = \sigma_w^2 E[\phi'(\sqrt{q^\star} z)^2]$ a layer: $\chi < 1$ is order ($c^\star = 1$), $\chi > 1$ chaos,
    and $\chi = 1$ the threshold `order_to_chaos`. Deviations of the correlation and of the length fall by e over
    `correlation_depth` and `length_depth` layers, $-1/\log$ of the slope of each map at its fixed point.

    The experiment measures, in each of `layers` layers of one network, the mean squared length of both inputs
    (`layer_length`), their correlation (`layer_correlation`), and for a random linear function of the last layer the
    squared gradient in the preactivations of a layer, over that in the last (`layer_gradient`). The first layer has
    squared length `start_length` and correlation `start_correlation`.
    """

    activation: Activation = field(Tanh(), "what a unit makes of its preactivation")
    weight_variance: float = field(2.0, "variance of the weights, times their number", above=0)
    bias_variance: float = field(0.05, "variance of the biases", at_least=0)
    layers: int = field(8, "number of layers measured", at_least=2)
    start_length: float = field(1.0, "squared length of the inputs at the first layer, per unit", above=0)
    start_correlation: float = field(0.6, "correlation of the inputs at the first layer", above=-1, below=1)

    defaults = Defaults(size="width", sizes=(25, 50, 100, 200), seeds=600, block=100)
    references = References(
        source=f"{POOLE}; {SCHOENHOLZ}",
        status=(
            "proved for a fixed number of layers; the gradients under the independence of forward and backward weights"
        ),
        bibtex="""@inproceedings{PooleEtAl2016,
  author = {Poole, Ben and Lahiri, Subhaneil and Raghu, Maithra and Sohl-Dickstein, Jascha and Ganguli, Surya},
  title = {Exponential expressivity in deep neural networks through transient chaos},
  booktitle = {Advances in Neural Information Processing Systems},
  volume = {29}, year = {2016}
}
@inproceedings{SchoenholzEtAl2017,
  author = {Schoenholz, Samuel S. and Gilmer, Justin and Ganguli, Surya and Sohl-Dickstein, Jascha},
  title = {Deep information propagation},
  booktitle = {International Conference on Learning Representations}, year = {2017}
}""",
    )
    exercises = (dict(weight_variance=1.5, bias_variance=0.3, start_length=0.5, start_correlation=0.3),)
    landmarks = LANDMARKS
    observables = {
        "length": Observable(r"q^\star", "fixed point of the squared length", limit_only=True),
        "correlation": Observable(r"c^\star", "stable fixed point of the correlation", limit_only=True),
        "chi": Observable(r"\chi", "growth of squared gradients a layer, at the fixed length", limit_only=True),
        "correlation_depth": Observable(r"\xi_c", "layers over which correlations forget by e", limit_only=True),
        "length_depth": Observable(r"\xi_q", "layers over which lengths forget by e", limit_only=True),
        "layer_length": Observable("q^l", "mean squared length of the two inputs", dims=("layer",)),
        "layer_correlation": Observable("c^l", "correlation of the two inputs", dims=("layer",)),
        "layer_gradient": Observable(
            "g^l", "squared gradient over that in the last layer", dims=("layer",), resolution=0.1
        ),
    }

    def check(self) -> None:
        if self.bias_variance == 0:
            from .theory import by_layers

            by_layers(self)

    def coords(self) -> dict[str, Any]:
        return {"layer": np.arange(1, self.layers + 1)}

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `weight_variance` or `bias_variance`: `order_to_chaos`, where chi = 1; nan if there is none."""
        from .theory import critical_bias, critical_weight

        if along == "weight_variance":
            return {"order_to_chaos": critical_weight(self.activation, self.bias_variance)}
        if along == "bias_variance":
            return {"order_to_chaos": critical_bias(self.activation, self.weight_variance)}
        raise StatementError(
            f"SignalPropagation has no known transition along {along!r}; there is one along 'weight_variance' and one "
            "along 'bias_variance'."
        )
