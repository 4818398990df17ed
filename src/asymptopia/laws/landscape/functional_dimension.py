"""How many numbers a ReLU network's function depends on."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import StatementError, field

if TYPE_CHECKING:
    import jax

BONA = "Bona-Pellissier, Malgouyres and Bachoc, Adv. Neural Inf. Process. Syst. 35 (2022)"
GRIGSBY = "Grigsby, Lindsey, Meyerhoff and Wu, arXiv 2209.04036 (2022)"
COUNTED = "weights and biases less hidden units, by hand"


def _landmarks() -> tuple[Landmark, ...]:
    rows = []
    for layers, rank in (((3, 4, 2), 22), ((1, 1, 1), 3), ((1, 5, 1), 11), ((4, 3, 3), 24), ((2, 10, 1), 31)):
        rows.append(Landmark(dict(layers=layers), "rank", float(rank), 1e-12, COUNTED))
    rows.append(Landmark(dict(layers=(1, 5, 1)), "deficit", 5.0, 1e-12, COUNTED))
    return tuple(rows)


class FunctionalDimension(Law):
    r"""A ReLU network has as many degrees of freedom as parameters, less one for every hidden unit.

    A dense network with ReLU units has `layers` of $d_0, d_1, \dots, d_L$ units and the parameters $\theta$, P weights
    and biases. The weights of a hidden unit are uniform on the unit sphere (their length can be scaled away), its bias,
    and all parameters of the linear outputs, are standard normal. The Jacobian of its outputs on n standard normal
    inputs, $\partial f_\theta(x_\mu) / \partial \theta$, has a rank, the functional dimension on these inputs.

    Limit: n to infinity. Scaling the weights and the bias of a hidden unit up and its outgoing weights down changes
    nothing, so that with $h = d_1 + \dots + d_{L-1}$ hidden units

    $$\mathrm{rank} \le P - h, \qquad P = \sum_l d_l (d_{l-1} + 1),$$

    and where it is $P - h$ the inputs determine the parameters nearby, up to these scalings (`identifiable`). With one
    hidden layer it is so for almost all parameters: the derivatives in the parameters of a unit are the functions
    $1_{w \cdot x + b > 0}$ times affine ones, of $d_0 + d_2$ dimensions for each unit, and jump or bend where no other
    unit does. `deficit` is $P - \mathrm{rank}$. Corrections are of the order 1/n: a hyperplane has k of n inputs on one
    side with probability $1/(n + 1)$ for every k, and few of them determine little.

    In deeper networks $P - h$ is the largest rank; units that are on, or off, wherever the units before them lead fall
    short of it, so that the mean over networks is smaller.

    The rank is found exactly, modulo a prime.
    """

    layers: tuple[int, ...] = field((3, 4, 2), "units of each layer, from the inputs to the outputs")

    defaults = Defaults(size="inputs", sizes=(512, 1024, 2048), seeds=900, block=100)
    references = References(
        source=f"{BONA}; {GRIGSBY}",
        status="proved: an upper bound, attained by almost all networks with one hidden layer",
        bibtex=r"""@inproceedings{BonaPellissierMalgouyresBachoc2022,
  author = {Bona-Pellissier, Joachim and Malgouyres, Fran{\c{c}}ois and Bachoc, Fran{\c{c}}ois},
  title = {Local identifiability of deep {ReLU} neural networks: the theory},
  booktitle = {Advances in Neural Information Processing Systems}, volume = {35}, year = {2022}
}
@article{GrigsbyLindseyMeyerhoffWu2022,
  author = {Grigsby, J. Elisenda and Lindsey, Kathryn and Meyerhoff, Robert and Wu, Chenxi},
  title = {Functional dimension of feedforward {ReLU} neural networks},
  journal = {arXiv preprint arXiv:2209.04036}, year = {2022}
}""",
    )
    observables = {
        "rank": Observable("r", "rank of the Jacobian of all outputs in the parameters"),
        "deficit": Observable("P - r", "parameters less the rank"),
        "identifiable": Observable("p", "share of networks that the inputs determine nearby", scale=1.0),
    }
    exercises = (dict(layers=(2, 5, 1)),)
    landmarks = _landmarks()

    def __post_init__(self) -> None:
        super().__post_init__()
        whole = isinstance(self.layers, tuple) and all(type(w) is int and w >= 1 for w in self.layers)
        if not whole or len(self.layers) < 3:
            raise StatementError(
                f"`layers` of FunctionalDimension must be three or more whole numbers >= 1, but is {self.layers}."
            )

    def predict(self) -> dict[str, Any]:
        parameters = sum(units * (before + 1) for before, units in pairwise(self.layers))
        hidden = sum(self.layers[1:-1])
        return {"rank": parameters - hidden, "deficit": hidden, "identifiable": 1.0}

    def realize(self, n: int, key: jax.Array) -> dict[str, Any]:
        from ...measure.relu_dimension import relu_dimension

        rng = generator(key)
        weights = [rng.standard_normal((units, before)) for before, units in pairwise(self.layers)]
        for w in weights[:-1]:
            w /= np.linalg.norm(w, axis=1, keepdims=True)
        biases = [rng.standard_normal(units) for units in self.layers[1:]]
        found = relu_dimension(weights, biases, rng.standard_normal((n, self.layers[0])))
        return {
            "rank": found.rank,
            "deficit": found.parameters - found.rank,
            "identifiable": float(found.identifiable),
        }

    def valid(self) -> str | None:
        """With more than one hidden layer the limit is the largest rank, not its mean."""
        if len(self.layers) > 3:
            return (
                "with more than one hidden layer this is the largest functional dimension: random networks have units "
                "that are on or off wherever the layers before lead, and a smaller one in the mean"
            )
        return None
