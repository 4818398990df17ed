"""Products of structured layers: what their product tells of their parameters, and how stably they are recovered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...contract.batching import generator
from ...contract.law import Defaults, Landmark, Law, Observable, References
from ...contract.record import field
from ...numerics.arrays import Key

if TYPE_CHECKING:
    from ...algorithms.factorise.lifting import Layers

MALGOUYRES = "Malgouyres and Landsberg, SIAM J. Math. Data Sci. 1 (2019) 446"
NOISES = 4  # noises on the same layers, each fitted from a start of its own


class StructuredFactorisation(Law):
    r"""The parameters of several structured sparse layers are recovered from the noisy product of the layers.

    $X = M_1(h_1) \cdots M_K(h_K) + E$, n x n, with $M_k(h) = \sum_{s \leq S} h_s M_{k,s}$ and known sparse
    $M_{k,s}$: entries are nonzero with probability `density`, normal, of variance 1/n all told. The product is linear
    in the tensor $P(h) = h_1 \otimes \cdots \otimes h_K$ through the lifted operator A. Parameters
    found by PALM, with a product within $\eta$ of X, from noise of norm $\delta$, obey

    $$\|P(\hat h) - P(h)\| \leq \frac{\gamma}{\sigma} (\delta + \eta), \qquad
      d([\hat h], [h]) \leq 7 \sqrt{K S} \, \max(\|P\|_\infty, \|\hat P\|_\infty)^{1/K - 1}
      \frac{\gamma}{\sigma} (\delta + \eta) ,$$

    the second if the first is below half the largest entry: d is the distance up to scales that cancel, $\sigma$ the
    smallest singular value of A that is not zero, and $\gamma$ the constant of its deep null space property, 1 if A is
    injective. `recovery` and `factors` are the ratios of the two sides.

    As $n \to \infty$ the columns of $A / \sqrt n$ become orthonormal, with corrections of order 1/n: its extreme
    singular values `smallest` and `largest` tend to 1, and a random start has `success`. The squared error of the
    fitted product over the variance of the noise has as mean the `dimension` of the set of products (a realisation
    averages four noises on the same layers, of which the bounds must hold for each),

    $$D = K (S - 1) + 1 .$$
    """

    layers: int = field(2, "number K of layers", at_least=2, at_most=4)
    entries: int = field(5, "parameters S of a layer", at_least=2, at_most=8)
    density: float = field(0.5, "share of entries of the given matrices that are not zero", above=0, at_most=1)
    noise: float = field(0.1, "norm of the noise relative to that of the product", above=0, at_most=0.5)

    defaults = Defaults(size="side of the product", sizes=(32, 64, 128), seeds=900, block=50)
    references = References(
        source=MALGOUYRES,
        status="the bounds are proved; the limits follow from concentration of the lifted operator's Gram matrix",
        bibtex=r"""@article{MalgouyresLandsberg2019,
  author = {Malgouyres, Fran{\c{c}}ois and Landsberg, Joseph},
  title = {Multilinear compressive sensing and an application to convolutional linear networks},
  journal = {SIAM Journal on Mathematics of Data Science}, volume = {1}, pages = {446--475}, year = {2019}
}""",
    )
    observables = {
        "recovery": Observable("r", "error of the tensor over its bound", bound="every"),
        "factors": Observable("r_h", "distance of the parameters over its bound, where it applies", bound="every"),
        "smallest": Observable(r"\sigma_-", "smallest singular value of the lifted operator over root n"),
        "largest": Observable(r"\sigma_+", "largest singular value of the lifted operator over root n"),
        "dimension": Observable("D", "squared error of the product over the noise's variance", resolution=0.05, bias=2),
        "success": Observable("p", "whether a random start ends at the truth", resolution=0.1),
    }
    landmarks = (
        Landmark(dict(layers=2, entries=4), "dimension", 7.0, 1e-14, "matrices of rank 1, 4 x 4: 4 + 4 - 1"),
        Landmark(dict(layers=3, entries=2), "dimension", 4.0, 1e-14, "three points of a line, and a scale"),
    )

    def predict(self) -> dict[str, Any]:
        bounds = {"recovery": 1.0, "factors": 1.0, "smallest": 1.0, "largest": 1.0, "success": 1.0}
        return bounds | {"dimension": float(self.layers * (self.entries - 1) + 1)}

    def realize(self, n: int, key: Key) -> dict[str, Any]:
        from ...algorithms.factorise.lifting import Layers, null_space_constant

        rng, shape = generator(key), (int(self.layers), int(self.entries))
        bases = rng.standard_normal((*shape, n, n)) / np.sqrt(n * float(self.density))
        bases *= rng.random(bases.shape) < float(self.density)
        bases[..., 0, 0] += bases[..., 0, 0] == 0  # none is empty
        layers = Layers(list(bases))
        h = list(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))
        values = np.linalg.svd(layers.reduced[1], compute_uv=False)
        sigma = values[values > values[0] * n * n * np.finfo(float).eps][-1]
        amplified = null_space_constant(layers) / float(sigma)
        fits = [self._recovered(layers, h, amplified, rng) for _ in range(NOISES)]
        recovery, factors, dimension, success = np.array(fits).T
        return {
            "recovery": recovery.max(),
            "factors": factors.max(),
            "smallest": sigma / np.sqrt(n),
            "largest": values[0] / np.sqrt(n),
            "dimension": dimension.mean(),
            "success": success.mean(),
        }

    def _recovered(
        self, layers: Layers, h: list[np.ndarray], amplified: float, rng: np.random.Generator
    ) -> tuple[float, float, float, float]:
        """From one noise: both errors over their bounds, the squared error of the product, and the success.

        amplified: how much larger than the noise the error of the tensor can be.
        """
        from ...algorithms.factorise.lifting import (
            class_bound,
            class_distance,
            fit_layers,
            tensor,
        )

        truth = layers.product(h)
        deviation = float(self.noise) * np.linalg.norm(truth) / len(truth)
        E = deviation * rng.standard_normal(truth.shape)
        fit = fit_layers(layers, truth + E, rng)
        P, Q, product = tensor(h), tensor(fit), layers.product(fit)
        risk = np.linalg.norm(E) + np.linalg.norm(truth + E - product)
        apart = float(amplified * risk)
        near = bool(np.abs(P - Q).max() <= max(np.abs(P).max(), np.abs(Q).max()) / 2)
        return (
            float(np.linalg.norm(P - Q) / apart),
            class_distance(h, fit) / class_bound(h, fit, apart) if near else 0.0,
            float(np.sum((product - truth) ** 2) / deviation**2),
            float(near),
        )

    def too_small(self, sizes: Sequence[int]) -> str | None:
        if self.entries**self.layers > min(sizes) ** 2:
            return (
                f"the lifted operator has {self.entries**self.layers} columns and, at the smallest of the sizes, "
                f"{min(sizes) ** 2} rows only: use larger `sizes`"
            )
        return None
