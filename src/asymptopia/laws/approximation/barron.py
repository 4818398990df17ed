"""Functions that are averages of waves: n units reach them at a rate that no fixed basis has in high dimension."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

BARRON = "Barron, IEEE Trans. Inform. Theory 39 (1993) 930, lemma 1 and theorem 6"
DEVORE_TEMLYAKOV = "DeVore and Temlyakov, Adv. Comput. Math. 5 (1996) 173, theorem 3.7"


class Barron(Law):
    r"""Approximation of a function of many variables by n waves: random, greedily chosen or fixed in advance.

    The target is $f(x) = e^{-|x|^2/2}$ in dimension d under inputs $x \sim N(0, I_d)$. It is the average of waves
    $\cos(w \cdot x)$ over $w \sim N(0, I_d)$, and so in the closed convex hull of these units, the ball of Barron's
    class.

    - n units at random, each with weight 1/n, have by Maurey's argument the mean squared error

    $$n \, \mathbb{E} \| f - f_n \|^2 = \frac{1 + 5^{-d/2}}{2} - 3^{-d/2}$$

    at every n: `error` tends to zero with exponent `rate` -1, and `scaled_error` is n times it.
    - The orthogonal greedy algorithm takes the unit most correlated with what is left, and projects. Its squared error
    is at most $1/(n + 1)$; `greedy_error` is that error times n + 1. (The best unit is searched for from random ones by
    ascent.)
    - Units fixed beforehand suffer from the dimension. Of the $2n$ lowest waves $\sqrt 2 \cos, \sqrt 2 \sin(2 \pi k x)$
    on the unit cube, of which the highest has frequency K, no space of n dimensions contains half the squared norm of
    all. So one of the functions in Barron's class, waves divided by $2 \pi |k|$, has an error of at least

    $$\frac{1}{2 \pi K \sqrt 2} \sim n^{-1/d} .$$

    `fixed_error` is this bound over the largest error of the span of n translates of a periodic kernel.

    All norms and inner products are integrals in closed form.
    """

    d: int = field(6, "dimension of the inputs", at_least=1, at_most=500)

    defaults = Defaults(size="units", sizes=(8, 16, 32, 48), seeds=120)
    references = References(
        source=BARRON + "; " + DEVORE_TEMLYAKOV,
        status="proved",
        bibtex="""@article{Barron1993,
  author = {Barron, Andrew R.},
  title = {Universal approximation bounds for superpositions of a sigmoidal function},
  journal = {IEEE Transactions on Information Theory}, volume = {39}, pages = {930--945}, year = {1993}
}
@article{DeVoreTemlyakov1996,
  author = {DeVore, Ronald A. and Temlyakov, Vladimir N.},
  title = {Some remarks on greedy algorithms},
  journal = {Advances in Computational Mathematics}, volume = {5}, pages = {173--187}, year = {1996}
}""",
    )
    observables = {
        "error": Observable(r"\epsilon_n", "mean squared error of random units", scale=0.5),
        "rate": Observable("b", "exponent of that error", exponent_of="error", bias=math.inf),
        "scaled_error": Observable(r"n \epsilon_n", "mean squared error of random units, times n", bias=math.inf),
        "greedy_error": Observable(
            r"(n + 1) \epsilon_n^g", "squared error of the greedy algorithm, times n + 1", bound="every"
        ),
        "fixed_error": Observable(
            r"\epsilon_0/\epsilon_n^f", "lower bound over the largest error of fixed units", bound="every"
        ),
    }
    exercises = (dict(d=3),)
    landmarks = (
        Landmark(dict(d=1), "scaled_error", (1 + 5**-0.5) / 2 - 3**-0.5, 1e-12, "Gaussian integrals; " + BARRON),
        Landmark(dict(d=400), "scaled_error", 0.5, 1e-12, "the waves are orthogonal in high dimension; " + BARRON),
        Landmark({}, "rate", -1.0, 1e-12, BARRON),
    )

    def predict(self) -> dict[str, Any]:
        constant = (1 + 5.0 ** (-self.d / 2)) / 2 - 3.0 ** (-self.d / 2)
        return {"error": 0.0, "rate": -1.0, "scaled_error": constant, "greedy_error": 1.0, "fixed_error": 1.0}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        rng = generator(key)
        w = rng.standard_normal((n, self.d))
        power = 3.0 ** (-self.d / 2)
        error = gram(w).mean() - 2 * with_target(w).mean() + power
        return {
            "error": error,
            "scaled_error": n * error,
            "greedy_error": (n + 1) * greedy_error(n, self.d, rng),
            "fixed_error": frequency_bound(n, self.d) / fixed_error(n, self.d, rng),
        }


def gram(w: np.ndarray, v: np.ndarray | None = None) -> np.ndarray:
    """E cos(w.x) cos(v.x) for x ~ N(0, I), over the rows of w and of v."""
    v = w if v is None else v
    squares = (w**2).sum(axis=1)[:, None] + (v**2).sum(axis=1)
    cross = 2 * w @ v.T
    return np.asarray((np.exp(-(squares - cross) / 2) + np.exp(-(squares + cross) / 2)) / 2)


def with_target(w: np.ndarray) -> np.ndarray:
    """E cos(w.x) exp(-|x|^2/2) for x ~ N(0, I), over the rows of w."""
    return np.asarray(2.0 ** (-w.shape[1] / 2) * np.exp(-(w**2).sum(axis=1) / 4))


def greedy_error(n: int, d: int, rng: np.random.Generator, candidates: int = 100, climbs: int = 1) -> float:
    """The squared error after n steps of the orthogonal greedy algorithm.

    The unit cos(w.x) most correlated with the residual is sought among random units, and
    from the best ones by ascent.
    """
    from scipy.linalg import lstsq
    from scipy.optimize import minimize

    chosen, weights = np.zeros((0, d)), np.zeros(0)

    def correlation(w: np.ndarray) -> np.ndarray:
        return np.asarray(with_target(w) - gram(w, chosen) @ weights)

    def against(flat: np.ndarray, sign: float) -> tuple[float, np.ndarray]:
        w = flat[None]
        plus, minus = w + chosen, w - chosen
        each = np.exp(-(plus**2).sum(axis=1) / 2)[:, None], np.exp(-(minus**2).sum(axis=1) / 2)[:, None]
        slope = (-with_target(w) / 2 * w)[0] + weights @ (each[0] * plus + each[1] * minus) / 2
        return -sign * float(correlation(w)[0]), -sign * slope

    for _ in range(n):
        tried = np.concatenate([rng.standard_normal((candidates, d)), np.zeros((1, d))])
        correlations = correlation(tried)
        best = tried[np.argsort(-np.abs(correlations))[:climbs]]
        ends = [
            minimize(against, w, np.sign(correlation(w[None])[0]), jac=True, method="L-BFGS-B", options={"maxiter": 10})
            for w in best
        ]
        new = min(ends, key=lambda e: e.fun).x[None]
        chosen = np.concatenate([chosen, new])
        weights = lstsq(gram(chosen), with_target(chosen), cond=1e-13)[0]
    return float(3.0 ** (-d / 2) - with_target(chosen) @ weights)


def lowest(count: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` lowest waves on the unit cube: frequencies (count, d), one of each pair k and -k, and their lengths.

    Each frequency stands twice, for its cosine and its sine.
    """
    waves = (k for square in itertools.count(1) for k in on_sphere(square, d) if k > (0,) * d)
    k = np.array(list(itertools.islice(waves, (count + 1) // 2)))
    twice = np.repeat(k, 2, axis=0)[:count]
    return twice, np.sqrt((twice**2).sum(axis=1))


def on_sphere(square: int, d: int) -> Iterator[tuple[int, ...]]:
    """The whole vectors of dimension d whose squares add to `square`."""
    if d == 0 or square == 0:
        yield from [(0,) * d] if square == 0 else []
        return
    largest = math.isqrt(square)
    for first in range(-largest, largest + 1):
        for rest in on_sphere(square - first**2, d - 1):
            yield (first, *rest)


def frequency_bound(n: int, d: int) -> float:
    """The least possible largest error of n fixed units on the 2n lowest waves, each divided by 2 pi |k|."""
    return float(math.sqrt(0.5) / (2 * np.pi * lowest(2 * n, d)[1].max()))


def fixed_error(n: int, d: int, rng: np.random.Generator) -> float:
    """The largest error of the span of n translates of a periodic kernel on the 2n lowest waves, each over 2 pi |k|.

    The kernel is the product over coordinates of 1 + sum_k cos(2 pi k t) / k**2, cut at k = 30.
    """
    centres = rng.random((n, d))
    k, length = lowest(2 * n, d)
    degree = np.arange(1, 31)
    power = 0.5 / degree**4.0
    phase = 2 * np.pi * (centres[:, None] - centres)
    matrix = np.prod(1 + (np.cos(phase[..., None] * degree) * power).sum(axis=-1), axis=-1)
    weight = np.prod(np.where(k == 0, 1.0, 0.5 / np.maximum(np.abs(k), 1) ** 2.0), axis=1)
    angle = 2 * np.pi * centres @ k.T
    wave = np.where(np.arange(len(k)) % 2 == 0, np.cos(angle), np.sin(angle)) * math.sqrt(2) * weight
    inside = np.einsum("ik,ik->k", wave, np.linalg.solve(matrix, wave))
    return float((np.sqrt(np.maximum(1 - inside, 0)) / (2 * np.pi * length)).max())
