"""Bayes-optimal inference through the layers of a random network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....contract.law import Defaults, Law, Observable, References
from ....contract.record import StatementError, field
from ....parts.channel import Channel, Linear, ReLU
from ....parts.channel.between import checked_layer
from ....parts.prior import Gaussian, Prior
from ..common import few_nonzero, none_drawn, nonzero_share
from .landmarks import LANDMARKS

MANOEL = "Manoel, Krzakala, Mezard and Zdeborova, IEEE ISIT (2017) 2098"
GABRIE = "Gabrie et al., NeurIPS 31 (2018): the free entropy proved for two layers"
AUBIN = "Aubin, Loureiro, Baker, Krzakala and Zdeborova, MSML (2020): generative priors"


class MultiLayerGLM(Law):
    r"""What labels at the end of a random network say of its input and of each of its hidden layers.

    The signal $x_0$ has n coordinates from `prior`. `layers` are pairs (ratio, channel): layer l has
    $n_l = \text{ratio}_l\, n_{l-1}$ outputs $x_l$, which its channel makes of the fields $W_l x_{l-1}$ with
    $W_l$ of independent entries $N(0, 1/n_{l-1})$. The outputs of the last are the labels y that are seen, and all
    matrices are known. With two layers the first is a generative prior for the generalised linear model of the second;
    with one layer the law is `BayesOptimal`. Hidden layers have labels +-1 (Sign, Probit, ...), or are Linear, ReLU or
    Abs.

    Limit: n to infinity. The overlaps $q_l = \langle x_l \rangle \cdot x_l / n_l$ and the precisions $A_l$ with which
    layer l is seen from above obey

    $$q_0 = E \langle x \rangle_{A_0}^2, \quad q_l = E \langle x \rangle^2_{q_{l-1}, A_l}, \quad
    A_{l-1} = \text{ratio}_l\, E\, (\partial_\omega \log Z_l)^2 ,$$

    $Z_l(\omega, V; A, B) = E\, e^{B x - A x^2 / 2}$ with x made of a field $N(\omega, V)$, $V = \rho_{l-1} - q_{l-1}$,
    $\omega \sim N(0, q_{l-1})$, $B = A x + \sqrt A \xi$; of the last layer Z is the probability of the label. The
    free entropy per coordinate of the signal is, with $n_l / n_0 = \beta_l$,

    $$\phi = \lim \tfrac1{n_0} E \log P(y) = E \log Z_0 + \sum_{l=1}^L \beta_l E \log Z_l
      - \tfrac12 \sum_{l=0}^{L-1} \beta_l A_l q_l ,$$

    at the state that is reached from no knowledge (`start="uninformative"`, what message passing does) or from
    full knowledge. Threshold `weak_recovery` along `alpha`, the ratio of the last layer: above it knowing nothing is
    unstable; 0 where something is known at any ratio. Corrections are of order 1/n.
    """

    layers: tuple[tuple[float, Channel], ...] = field(
        ((2.0, ReLU()), (0.8, Linear(noise=0.1))),
        "pairs: outputs per input of a layer, and its channel; the last is seen",
    )
    prior: Prior = field(Gaussian(), "law of the coordinates of the signal")
    start: str = field("uninformative", "knowledge of the layers at the start", one_of=("uninformative", "informative"))

    controls = ("alpha",)
    defaults = Defaults(size="inputs", sizes=(100, 200, 400), seeds=64, block=16)
    references = References(
        source=f"{MANOEL}; {GABRIE}; {AUBIN}",
        status="proved for two layers (free entropy) and for message passing; heuristic for more layers",
        bibtex="""@inproceedings{ManoelKrzakalaMezardZdeborova2017,
  author = {Manoel, Andre and Krzakala, Florent and M{\\'e}zard, Marc and Zdeborov{\\'a}, Lenka},
  title = {Multi-layer generalized linear estimation},
  booktitle = {Proceedings of the IEEE International Symposium on Information Theory},
  pages = {2098--2102}, year = {2017}
}
@inproceedings{AubinLoureiroBakerKrzakalaZdeborova2020,
  author = {Aubin, Benjamin and Loureiro, Bruno and Baker, Antoine and Krzakala, Florent and Zdeborov{\\'a}, Lenka},
  title = {Exact asymptotics for phase retrieval and compressed sensing with random generative priors},
  booktitle = {Mathematical and Scientific Machine Learning}, pages = {55--73}, year = {2020}
}""",
    )
    observables = {
        "overlap": Observable("q_l", "overlap of posterior mean and truth, per unit", dims=("layer",), resolution=0.1),
        "mse": Observable(r"\rho_l - q_l", "squared error, per unit of a layer", dims=("layer",), resolution=0.1),
        "free_entropy": Observable(r"\phi", "log-probability of all labels, per input", limit_only=True),
    }
    exercises = (dict(layers=((1.5, ReLU()), (1.2, Linear(noise=0.3)))),)
    landmarks = LANDMARKS

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", _checked(self.layers))
        super().__post_init__()

    def coords(self) -> dict[str, Any]:
        return {"layer": np.arange(len(self.layers))}

    def check(self) -> None:
        self.prior.check()
        for _, channel in self.layers:
            channel.check()

    def too_small(self, sizes: Sequence[int]) -> str | None:
        ratios = np.cumprod([ratio for ratio, _ in self.layers])
        outputs = {f"outputs of layer {k}": float(ratio) for k, ratio in enumerate(ratios, 1)}
        return none_drawn(outputs, sizes) or few_nonzero(nonzero_share(self.prior), sizes)

    def valid(self) -> str | None:
        """Warns where full knowledge leads to another state than none does: only one of them is Bayes-optimal."""
        from .theory import solve_both

        here, other = solve_both(self)
        if abs(here - other) < 1e-5:
            return None
        return f"hard phase: overlap {here:.6g} of the last hidden layer from this start, {other:.6g} from the other"

    def thresholds(self, along: str) -> dict[str, float]:
        """Along `alpha`, outputs per input of the last layer: `weak_recovery`."""
        from .theory import weak_recovery

        if along != "alpha":
            raise StatementError(f"MultiLayerGLM has no known transition along {along!r}; it has one along 'alpha'.")
        return {"weak_recovery": weak_recovery(self)}


def _checked(layers: Any) -> tuple[tuple[float, Channel], ...]:
    """The layers as pairs of a ratio > 0 and a channel that can stand at its place."""
    found = []
    for pair in layers if isinstance(layers, (tuple, list)) else ():
        ratio, channel = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (None, None)
        if isinstance(channel, type) and issubclass(channel, Channel):
            channel = channel()
        number = isinstance(ratio, (int, float)) and not isinstance(ratio, bool) and 0 < ratio < np.inf
        if ratio is None or not number or not isinstance(channel, Channel):
            raise StatementError(
                f"`layers` of MultiLayerGLM must be pairs of a ratio > 0 and a channel, but one is {pair!r}."
            )
        found.append((float(ratio), channel))
    if not found:
        raise StatementError(
            f"`layers` of MultiLayerGLM must be at least one pair (ratio, channel), but is {layers!r}."
        )
    for _, channel in found[:-1]:
        checked_layer(channel)
    return tuple(found)
