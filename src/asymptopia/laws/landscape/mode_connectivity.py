"""Two networks of one task, joined by a straight line: the barrier between them falls with the width."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key
from ...parts.activation import Activation, Power, Tanh

ENTEZARI = "Entezari, Sedghi, Saukh and Neyshabur, Int. Conf. Learn. Represent. (2022), conjecture 1"
FERBACH = "Ferbach, Goujaud, Gidel and Dieuleveut, Proc. Mach. Learn. Res. 238 (2024) 3853, theorem 3.1"
BOBKOV = "Bobkov and Ledoux, Mem. Amer. Math. Soc. 261 (2019) 1259, theorem 4.3"
CLOSED = "moments of uniform and normal variables, in closed form"
INPUTS, WEIGHTS = np.polynomial.hermite_e.hermegauss(5)
SHARES = WEIGHTS / WEIGHTS.sum()


class ModeConnectivity(Law):
    r"""Two wide two-layer networks are joined by a straight line, after their neurons are matched.

    Networks $f(x) = \frac1n \sum_i \sigma(w_i x)$ of one input whose n neurons are independent, as they are for wide
    networks trained from independent starts: here uniform on $[0, g]$. Both learned the same task, the function
    $f_\infty$ that they tend to, with the risk $L = \frac12 \mathbb{E} (f - f_\infty)^2$ over the five inputs of the
    Gauss-Hermite rule for $x \sim N(0, 1)$. The barrier is the risk of the network whose weights are halfway, less the
    mean of the risks of the two ends.

    Neurons in any order: the middle has the neurons $(w + w')/2$, which are distributed otherwise, and

    $$B \to \frac12 \mathbb{E}_x \Big( \mathbb{E}\, \sigma\big(\tfrac{w + w'}2 x\big)
      - \mathbb{E}\, \sigma(w x) \Big)^2 \ge 0, \qquad \text{unmatched}.$$

    Neurons matched so that their squared distances are least, that is in order on the line: the mean squared distance
    is $W_2^2$ between two samples of n points, and n times it, `distance`, tends to $2 \int F (1 - F)/\rho = g^2/3$
    with the distribution F and density $\rho$ of a weight. The output in the middle differs from the mean of the ends'
    by as little, so that the `barrier` tends to zero, and averaging wins:

    $$n B \to -\frac14\, \mathbb{E}_x \mathrm{Var}_w\, \sigma(w x), \qquad \text{scaled barrier},$$

    the middle is better than either end. With d weights a neuron the squared distance falls as $n^{-2/d}$ only, for
    $d \ge 3$: the more weights a neuron has, the wider networks must be to be joined.
    """

    activation: Activation = field(Tanh(), "activation of the neurons, smooth")
    reach: float = field(2.0, "largest weight g", above=0)

    defaults = Defaults(size="neurons", sizes=(50, 100, 200, 400), seeds=4500, block=1500)
    references = References(
        source=FERBACH + "; " + ENTEZARI + "; " + BOBKOV,
        status="proved for independent neurons; that training keeps them so holds in the mean-field limit",
        bibtex="""@inproceedings{Entezari2022,
  author = {Entezari, Rahim and Sedghi, Hanie and Saukh, Olga and Neyshabur, Behnam},
  title = {The role of permutation invariance in linear mode connectivity of neural networks},
  booktitle = {International Conference on Learning Representations}, year = {2022}
}
@inproceedings{Ferbach2024,
  author = {Ferbach, Damien and Goujaud, Baptiste and Gidel, Gauthier and Dieuleveut, Aymeric},
  title = {Proving linear mode connectivity of neural networks via optimal transport},
  booktitle = {International Conference on Artificial Intelligence and Statistics},
  series = {Proceedings of Machine Learning Research}, volume = {238}, pages = {3853--3861}, year = {2024}
}
@article{BobkovLedoux2019,
  author = {Bobkov, Sergey and Ledoux, Michel},
  title = {One-dimensional empirical measures, order statistics, and {Kantorovich} transport distances},
  journal = {Memoirs of the American Mathematical Society}, volume = {261}, number = {1259}, year = {2019}
}""",
    )
    observables = {
        "unmatched": Observable("B", "barrier between networks whose neurons are in any order"),
        "barrier": Observable("B^*", "barrier after matching", scale=0.01),
        "scaled_barrier": Observable("n B^*", "barrier after matching, times n", resolution=0.15),
        "distance": Observable("n W_2^2", "mean squared distance of matched neurons, times n"),
        "rate": Observable("b", "exponent of the barrier after matching", exponent_of="barrier"),
    }
    landmarks = (
        Landmark(dict(activation=Power(degree=2), reach=1.0), "unmatched", 1 / 384, 1e-12, CLOSED),
        Landmark(dict(activation=Power(degree=2), reach=1.0), "scaled_barrier", -1 / 15, 1e-12, CLOSED),
        Landmark(dict(reach=3.0), "distance", 3.0, 1e-12, BOBKOV),
        Landmark({}, "rate", -1.0, 1e-12, FERBACH),
    )

    def valid(self) -> str | None:
        if self.activation.breaks():
            return "the activation is not smooth: the middle differs from the ends by more than the squared distance"
        return None

    def predict(self) -> dict[str, Any]:
        points, uniform, triangular = unit_interval()
        outputs = np.asarray(self.activation(self.reach * np.outer(points, INPUTS)), float)
        mean = uniform @ outputs
        moved = triangular @ outputs - mean
        variance = uniform @ (outputs - mean) ** 2
        return {
            "unmatched": SHARES @ moved**2 / 2,
            "barrier": 0.0,
            "scaled_barrier": -(SHARES @ variance) / 4,
            "distance": self.reach**2 / 3,
            "rate": -1.0,
        }

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        first, second = generator(key).uniform(0, self.reach, (2, n))
        matched = np.sort(first), np.sort(second)
        barrier = self._barrier(*matched)
        return {
            "unmatched": self._barrier(first, second),
            "barrier": barrier,
            "scaled_barrier": n * barrier,
            "distance": n * ((matched[0] - matched[1]) ** 2).mean(),
        }

    def _barrier(self, first: np.ndarray, second: np.ndarray) -> float:
        """The risk halfway, less the mean of those of the ends.

        With m the output halfway and f, g those of the ends, $(m - t)^2 - ((f - t)^2 + (g - t)^2)/2$ is
        $(m - a)(m + a - 2 t) - (f - g)^2/4$ where $a = (f + g)/2$, and the target t is their common limit.
        """
        middle, f, g = (
            np.asarray(self.activation(np.outer(w, INPUTS)), float).mean(axis=0)
            for w in ((first + second) / 2, first, second)
        )
        average = (f + g) / 2
        return float(SHARES @ ((middle - average) * (middle + average - 2 * self._task()) - (f - g) ** 2 / 4)) / 2

    def _task(self) -> np.ndarray:
        return _learned(self.activation, self.reach)


def _learned(activation: Activation, reach: float) -> np.ndarray:
    """What both networks learned, at the inputs: the mean of a neuron, by the trapezoidal rule."""
    w = np.linspace(0, reach, 2001)
    outputs = np.asarray(activation(np.outer(w, INPUTS)), float)
    return np.asarray(np.trapezoid(outputs, w, axis=0) / reach)


def unit_interval() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points of [0, 1], and their weights under a uniform point and under the mean of two.

    On panels that end at 1/2, where the density of that mean is kinked.
    """
    t, w = np.polynomial.legendre.leggauss(20)
    points, lengths = np.r_[(t + 1) / 4, (t + 3) / 4], np.r_[w, w] / 4
    return points, lengths, lengths * (2 - 4 * np.abs(points - 0.5))
