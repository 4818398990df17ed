"""Depth separation: a deep network has exponentially many linear pieces, a shallow or random one does not."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

TELGARSKY = "Telgarsky, Proc. Mach. Learn. Res. 49 (2016) 1517, theorem 1.1 and lemma 3.3"
HANIN_ROLNICK = "Hanin and Rolnick, Proc. Mach. Learn. Res. 97 (2019) 2596, theorem 1"
RANDOM = 32  # random networks whose kinks one realisation averages


class DepthSeparation(Law):
    r"""The linear pieces of deep rectifier networks of one input: constructed, fitted and at random.

    A layer of n units maps $[0, 1]$ onto itself by a zigzag of n linear pieces. Composed `depth` times, L, it is a
    zigzag of exactly $n^L$ pieces: `pieces` is their number over $n^L$ in a constructed network whose zigzags have
    random turning points and whose units are randomly permuted and rescaled, counted from its weights.

    A network with one hidden layer of as many units, nL, has at most $M = nL + 1$ pieces, and at most 2M - 1 changes
    of the sign of $g - 1/2$, while the zigzag f of equal pieces crosses 1/2 in every piece. In each pair of
    neighbouring intervals between crossings without such a change, g is on the wrong side of 1/2 over one of them, of
    area $n^{-L}/4$, so that

    $$\int_0^1 |f - g|\,dx \ge \frac{n^{-L}}{4} \left( \Big\lfloor \frac{n^L - 1}{2} \Big\rfloor - 2 M + 1 \right)
      \to \frac18 ,$$

    and `error` is this bound over the error of a shallow network that is fitted to f from a random start by moving its
    kinks and solving for its weights.

    A random network, weights of variance $\sigma_w^2$/inputs and biases of variance $\sigma_b^2$, wastes its depth. As
    $n \to \infty$ the fields of layer l are a Gaussian process of variance $A_l + B_l x^2$, with
    $B_l = \sigma_w^2 (\sigma_w^2/2)^{l-1}$ and $A_l = \sigma_b^2 \sum_{k<l} (\sigma_w^2/2)^k$, and by the formula of
    Kac and Rice a unit bends on $[-r, r]$ as often, on average, as

    $$\frac2\pi \arctan\big(r \sqrt{B_l/A_l}\big) \le 1,$$

    so that the pieces are as many as the units, whatever the depth: `kinks` of a unit, layer by layer, averaged over
    thirty-two networks a realisation.
    """

    depth: int = field(3, "hidden layers L", at_least=2)
    weight_variance: float = field(2.0, "variance of a random weight, times the inputs of its unit", above=0)
    bias_variance: float = field(1.0, "variance of a random bias", above=0)
    reach: float = field(2.0, "random networks are looked at on [-reach, reach]", above=0)

    defaults = Defaults(size="units in a layer", sizes=(8, 16, 32), seeds=160)
    references = References(
        source=TELGARSKY + "; " + HANIN_ROLNICK,
        status="proved; the kinks of random networks by the Kac-Rice formula for their Gaussian limit",
        bibtex="""@inproceedings{Telgarsky2016,
  author = {Telgarsky, Matus},
  title = {Benefits of depth in neural networks},
  booktitle = {Conference on Learning Theory}, series = {Proceedings of Machine Learning Research},
  volume = {49}, pages = {1517--1539}, year = {2016}
}
@inproceedings{HaninRolnick2019,
  author = {Hanin, Boris and Rolnick, David},
  title = {Complexity of linear regions in deep networks},
  booktitle = {International Conference on Machine Learning}, series = {Proceedings of Machine Learning Research},
  volume = {97}, pages = {2596--2604}, year = {2019}
}""",
    )
    observables = {
        "pieces": Observable(r"P/n^L", "linear pieces of the constructed network, over n**depth"),
        "error": Observable(
            r"\epsilon_0/\epsilon", "lower bound over the error of a fitted shallow network", bound="every"
        ),
        "kinks": Observable(r"\kappa_l", "kinks of a unit of a random network", dims=("layer",), resolution=0.1),
    }
    exercises = (dict(weight_variance=1.5, bias_variance=1.5, reach=0.8),)
    landmarks = (
        Landmark({}, "pieces", 1.0, 1e-12, TELGARSKY),
        Landmark(
            dict(reach=1e9),
            "kinks",
            1.0,
            1e-8,
            "each unit bends once on the whole line, on average: a ratio of normal variables is Cauchy's in layer 1",
            at=(2,),
        ),
        Landmark(dict(reach=1.0), "kinks", 2 / math.pi * math.atan(math.sqrt(2)), 1e-12, HANIN_ROLNICK, at=(0,)),
    )

    def predict(self) -> dict[str, Any]:
        layer = np.arange(self.depth)
        gain = self.weight_variance / 2
        slope = self.weight_variance * gain**layer
        offset = self.bias_variance * np.cumsum(gain**layer)
        kinks = 2 / np.pi * np.arctan(self.reach * np.sqrt(slope / offset))
        return {"pieces": 1.0, "error": 1.0, "kinks": kinks}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.piecewise.linear_pieces import linear_pieces

        rng = generator(key)
        network = zigzag_network(n, self.depth, rng)
        functions = [linear_pieces(self._random_network(n, rng), -self.reach, self.reach) for _ in range(RANDOM)]
        return {
            "pieces": linear_pieces(network, 0.0, 1.0).count / float(n) ** self.depth,
            "error": self._bound(n) / shallow_error(n**self.depth, n * self.depth, rng),
            "kinks": np.mean([f.crossings for f in functions], axis=0) / n,
        }

    def _bound(self, n: int) -> float:
        """The least L1 error of n depth + 1 pieces, from the crossings of 1/2."""
        pieces = n**self.depth
        return max(0.0, ((pieces - 1) // 2 - 2 * (n * self.depth + 1) + 1) / (4 * pieces))

    def _random_network(self, n: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
        widths = [1, *[n] * self.depth, 1]
        return [
            (
                np.sqrt(self.weight_variance / fan_in) * rng.standard_normal((fan_out, fan_in)),
                np.sqrt(self.bias_variance) * rng.standard_normal(fan_out),
            )
            for fan_in, fan_out in itertools.pairwise(widths)
        ]

    def coords(self) -> dict[str, Any]:
        return {"layer": np.arange(1, self.depth + 1)}


def zigzag_network(n: int, depth: int, rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    """Layers of `depth` zigzags of n pieces with random turning points, their units permuted and rescaled."""
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    weights = np.ones((1, 1))  # of the map from the units before to the point that the next zigzag bends
    for _ in range(depth):
        lengths = rng.uniform(0.5, 1.5, n)
        ends = np.r_[0.0, np.cumsum(lengths) / lengths.sum()]
        slopes = (-1.0) ** np.arange(n) / np.diff(ends)
        scale, order = rng.uniform(0.5, 2.0, n), rng.permutation(n)
        layers.append(((scale[:, None] * weights)[order], (-scale * ends[:-1])[order]))
        weights = (np.diff(np.r_[0.0, slopes]) / scale)[order][None]
    return [*layers, (weights, np.zeros(1))]


def shallow_error(pieces: int, units: int, rng: np.random.Generator, steps: int = 4) -> float:
    """The L1 error of the best of some shallow networks with this many units on the zigzag of equal pieces on [0, 1].

    Kinks start at random turning points of the zigzag; a kink moves at random and stays where that lowers the error.
    """
    x = (np.arange(8 * pieces) + 0.5) / (8 * pieces)
    phase = x * pieces
    target = np.abs((phase + 1) % 2 - 1)
    turns = np.sort(rng.choice(np.arange(pieces), size=min(units, pieces), replace=False)) / pieces

    def error_of(kinks: np.ndarray) -> float:
        """Least squares for the values at the kinks: a tridiagonal system of hat functions."""
        ends = np.unique(np.r_[0.0, kinks, 1.0])
        cell = np.clip(np.searchsorted(ends, x, side="right") - 1, 0, len(ends) - 2)
        right = (x - ends[cell]) / np.diff(ends)[cell]
        return float(np.abs(target - _hat_fit(cell, right, target, len(ends))).mean())

    best = error_of(turns)
    for _ in range(steps):
        moved = turns.copy()
        moved[rng.integers(len(turns))] = rng.integers(pieces) / pieces
        if (error := error_of(moved)) < best:
            best, turns = error, moved
    return best


def _hat_fit(cell: np.ndarray, right: np.ndarray, target: np.ndarray, count: int) -> np.ndarray:
    """The values at the samples of the linear spline with `count` knots nearest to the target in least squares."""
    from scipy.linalg import solveh_banded

    left = 1 - right
    diagonal = np.bincount(cell, left**2, count) + np.bincount(cell + 1, right**2, count)
    beside = np.bincount(cell, left * right, count)
    load = np.bincount(cell, left * target, count) + np.bincount(cell + 1, right * target, count)
    diagonal += 1e-12 * diagonal.max()
    heights = solveh_banded(np.stack([np.r_[0.0, beside[:-1]], diagonal]), load)
    return np.asarray(left * heights[cell] + right * heights[cell + 1])
